package livedb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// ours limits a query to what the project has made: not the system's, not an extension's, not a session's own.
func ours(alias, namespace, catalog string) string {
	return strings.NewReplacer("$a", alias, "$n", namespace, "$c", catalog).Replace(
		`$a.$n NOT IN (SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\_%' OR nspname = 'information_schema')
		AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '$c'::regclass AND e.objid = $a.oid AND e.deptype = 'e')`)
}

// schema writes the lines of a script that makes the schema.
func (s *session) schema(ctx context.Context) ([]string, error) {
	w := &script{session: s, labels: map[string]bool{}}
	for _, section := range []func(context.Context) error{
		w.schemas, w.extensions, w.enums, w.types, w.sequences, w.tables, w.owners, w.constraints, w.indexes, w.views,
	} {
		if err := section(ctx); err != nil {
			return nil, err
		}
	}
	return w.lines, nil
}

type script struct {
	*session
	lines  []string
	labels map[string]bool // of enums
}

func (w *script) line(format string, args ...any) {
	w.lines = append(w.lines, strings.Split(fmt.Sprintf(format, args...), "\n")...)
}

// masked is an expression without its literals; one that cannot be taken apart is left out as a whole.
func (w *script) masked(sql string) string {
	if text, ok := mask(sql, w.labels); ok {
		return text
	}
	return "NULL"
}

// each reads rows of texts.
func (w *script) each(ctx context.Context, columns int, sql string, row func([]string)) error {
	values, into := make([]string, columns), make([]any, columns)
	for i := range values {
		into[i] = &values[i]
	}
	return w.rows(ctx, sql, func(r pgx.Rows) error {
		if err := r.Scan(into...); err != nil {
			return err
		}
		row(slices.Clone(values))
		return nil
	})
}

func (w *script) schemas(ctx context.Context) error {
	return w.each(ctx, 1, `SELECT quote_ident(nspname) FROM pg_namespace n WHERE nspname NOT LIKE 'pg\_%' AND nspname NOT IN ('information_schema', 'public')
		AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid AND e.deptype = 'e') ORDER BY 1`,
		func(v []string) { w.line("CREATE SCHEMA %s;", v[0]) })
}

func (w *script) extensions(ctx context.Context) error {
	return w.each(ctx, 2, `SELECT quote_ident(extname), quote_ident(nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace WHERE extname <> 'plpgsql' ORDER BY 1`,
		func(v []string) { w.line("CREATE EXTENSION %s WITH SCHEMA %s;", v[0], v[1]) })
}

func (w *script) enums(ctx context.Context) error {
	return w.rows(ctx, `SELECT t.oid::regtype::text, coalesce(array_agg(enumlabel::text ORDER BY enumsortorder) FILTER (WHERE enumlabel IS NOT NULL), '{}')
		FROM pg_type t LEFT JOIN pg_enum ON enumtypid = t.oid WHERE typtype = 'e' AND `+ours("t", "typnamespace", "pg_type")+` GROUP BY t.oid ORDER BY 1`,
		func(r pgx.Rows) error {
			var name string
			var labels, quoted []string
			if err := r.Scan(&name, &labels); err != nil {
				return err
			}
			for _, label := range labels {
				w.labels[label] = true
				quoted = append(quoted, "'"+strings.ReplaceAll(label, "'", "''")+"'")
			}
			w.line("CREATE TYPE %s AS ENUM (%s);", name, strings.Join(quoted, ", "))
			return nil
		})
}

