package layout

import "regexp"

// node-pg-migrate: {timestamp}_{name}.sql beside JavaScript. `-- Up Migration` and `-- Down Migration` part a file's halves, in either order; a file with
// neither is a way up (salsita/node-pg-migrate src/sqlMigration.ts). All pending migrations run in one transaction unless the runner is
// told otherwise (its documentation, "CLI", --no-single-transaction).
var _ = register(framework{
	name: "node-pg-migrate",
	claim: func(f *folder) claim {
		if f.shapes&shapeNumbered == 0 {
			return claim{}
		}
		if c := f.claimDirective(func(line string) bool { return pgMigrateUp.MatchString(line) || pgMigrateDown.MatchString(line) }, "-- Up Migration"); c.evidence > 0 {
			return c
		}
		if _, ok := f.npmVersion("node-pg-migrate"); ok && f.isHabitual() && f.shapes&shapeUpDown == 0 {
			return claim{evidence: byDependency, why: "numbered SQL files, and package.json requires node-pg-migrate"}
		}
		return claim{}
	},
	parse:          parsePlain,
	compare:        comparePlain,
	halves:         true,
	transaction:    InAll,
	transactionWhy: "node-pg-migrate runs all pending migrations in one transaction",
	script: func(b *builder) error {
		up, down := pgMigrateUp.FindStringIndex(b.src), pgMigrateDown.FindStringIndex(b.src)
		start, end := 0, len(b.src)
		mine, other := up, down
		if b.m.Direction == Down {
			mine, other = down, up
		}
		switch {
		case mine != nil:
			start = mine[0]
			b.directive(start, b.src[mine[0]:mine[1]], "the way "+string(b.m.Direction)+" starts")
			if other != nil && other[0] > start {
				end = other[0]
			}
		case b.m.Direction == Down:
			b.absent()
			return nil
		case other != nil:
			// As the tool does: without an Up line the whole file is the way up.
			b.directive(other[0], b.src[other[0]:other[1]], "no way up is marked: the whole file is sent")
		}
		b.blank(0, start)
		b.blank(end, len(b.src))
		return nil
	},
})

var (
	pgMigrateUp   = regexp.MustCompile(`(?im)^[^\S\n]*--[^\S\n]*-*[^\S\n]*up[^\S\n]+migration`)
	pgMigrateDown = regexp.MustCompile(`(?im)^[^\S\n]*--[^\S\n]*-*[^\S\n]*down[^\S\n]+migration`)
)
