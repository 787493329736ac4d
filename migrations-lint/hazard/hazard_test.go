package hazard

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

func TestBlocks(t *testing.T) {
	for lock, want := range map[Lock]string{
		"": "", AccessShare: "", RowShare: "", RowExclusive: "", ShareUpdateExclusive: "ddl",
		Share: "writes ddl", ShareRowExclusive: "writes ddl", Exclusive: "writes ddl", AccessExclusive: "reads writes ddl",
	} {
		if got := strings.Join(lock.Blocks(), " "); got != want {
			t.Errorf("%s blocks %q, want %q", lock, got, want)
		}
	}
	for _, a := range modes {
		for _, b := range modes {
			if a.conflictsWith(b) != b.conflictsWith(a) {
				t.Errorf("%s and %s conflict only one way", a, b)
			}
		}
	}
}

const shop = `
CREATE TABLE teams (id int PRIMARY KEY, code text UNIQUE);
CREATE TABLE users (id int PRIMARY KEY, email varchar(20) NOT NULL, legacy_name text, age int, team_id int REFERENCES teams);
CREATE INDEX users_email ON users (email);
CREATE TABLE posts (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE);
CREATE TABLE logs (day date NOT NULL, n int) PARTITION BY RANGE (day);
CREATE TABLE logs_2020 PARTITION OF logs FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE VIEW names AS SELECT legacy_name FROM users;
CREATE TYPE mood AS ENUM ('ok');
CREATE TABLE moods (id int, mood mood);
CREATE TABLE times (at timestamp);
ALTER TABLE users ADD CONSTRAINT adult CHECK (age > 17) NOT VALID;
`

// price is the cost of the last operation of a statement.
func price(t testing.TB, setup, statement string, version int) Cost {
	t.Helper()
	c, err := schemaOf(group{title: t.Name() + setup, setup: setup}, version)
	if err != nil {
		t.Fatal(err)
	}
	var cost Cost
	for _, s := range postgres.Parse(statement + ";").Statements {
		if s.NotAnalysed != "" {
			t.Fatalf("%s: %s", statement, s.NotAnalysed)
		}
		for _, op := range s.Ops {
			cost = Of(op.Op, c, version)
			c.Apply(op.Op) // an operation that is refused is priced all the same
		}
	}
	return cost
}

func TestLost(t *testing.T) {
	for statement, want := range map[string]string{
		`ALTER TABLE users DROP COLUMN legacy_name`:            "", // the view is in the way
		`ALTER TABLE users DROP COLUMN legacy_name CASCADE`:    "column users.legacy_name",
		`ALTER TABLE users DROP COLUMN IF EXISTS nothing`:      "",
		`ALTER TABLE users DROP CONSTRAINT users_team_id_fkey`: "",
		`DROP TABLE posts`:                            "table public.posts",
		`DROP TABLE logs`:                             "table public.logs",
		`DROP TABLE logs_2020`:                        "table public.logs_2020",
		`DROP VIEW names`:                             "",
		`DROP SCHEMA public CASCADE`:                  "table public.teams, table public.users, table public.posts, table public.logs, table public.moods, table public.times",
		`DROP TYPE mood CASCADE`:                      "column moods.mood",
		`DROP INDEX users_email`:                      "",
		`DROP TABLE users`:                            "table public.users", // refused: posts references it
		`DROP DATABASE shop`:                          "database shop",
		`TRUNCATE posts`:                              "all rows of posts",
		`DELETE FROM users`:                           "rows of users",
		`UPDATE users SET age = 1`:                    "",
		`ALTER TABLE logs DETACH PARTITION logs_2020`: "",
	} {
		cost := price(t, shop, statement, 17)
		if cost.Lost != want || cost.LosesData != (want != "") {
			t.Errorf("%s: LosesData %t, Lost %q; want %q", statement, cost.LosesData, cost.Lost, want)
		}
	}
	cost := price(t, shop, `TRUNCATE users CASCADE`, 17)
	if e := find(cost, "posts"); e == nil || !e.LosesData {
		t.Errorf("TRUNCATE users CASCADE does not say that posts loses its rows: %+v", cost.Also)
	}
	cost = price(t, shop, `DELETE FROM users`, 17)
	if e := find(cost, "posts"); e == nil || !e.LosesData || e.Lock != RowExclusive {
		t.Errorf("DELETE FROM users does not say that posts loses rows: %+v", cost.Also)
	}
}