// types are those that may need one another: in the order in which they were made.
func (w *script) types(ctx context.Context) error {
	return w.each(ctx, 7, `SELECT typtype::text, t.oid::regtype::text, CASE WHEN typtype = 'd' THEN format_type(typbasetype, typtypmod) ELSE '' END, coalesce(typdefault, ''), typnotnull::text,
			coalesce((SELECT string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
				FROM pg_attribute WHERE attrelid = typrelid AND attnum > 0 AND NOT attisdropped),
				(SELECT format_type(rngsubtype, NULL) FROM pg_range WHERE rngtypid = t.oid), ''),
			coalesce((SELECT string_agg(' CONSTRAINT ' || quote_ident(conname) || ' ' || pg_get_constraintdef(k.oid), '' ORDER BY conname) FROM pg_constraint k WHERE contypid = t.oid AND contype = 'c'), '')
		FROM pg_type t WHERE typtype IN ('d', 'c', 'r') AND (typrelid = 0 OR (SELECT relkind = 'c' FROM pg_class c WHERE c.oid = typrelid)) AND `+ours("t", "typnamespace", "pg_type")+`
		ORDER BY t.oid`,
		func(v []string) {
			switch v[0] {
			case "d":
				line := "CREATE DOMAIN " + v[1] + " AS " + v[2]
				if v[3] != "" {
					line += " DEFAULT " + w.masked(v[3])
				}
				if v[4] == "true" {
					line += " NOT NULL"
				}
				w.line("%s;", line+w.masked(v[6]))
			case "c":
				w.line("CREATE TYPE %s AS (%s);", v[1], v[5])
			case "r":
				w.line("CREATE TYPE %s AS RANGE (subtype = %s);", v[1], v[5])
			}
		})
}

// sequences are those that no identity column has.
func (w *script) sequences(ctx context.Context) error {
	return w.each(ctx, 2, `SELECT c.oid::regclass::text, format_type(seqtypid, NULL) FROM pg_class c JOIN pg_sequence ON seqrelid = c.oid
		WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i') AND `+ours("c", "relnamespace", "pg_class")+` ORDER BY 1`,
		func(v []string) { w.line("CREATE SEQUENCE %s AS %s;", v[0], v[1]) })
}

// tables are written without their partitions, which come and go. A table that inherits comes after its parents.
func (w *script) tables(ctx context.Context) error {
	type table struct{ name, tail, kind string }
	columns, order := map[string][]string{}, []table{}
	err := w.each(ctx, 4, `SELECT c.oid::regclass::text, relkind::text,
			coalesce((SELECT ' INHERITS (' || string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno) || ')' FROM pg_inherits WHERE inhrelid = c.oid), '')
				|| CASE WHEN relkind = 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(c.oid) ELSE '' END
				|| CASE WHEN relkind = 'f' THEN ' SERVER ' || quote_ident((SELECT srvname FROM pg_foreign_table JOIN pg_foreign_server v ON v.oid = ftserver WHERE ftrelid = c.oid)) ELSE '' END,
			relpersistence::text
		FROM pg_class c WHERE relkind IN ('r', 'p', 'f') AND NOT relispartition AND `+ours("c", "relnamespace", "pg_class")+`
		ORDER BY EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid), CASE WHEN EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid) THEN c.oid END, 1`,
		func(v []string) {
			kind := "TABLE"
			switch {
			case v[1] == "f":
				kind = "FOREIGN TABLE"
			case v[3] == "u":
				kind = "UNLOGGED TABLE"
			}
			order = append(order, table{v[0], w.masked(v[2]), kind})
		})
	if err != nil {
		return err
	}
	err = w.each(ctx, 8, `SELECT c.oid::regclass::text, quote_ident(attname), format_type(atttypid, atttypmod),
			coalesce(CASE WHEN attcollation <> 0 AND attcollation <> (SELECT typcollation FROM pg_type t WHERE t.oid = atttypid)
				THEN (SELECT quote_ident(nspname) || '.' || quote_ident(collname) FROM pg_collation l JOIN pg_namespace n ON n.oid = collnamespace WHERE l.oid = attcollation) END, ''),
			coalesce(pg_get_expr(adbin, adrelid), ''), attgenerated::text, attidentity::text, attnotnull::text
		FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
		WHERE attnum > 0 AND NOT attisdropped AND attislocal AND relkind IN ('r', 'p', 'f') AND NOT relispartition AND `+ours("c", "relnamespace", "pg_class")+`
		ORDER BY c.oid, attnum`,
		func(v []string) {
			line := v[1] + " " + v[2]
			if v[3] != "" {
				line += " COLLATE " + v[3]
			}
			switch {
			case v[5] == "s":
				line += " GENERATED ALWAYS AS (" + w.masked(v[4]) + ") STORED"
			case v[5] == "v":
				line += " GENERATED ALWAYS AS (" + w.masked(v[4]) + ") VIRTUAL"
			case v[6] == "a":
				line += " GENERATED ALWAYS AS IDENTITY"
			case v[6] == "d":
				line += " GENERATED BY DEFAULT AS IDENTITY"
			case v[4] != "":
				line += " DEFAULT " + w.masked(v[4])
			}
			if v[7] == "true" {
				line += " NOT NULL"
			}
			columns[v[0]] = append(columns[v[0]], line)
		})
	for _, t := range order {
		w.line("CREATE %s %s (", t.kind, t.name)
		for i, column := range columns[t.name] {
			if i < len(columns[t.name])-1 {
				column += ","
			}
			w.line("    %s", column)
		}
		w.line(")%s;", t.tail)
	}
	return err
}

