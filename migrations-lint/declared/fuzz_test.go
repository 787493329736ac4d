package declared

import (
	"testing"
	"unicode/utf8"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// What is given to sqldef is SQL as long as the file is, and every place lies in its file.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"CREATE TABLE users ( -- @renamed from=accounts\n id bigint PRIMARY KEY, name text UNIQUE, -- @renamed from=n\n CHECK (id > 0));",
		"CREATE TABLE t (a int REFERENCES p ON DELETE SET NULL NOT NULL, b text DEFAULT 'a,(b' CHECK (b <> ')'), PRIMARY KEY (a, b));CREATE TABLE p (id int PRIMARY KEY);",
		"CREATE TABLE public.t (id bigint NOT NULL);\nALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (id);",
		"CREATE TABLE t (a int NOT NULL DEFERRABLE, b int UNIQUE NULLS NOT DISTINCT /* c */);",
		"CREATE TABLE \"T\"\"x\" (\"a\"\"b\" int CONSTRAINT \"c\" CHECK (true) NO INHERIT -- it\n);",
		"CREATE TRIGGER t AFTER INSERT ON u BEGIN UPDATE u SET a = CASE WHEN 1 THEN 2 END; END; CREATE TABLE [a b] (c);",
		"DELIMITER //\nCREATE PROCEDURE p() BEGIN IF 1 THEN SELECT 1; END IF; END //\nDELIMITER ;\nCREATE TABLE `t` (a int /*!50100 x */) # end",
		"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $x$ SELECT 1; $x$; /* open",
		"CREATE INDEX i ON t (key, lower(value));", "\xff\xfe", "CREATE TABLE (", "((((", "''", "$",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		files := []File{{Path: "a.sql", Content: []byte(sql)}}
		for _, engine := range []layout.Engine{layout.Postgres, layout.MySQL, layout.SQLite} {
			s := Read(engine, files)
			for _, st := range s.statements {
				if st.Start < 0 || st.Start > st.End || st.End > len(sql) {
					t.Fatalf("%s: a statement from %d to %d of %d bytes", engine, st.Start, st.End, len(sql))
				}
				if st.problem == nil && !utf8.ValidString(st.text) {
					t.Fatalf("%s: sqldef would be given bytes that are no text: %q", engine, st.text)
				}
				identity(st.text, engine)
				if engine == layout.Postgres && st.problem == nil && postgres.Accepts(st.original) {
					for _, made := range []string{st.text, st.written, quoteNames(st.text)} {
						if !postgres.Accepts(made) {
							t.Fatalf("%q is SQL and became %q", st.original, made)
						}
					}
				}
			}
			for _, d := range s.Spans("a.sql") {
				if d.Start < 0 || d.Start > d.End || d.End > len(sql) {
					t.Fatalf("%s: an entry from %d to %d of %d bytes", engine, d.Start, d.End, len(sql))
				}
			}
			s.Catalog(func(Span, string) {})
			for _, o := range s.operations {
				if at, _ := Place(o.op.Op, &Schema{}, s); at.End > len(sql) {
					t.Fatalf("%T is said to stand at %d of %d bytes", o.op.Op, at.End, len(sql))
				}
				Place(catalog.DropColumn{AlterBase: catalog.AlterBase{Base: catalog.Base{On: o.op.Target()}}}, s, &Schema{})
			}
		}
	})
}