func find(c Cost, relation string) *RelationLock {
	for _, l := range c.Locks() {
		if l.Relation.Name == relation {
			return &l
		}
	}
	return nil
}

func TestMayFail(t *testing.T) {
	for statement, want := range map[string]string{
		`ALTER TABLE users ALTER COLUMN age SET NOT NULL`:                            "a NULL in users.age",
		`ALTER TABLE users ALTER COLUMN email SET NOT NULL`:                          "",
		`ALTER TABLE users ADD COLUMN n int NOT NULL`:                                "any row of users: the new column is NULL in it",
		`ALTER TABLE users ADD COLUMN n int NOT NULL DEFAULT 1`:                      "",
		`ALTER TABLE users ADD CHECK (age > 17)`:                                     "a row of users that the CHECK forbids",
		`ALTER TABLE users ADD CHECK (age > 17) NOT VALID`:                           "",
		`ALTER TABLE users VALIDATE CONSTRAINT adult`:                                "a row of users that breaks adult",
		`ALTER TABLE users ADD UNIQUE (age, email)`:                                  "two rows with the same age, email in users",
		`ALTER TABLE posts ADD FOREIGN KEY (id) REFERENCES users`:                    "a row of posts whose key users does not have",
		`CREATE UNIQUE INDEX CONCURRENTLY ON users (age)`:                            "two rows with the same key in users",
		`ALTER TABLE users ALTER COLUMN email TYPE varchar(10)`:                      "a value of users.email that is no character varying(10)",
		`ALTER TABLE users ALTER COLUMN age TYPE bigint`:                             "",
		`ALTER TABLE users ALTER COLUMN legacy_name TYPE int USING legacy_name::int`: "a value of users.legacy_name that is no integer",
		`DELETE FROM teams`: "a row of users that references a deleted one",
	} {
		if cost := price(t, shop, statement, 17); cost.MayFail != want {
			t.Errorf("%s: MayFail is %q, want %q", statement, cost.MayFail, want)
		}
	}
}

func TestWhy(t *testing.T) {
	for statement, want := range map[string]string{
		`ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid()`:            "the default is volatile: gen_random_uuid() is called for every row",
		`ALTER TABLE users ADD COLUMN made timestamptz DEFAULT now()`:                  "the default is evaluated once and kept in the catalog",
		`ALTER TABLE users ADD COLUMN n int DEFAULT 1`:                                 "a constant default is kept in the catalog",
		`ALTER TABLE users ADD COLUMN n int`:                                           "the new column is NULL in every old row: only the catalog changes",
		`ALTER TABLE users ALTER COLUMN age TYPE bigint`:                               "integer to bigint changes the stored form",
		`ALTER TABLE users ALTER COLUMN email TYPE varchar(40)`:                        "character varying(20) and character varying(40) share their stored form: no row is written",
		`ALTER TABLE times ALTER COLUMN at TYPE timestamptz`:                           "timestamp without time zone and timestamp with time zone share their stored form only while the session's TimeZone is UTC",
		`SET TimeZone = 'UTC'; ALTER TABLE times ALTER COLUMN at TYPE timestamptz`:     "timestamp without time zone and timestamp with time zone share their stored form: no row is written",
		`ALTER TABLE users ALTER COLUMN legacy_name TYPE text USING trim(legacy_name)`: "", // refused: the view uses it
		`ALTER TABLE users ADD CHECK (age > 17) NOT VALID`:                             "NOT VALID: no old row is checked",
	} {
		cost := price(t, shop, statement, 17)
		if want == "" {
			continue
		}
		if cost.Why != want {
			t.Errorf("%s: Why is %q, want %q", statement, cost.Why, want)
		}
	}
	cost := price(t, shop, `ALTER TABLE posts ADD FOREIGN KEY (id) REFERENCES teams`, 17)
	if e := find(cost, "teams"); e == nil || e.Why != "every key of posts is looked up in it" || e.Lock != ShareRowExclusive {
		t.Errorf("the referenced table is %+v", e)
	}
}