// owners says which column a sequence of a serial goes with.
func (w *script) owners(ctx context.Context) error {
	return w.each(ctx, 2, `SELECT c.oid::regclass::text, refobjid::regclass || '.' || quote_ident(attname)
		FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'a' AND refclassid = 'pg_class'::regclass
			JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
		WHERE relkind = 'S' AND `+ours("c", "relnamespace", "pg_class")+` ORDER BY 1`,
		func(v []string) { w.line("ALTER SEQUENCE %s OWNED BY %s;", v[0], v[1]) })
}

func (w *script) constraints(ctx context.Context) error {
	return w.each(ctx, 3, `SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(k.oid)
		FROM pg_constraint k JOIN pg_class c ON c.oid = conrelid
		WHERE contype IN ('c', 'f', 'p', 'u', 'x') AND conislocal AND conparentid = 0 AND relkind IN ('r', 'p', 'f') AND NOT relispartition AND `+ours("c", "relnamespace", "pg_class")+`
		ORDER BY contype = 'f', 1, 2`,
		func(v []string) { w.line("ALTER TABLE %s ADD CONSTRAINT %s %s;", v[0], v[1], w.masked(v[2])) })
}

// indexes are those that no constraint has made. One of a partitioned table is written as if it were built with its partitions.
func (w *script) indexes(ctx context.Context) error {
	return w.each(ctx, 1, `SELECT pg_get_indexdef(indexrelid)
		FROM pg_index i JOIN pg_class c ON c.oid = indrelid
		WHERE relkind IN ('r', 'p') AND NOT relispartition AND NOT EXISTS (SELECT FROM pg_constraint k WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x')) AND `+ours("c", "relnamespace", "pg_class")+`
		ORDER BY indrelid::regclass::text, indexrelid::regclass::text`,
		func(v []string) { w.line("%s;", w.masked(strings.Replace(v[0], " ON ONLY ", " ON ", 1))) })
}

// views come after those that they are made from. Indexes of materialized views follow.
func (w *script) views(ctx context.Context) error {
	defs, needs, order := map[string]string{}, map[string][]string{}, []string{}
	err := w.each(ctx, 3, `SELECT c.oid::regclass::text, CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, pg_get_viewdef(c.oid)
		FROM pg_class c WHERE relkind IN ('v', 'm') AND `+ours("c", "relnamespace", "pg_class")+` ORDER BY 1`,
		func(v []string) {
			order = append(order, v[0])
			defs[v[0]] = fmt.Sprintf("CREATE %s %s AS\n%s", v[1], v[0], w.masked(v[2]))
		})
	if err != nil {
		return err
	}
	err = w.each(ctx, 2, `SELECT DISTINCT ev_class::regclass::text, refobjid::regclass::text
		FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND refclassid = 'pg_class'::regclass AND refobjid <> ev_class
			JOIN pg_class c ON c.oid = refobjid WHERE rulename = '_RETURN' AND c.relkind IN ('v', 'm') ORDER BY 1, 2`,
		func(v []string) { needs[v[0]] = append(needs[v[0]], v[1]) })
	written := map[string]bool{}
	var write func(name string)
	write = func(name string) {
		if written[name] || defs[name] == "" {
			return
		}
		written[name] = true
		for _, needed := range needs[name] {
			write(needed)
		}
		w.line("%s", defs[name])
	}
	for _, name := range order {
		write(name)
	}
	if err != nil {
		return err
	}
	return w.each(ctx, 1, `SELECT pg_get_indexdef(indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = indrelid
		WHERE relkind = 'm' AND `+ours("c", "relnamespace", "pg_class")+` ORDER BY indrelid::regclass::text, indexrelid::regclass::text`,
		func(v []string) { w.line("%s;", w.masked(v[0])) })
}
