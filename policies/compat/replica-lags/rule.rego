# METADATA
# title: A replica is behind
# description: |
#   Before a deploy that was given the live database's URL: a replica has not yet replayed what the primary wrote. Code that reads from it
#   meets the old schema until it has caught up, and a migration that writes many rows leaves it further behind. A replica that is behind by less than
#   max_seconds and max_bytes is left alone.
# custom:
#   severity: warning
#   remedy: Let the replicas catch up before the migration, and again before code that needs it.
#   on: [live]
#   since: "0.1"
#   options:
#     max_seconds: 30
#     max_bytes: 1073741824
#   sources:
#     - PostgreSQL manual, 27.2.4 pg_stat_replication
# schemas:
#   - input: schema.facts
package pmcheck.rules["replica-lags"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.settings
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements

findings contains finding.about(finding.advised(finding.at(place, text), remedy), sprintf("replica %s", [replica.name])) if {
	some replica in input.live.replicas
	is_behind(replica)
	[migration, _] := statements.forward[0]
	place := {"path": migration.path, "line": 1}
	text := sprintf("%s is %s behind: what reads from it meets the schema from before this migration until it has caught up%s", [
		named(replica),
		replica.text,
		waits(replica),
	])
}

is_behind(replica) if replica.seconds >= settings.option("replica-lags", "max_seconds", 30)

is_behind(replica) if replica.bytes >= settings.option("replica-lags", "max_bytes", 1073741824)

named(replica) := sprintf("Replica %s", [replica.name]) if {
	replica.name != ""
} else := "A replica"

waits(replica) := ", and commits wait for it (it is synchronous)" if {
	replica.sync
} else := ""

remedy := sql.remedy([
	"Wait until it has caught up before the deploy:",
	sql.code("SELECT application_name, replay_lag, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) FROM pg_stat_replication;", []),
])