func TestNeeds(t *testing.T) {
	for statement, want := range map[string]int{
		`ALTER TABLE users ADD COLUMN n int`:                                      0,
		`ALTER TABLE logs DETACH PARTITION logs_2020 CONCURRENTLY`:                14,
		`REINDEX TABLE logs`:                                                      14,
		`ALTER TABLE users ALTER COLUMN age DROP EXPRESSION IF EXISTS`:            13,
		`ALTER TABLE users SET ACCESS METHOD heap`:                                15,
		`CREATE UNIQUE INDEX ON users (age) NULLS NOT DISTINCT`:                   15,
		`ALTER TABLE users ALTER COLUMN age SET EXPRESSION AS (1)`:                17,
		`MERGE INTO users USING teams ON true WHEN MATCHED THEN DELETE`:           15,
		`ALTER TABLE users ADD CONSTRAINT c CHECK (age > 1) NOT ENFORCED`:         18,
		`ALTER TABLE users ADD COLUMN n int GENERATED ALWAYS AS (age) VIRTUAL`:    18,
		`REINDEX TABLE CONCURRENTLY users`:                                        0,
		`CREATE TABLE fresh (id int, n int GENERATED ALWAYS AS (id * 2) VIRTUAL)`: 18,
	} {
		for _, version := range []int{12, 13, 17, 18} {
			if got := price(t, shop, statement, version).Needs; got != want {
				t.Errorf("%s on %d: Needs is %d, want %d", statement, version, got, want)
			}
		}
	}
}

// On 12 and 13, which no test can ask, the common statements cost what they cost on 14.
func TestOldVersions(t *testing.T) {
	for _, statement := range []string{
		`ALTER TABLE users ADD COLUMN n int NOT NULL DEFAULT 1`, `ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid()`,
		`CREATE INDEX CONCURRENTLY ON users (age)`, `ALTER TABLE posts ADD FOREIGN KEY (id) REFERENCES teams NOT VALID`,
		`ALTER INDEX users_email RENAME TO users_mail`, `DROP TABLE users CASCADE`, `ALTER TYPE mood ADD VALUE 'sad'`,
	} {
		want := price(t, shop, statement, 14)
		for _, version := range []int{12, 13} {
			if got := price(t, shop, statement, version); !reflect.DeepEqual(got, want) {
				t.Errorf("%s on %d: %+v, on 14: %+v", statement, version, got, want)
			}
		}
	}
}

// What is known of a schema may be wrong or nothing: prices are given all the same.
func TestUnknownSchema(t *testing.T) {
	for _, g := range readGroups(t) {
		for _, statement := range g.statements {
			for _, s := range postgres.Parse(statement + ";").Statements {
				for _, op := range s.Ops {
					empty := catalog.New()
					if cost := Of(op.Op, empty, 17); len(cost.Locks()) > 0 {
						t.Errorf("%s locks %+v in an empty schema", statement, cost.Locks())
					}
					if assumed := catalog.New(); assumed.Assume(op.Op) {
						Of(op.Op, assumed, 17)
					}
				}
			}
		}
	}
	for _, statement := range []string{
		`ALTER TABLE a ADD COLUMN n int`, `ALTER TABLE a ALTER COLUMN n TYPE bigint`, `ALTER TABLE a ALTER COLUMN n SET NOT NULL`,
		`ALTER TABLE a ADD CONSTRAINT c CHECK (n > 0)`, `ALTER TABLE a VALIDATE CONSTRAINT c`, `ALTER TABLE a DROP CONSTRAINT c`,
		`ALTER TABLE a ATTACH PARTITION b DEFAULT`, `ALTER TABLE a DETACH PARTITION b`, `CREATE INDEX ON a (n)`, `DROP INDEX CONCURRENTLY i`,
		`DROP INDEX i`, `DROP TABLE a`, `TRUNCATE a`, `REINDEX TABLE a`, `ALTER TABLE a RENAME TO b`, `ALTER TABLE a DROP COLUMN n`,
		`ALTER TABLE a ADD FOREIGN KEY (n) REFERENCES b`, `LOCK TABLE a`, `REFRESH MATERIALIZED VIEW a`, `VACUUM FULL a`, `CLUSTER a USING i`,
	} {
		c := catalog.New()
		op := postgres.Parse(statement + ";").Statements[0].Ops[0].Op
		c.Assume(op)
		if cost := Of(op, c, 17); cost.Lock == "" {
			t.Errorf("%s locks nothing on assumed objects: %+v", statement, cost)
		}
	}
}

