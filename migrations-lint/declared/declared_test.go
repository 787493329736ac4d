package declared

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

func schemaOf(engine layout.Engine, sql string) *Schema {
	return Read(engine, []File{{Path: "schema.sql", Content: []byte(sql)}})
}

func planOf(t *testing.T, engine layout.Engine, from, to string) *Plan {
	t.Helper()
	plan, err := Make(context.Background(), schemaOf(engine, from), schemaOf(engine, to), Options{Engine: engine})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// shown is a plan as the tests compare it.
func shown(p *Plan) string {
	var b strings.Builder
	for _, s := range p.Ordered() {
		if s.Drop {
			b.WriteString("drop: ")
		}
		if s.Alone {
			b.WriteString("alone: ")
		}
		fmt.Fprintf(&b, "%s;\n", strings.Join(strings.Fields(s.SQL), " "))
	}
	for _, u := range p.Unread {
		side := "new"
		if u.Old {
			side = "old"
		}
		fmt.Fprintf(&b, "unread, %s, %s: %s: %s\n", side, u.Kind, strings.Join(strings.Fields(u.SQL), " "), u.Reason)
	}
	return b.String()
}

func TestPlan(t *testing.T) {
	for _, test := range []struct {
		name, engine, from, to, want string
	}{
		{
			name: "nothing differs", engine: "postgres",
			from: "CREATE TABLE users (id bigint PRIMARY KEY, name text);",
			to:   "CREATE TABLE users (\n  id bigint PRIMARY KEY, -- the key\n  name text\n);",
		}, {
			name: "a column comes and one goes", engine: "postgres",
			from: "CREATE TABLE users (id bigint PRIMARY KEY, legacy_name text);",
			to:   "CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL);",
			want: `ALTER TABLE "public"."users" ADD COLUMN "email" text NOT NULL;
drop: ALTER TABLE "public"."users" DROP COLUMN "legacy_name";
`,
		}, {
			name: "renames", engine: "postgres",
			from: "CREATE TABLE accounts (id bigint PRIMARY KEY, username text);",
			to:   "CREATE TABLE users ( -- @renamed from=accounts\n  id bigint PRIMARY KEY,\n  name text -- @renamed from=username\n);",
			want: `ALTER TABLE "public"."accounts" RENAME TO "users";
ALTER TABLE "public"."users" RENAME COLUMN "username" TO "name";
`,
		}, {
			name: "an index that is built beside the transaction", engine: "postgres",
			from: "CREATE TABLE users (id bigint PRIMARY KEY, name text);",
			to:   "CREATE TABLE users (id bigint PRIMARY KEY, name text);\nCREATE INDEX CONCURRENTLY users_name ON users (name);\nCREATE TABLE notes (id bigint PRIMARY KEY);",
			want: "CREATE TABLE notes (id bigint PRIMARY KEY);\nalone: CREATE INDEX CONCURRENTLY users_name ON users (name);\n",
		}, {
			name: "columns called as sqldef's own words", engine: "postgres",
			from: "CREATE TABLE settings (key text NOT NULL, value text);",
			to:   "CREATE TABLE settings (key text NOT NULL, value text, sequence integer);",
			want: `ALTER TABLE "public"."settings" ADD COLUMN "sequence" integer;
`,
		}, {
			name: "a dump's primary keys", engine: "postgres",
			from: "SET client_encoding = 'UTF8';\nCREATE TABLE public.users (\n    id bigint NOT NULL\n);\nALTER TABLE ONLY public.users\n    ADD CONSTRAINT users_pkey PRIMARY KEY (id);",
			to:   "SET client_encoding = 'UTF8';\nCREATE TABLE public.users (\n    id bigint NOT NULL,\n    name text\n);\nALTER TABLE ONLY public.users\n    ADD CONSTRAINT users_pkey PRIMARY KEY (id);",
			want: `ALTER TABLE "public"."users" ADD COLUMN "name" text;
`,
		}, {
			name: "what sqldef does not read is named, where it differs", engine: "postgres",
			from: "CREATE TABLE users (id bigint PRIMARY KEY);\nCREATE AGGREGATE old_sum (int) (sfunc = int4pl, stype = int);\nCREATE AGGREGATE same (int) (sfunc = int4pl, stype = int);",
			to:   "CREATE TABLE users (id bigint PRIMARY KEY, name text);\nCREATE AGGREGATE same (int) (sfunc = int4pl, stype = int);\nCREATE TABLE broken (id bigint;\n",
			want: `ALTER TABLE "public"."users" ADD COLUMN "name" text;
unread, old, unsupported: CREATE AGGREGATE old_sum (int) (sfunc = int4pl, stype = int): sqldef does not read it: syntax error at line 1, column 18 near 'AGGREGATE'
unread, new, syntax: CREATE TABLE broken (id bigint: syntax error at end of input
`,
		}, {
			name: "an index on a table that is not there", engine: "postgres",
			from: "CREATE TABLE users (id bigint PRIMARY KEY);",
			to:   "CREATE TABLE users (id bigint PRIMARY KEY, name text);\nCREATE INDEX ghosts_id ON ghosts (id);",
			want: `ALTER TABLE "public"."users" ADD COLUMN "name" text;
unread, new, unsupported: CREATE INDEX ghosts_id ON ghosts (id): sqldef can do nothing with it: CREATE INDEX is performed before CREATE TABLE: CREATE INDEX ghosts_id ON ghosts (id)
`,
		}, {
			name: "MySQL", engine: "mysql",
			from: "CREATE TABLE users (id bigint PRIMARY KEY, legacy varchar(40)) ENGINE=InnoDB;",
			to:   "CREATE TABLE users (id bigint PRIMARY KEY, name varchar(40) NOT NULL DEFAULT 'it\\'s; so', KEY users_name (name)) ENGINE=InnoDB; # the end\n",
			want: "ALTER TABLE `users` ADD COLUMN `name` varchar(40) NOT NULL DEFAULT 'it''s; so' AFTER `id`;\nALTER TABLE `users` ADD KEY `users_name` (`name`);\ndrop: ALTER TABLE `users` DROP COLUMN `legacy`;\n",
		}, {
			name: "SQLite", engine: "sqlite",
			from: "PRAGMA foreign_keys = ON;\nCREATE TABLE users (id integer PRIMARY KEY, name text);",
			to:   "CREATE TABLE users (id integer PRIMARY KEY, name text, [note] text);\nCREATE TRIGGER t AFTER INSERT ON users BEGIN UPDATE users SET name = 'a;b'; END;",
			want: `CREATE TRIGGER t AFTER INSERT ON users BEGIN UPDATE users SET name = 'a;b'; END;
unread, new, unsupported: CREATE TABLE users (id integer PRIMARY KEY, name text, [note] text): sqldef does not read it: syntax error at line 1, column 58
`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := shown(planOf(t, layout.Engine(test.engine), test.from, test.to)); got != test.want {
				t.Errorf("planned\n%s\nexpected\n%s", got, test.want)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	table := "CREATE TABLE users (id bigint PRIMARY KEY);\n"
	for _, test := range []struct {
		name, to, kind string
	}{
		{"more bytes than are read", table + strings.Repeat("-- "+strings.Repeat("x", 97)+"\n", MaxBytes/100), "too-large"},
		{"more statements than are read", strings.Repeat("CREATE SCHEMA a;\n", MaxStatements+1), "too-large"},
		{"nested deeply", table + "CREATE VIEW v AS SELECT " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000) + ";", "too-large"},
		{"no text", table + "CREATE TABLE b (\xff\xfe int);", "encoding"},
		{"a NUL byte", table + "CREATE TABLE b (\x00 int);", "encoding"},
		{"a large statement", table + "CREATE TABLE b (a text DEFAULT '" + strings.Repeat("x", maxStatement) + "');", "too-large"},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan := planOf(t, layout.Postgres, table, test.to)
			if !slices.ContainsFunc(plan.Unread, func(u Unread) bool { return u.Kind == test.kind && u.Reason != "" && !u.Old }) {
				t.Errorf("nothing of kind %s is named: %.500s", test.kind, shown(plan))
			}
		})
	}
}

// Whatever ends the child, the process that asked goes on and says why.
func TestChild(t *testing.T) {
	from, to := schemaOf(layout.Postgres, "CREATE TABLE a (id int);"), schemaOf(layout.Postgres, "CREATE TABLE b (id int);")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Make(ctx, from, to, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who has gone is answered %v", err)
	}
	if _, err := Make(context.Background(), from, to, Options{Engine: "oracle"}); err == nil || !strings.Contains(err.Error(), `sqldef does not know the engine "oracle"`) {
		t.Errorf("an engine that sqldef does not know: %v", err)
	}
	for _, test := range []struct{ said, want string }{
		{"2026/12/01 09:00:00 Failed to removeTableByName: Table `a` is not found", "2026/12/01 09:00:00 Failed to removeTableByName: Table `a` is not found"},
		{"goroutine stack exceeds limit\nfatal error: stack overflow\n\ngoroutine 1:\nmain.f()", "fatal error: stack overflow"},
		{"", "signal: killed"},
	} {
		if got := lastWords(test.said, errors.New("signal: killed")); got != test.want {
			t.Errorf("of %q is said %q, expected %q", test.said, got, test.want)
		}
	}
}
