package hazard

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/internal/pgtest"
)

var update = flag.Bool("update", false, "write what the servers say to the recorded files")

// The lists of built-in functions are those of the servers.
func TestBuiltinFunctions(t *testing.T) {
	volatile, all := map[string]bool{}, map[string]bool{}
	servers := pgtest.Servers(t)
	for _, s := range servers {
		// Functions of internal types cannot be called by SQL. timezone() has a volatile
		// overload for timetz, which is not what AT TIME ZONE is used for.
		rows, err := s.NewDatabase(t).Query(background, `SELECT proname::text, bool_and(provolatile = 'v') FROM pg_proc
			WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind <> 'p'
			AND NOT prorettype = ANY ('{internal,cstring,trigger,event_trigger,fdw_handler,table_am_handler,index_am_handler,tsm_handler,language_handler}'::regtype[])
			AND NOT proargtypes::oid[] && '{internal,cstring}'::regtype[]::oid[] GROUP BY 1`)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var name string
			var isVolatile bool
			if err := rows.Scan(&name, &isVolatile); err != nil {
				t.Fatal(err)
			}
			all[name] = true
			volatile[name] = volatile[name] || isVolatile
		}
		if rows.Err() != nil {
			t.Fatal(rows.Err())
		}
	}
	var volatileList, stableList []string
	for name := range all {
		if volatile[name] {
			volatileList = append(volatileList, name)
		} else {
			stableList = append(stableList, name)
		}
	}
	compareList(t, "volatile.txt", volatileList, volatileBuiltin, len(servers))
	compareList(t, "stable.txt", stableList, stableBuiltin, len(servers))
}

func compareList(t *testing.T, path string, list []string, recorded map[string]bool, servers int) {
	t.Helper()
	slices.Sort(list)
	if *update {
		if servers < 5 {
			t.Fatalf("%s is written from all versions, 14 to 18; there are %d servers", path, servers)
		}
		if err := os.WriteFile(path, []byte(strings.Join(list, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, name := range list {
		if !recorded[name] {
			t.Errorf("%s lacks %s: run go test -update", path, name)
		}
	}
	if servers == 5 && len(list) != len(recorded) {
		t.Errorf("%s has %d names, the servers have %d: run go test -update", path, len(recorded), len(list))
	}
}