// What holds for every price.
func TestInvariants(t *testing.T) {
	for _, g := range readGroups(t) {
		for _, version := range []int{12, 14, 18} {
			if g.from18 && version < 18 {
				continue
			}
			for _, statement := range g.statements {
				c, err := schemaOf(g, version)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range postgres.Parse(statement + ";").Statements {
					for _, op := range s.Ops {
						cost := Of(op.Op, c, version)
						if again := Of(op.Op, c, version); !reflect.DeepEqual(cost, again) {
							t.Errorf("%s: two prices: %+v and %+v", statement, cost, again)
						}
						for _, fault := range faults(cost) {
							t.Errorf("PostgreSQL %d: %s: %s: %s", version, g.title, statement, fault)
						}
						c.Apply(op.Op) // what is refused is priced as well
					}
				}
			}
		}
	}
}

func faults(cost Cost) (list []string) {
	seen := map[string]bool{}
	for n, l := range append([]RelationLock{cost.RelationLock}, cost.Also...) {
		name := l.Relation.String()
		fault := func(what string) { list = append(list, fmt.Sprintf("%s of %s: %+v", what, name, l)) }
		if n == 0 && l.Relation.IsZero() {
			if l.Lock != "" || l.Scans || l.Rewrites || l.BuildsIndex {
				fault("an effect on no relation")
			}
			continue
		}
		switch {
		case seen[name]:
			fault("two entries")
		case l.Relation.Schema == "":
			fault("no schema in the name")
		case l.Kind == "":
			fault("no kind")
		case n > 0 && l.Lock.rank() == 0:
			fault("no lock")
		case l.Rewrites && !l.Scans:
			fault("a rewrite without a scan")
		case (l.Scans || l.BuildsIndex) && l.Lock.rank() < ShareUpdateExclusive.rank():
			fault("a scan or build under a weak lock")
		case n > 0 && l.Why == "" && l.Lock != AccessShare && l.Lock != RowShare && !slices.Contains([]string{"view"}, l.Kind):
			fault("no reason")
		}
		seen[name] = true
	}
	if cost.LosesData != (cost.Lost != "") {
		list = append(list, fmt.Sprintf("LosesData %t, Lost %q", cost.LosesData, cost.Lost))
	}
	return list
}

func FuzzBound(f *testing.F) {
	f.Add("FOR VALUES FROM ('2022-01-01') TO ('2023-01-01')", "((day >= '2022-01-01'::date) AND (day < '2023-01-01'))")
	f.Add("FOR VALUES IN (1, 2)", "day IN (1, 2)")
	f.Add("DEFAULT", "NOT (day >= 1 AND day < 2)")
	f.Add("FOR VALUES FROM (MINVALUE) TO (')')", "day < ')' OR ((((")
	f.Fuzz(func(t *testing.T, bound, check string) {
		parent := &catalog.Relation{Kind: catalog.PartitionedTable, PartitionKey: []catalog.IndexElement{{Column: "day"}}}
		part := &catalog.Relation{
			Columns:     []*catalog.Column{{Name: "day", NotNull: true, NotNullValid: true}},
			Constraints: []*catalog.Constraint{{Valid: true, ConstraintDef: catalog.ConstraintDef{Type: catalog.Check, Expr: &catalog.Expr{SQL: check}}}},
		}
		implied := impliesBound(part, parent, bound, nil)
		part.Constraints[0].Valid = false
		if impliesBound(part, parent, bound, nil) && !implied {
			t.Errorf("a CHECK that is not valid proves more than a valid one: %q, %q", bound, check)
		}
		excludesBound(part, parent, bound)
		if n := normal(check); normal(n) != n {
			t.Errorf("normal(%q) is %q, and of that %q", check, n, normal(n))
		}
	})
}
