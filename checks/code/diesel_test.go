package code

import (
	"fmt"
	"strings"
	"testing"
)

// dieselSchema are the tables of these tests.
const dieselSchema = `
diesel::table! {
    books (id) { id -> Int4, title -> Text, isbn -> Text, old -> Nullable<Text>, }
}
diesel::table! {
    authors (id) { id -> Int4, name -> Text, old -> Nullable<Text>, }
}
joinable!(books -> authors (id));
allow_tables_to_appear_in_same_query!(books, authors);
`

const (
	allBooks   = `SELECT "id", "title", "isbn", "old" FROM "books"`
	allAuthors = `SELECT "id", "name", "old" FROM "authors"`
)

// checkDiesel is checkFiles for a file beside the schema. Of what it wants, and of what
// is found, only the queries that name the column old count.
func checkDiesel(t *testing.T, content string, want ...string) {
	t.Helper()
	found := extractAll(t, dieselTables{}, AllNames(), map[string]string{"src/schema.rs": dieselSchema, "src/lib.rs": "use crate::schema::{authors, books};\n" + content})
	got := []string{}
	for _, sql := range sqlOf(found) {
		if strings.Contains(sql, `"old"`) {
			got = append(got, sql)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s\ngot  %s\nwant %s", content, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func TestDieselTable(t *testing.T) {
	checkSQL(t, dieselTables{}, "src/schema.rs", `
diesel::table! {
    use diesel::sql_types::*;
    use crate::sql_types::Tsvector;
    /// Representation of the table.
    crates (id) {
        /// The key.
        id -> Int4,
        #[max_length = 64]
        name -> Varchar,
        #[sql_name = "type"]
        type_ -> Nullable<Varchar>,
        r#loop -> Text,
    }
}
table! {
    audit.events (id, part) { id -> Int8, part -> Int8, note -> Text, }
}
joinable!(crates -> events (id));

#[derive(Insertable, Debug)]
#[diesel(table_name = crate::schema::crates, check_for_backend(diesel::pg::Pg))]
struct NewCrate<'a> {
    name: &'a str,
    #[diesel(column_name = "type")]
    kind: String,
}

fn read(c: &mut PgConnection) { crates::table.load::<Crate>(c); }
fn kinds(c: &mut PgConnection) { crates::table.select(crates::type_).load::<String>(c); }
fn touch(c: &mut PgConnection) { delete(events::table.find((1, 2))).execute(c); }
`,
		`SELECT "id", "name", "type", "loop" FROM "crates"`,
		`SELECT 1 FROM "crates"`,
		`SELECT "type" FROM "crates"`,
		`SELECT "id", "part" FROM "audit"."events"`,
		`INSERT INTO "crates" ("name", "type") VALUES ($1, $2)`)
}

// A table! that nothing else uses sends nothing.
func TestDieselUnusedTable(t *testing.T) {
	checkFiles(t, dieselTables{}, map[string]string{"src/schema.rs": dieselSchema, "src/lib.rs": `
mod authors;
use crate::schema::{authors, books};
fn f() { let books = 1; api::books::list(books); }
#[cfg(test)]
mod tests {
    use crate::schema::books::dsl::*;
    fn g(c: &mut C) { books.load::<Book>(c); }
}
`})
	for _, use := range []string{
		"type Query<'a> = schema::books::BoxedQuery<'a, Pg>;",
		"fn f(c: &mut C) { delete(schema::books::table).execute(c); }",
		"fn f(c: &mut C) { use schema::books::dsl::books; books.count().get_result::<i64>(c); }",
		"fn f(c: &mut C) { use schema::books as b; b::table.count().get_result::<i64>(c); }",
		"fn f(c: &mut C) { run!(books::table.count().get_result::<i64>(c)); }",
	} {
		found := extractAll(t, dieselTables{}, AllNames(), map[string]string{"src/schema.rs": dieselSchema, "src/lib.rs": use})
		if !strings.Contains(strings.Join(sqlOf(found), "\n"), `SELECT 1 FROM "books"`) {
			t.Errorf("%s: got %q, want a query of books", use, sqlOf(found))
		}
	}
}

// All columns are read where nothing is selected, and only there.
func TestDieselDefaultSelect(t *testing.T) {
	for _, body := range []string{
		"books::table.find(1).first::<Book>(c).optional()?;",
		"schema::books::dsl::books.filter(books::id.eq(1)).for_update().get_results(c).await?;",
		"books::table.inner_join(authors::table.on(authors::id.eq(books::id))).select((books::all_columns, authors::name)).load(c);",
		"insert_into(books::table).values(&form).on_conflict_do_nothing().get_result(c);",
		"insert(&form).into(books::table).get_result(c);",
		"diesel::update(books::table.find(1)).set(books::isbn.eq(2)).get_result::<Book>(c);",
		"diesel::update(&book).set(books::isbn.eq(2)).get_result::<Book>(c);",
		"delete(books::table).get_results(c);",
		"let mut query = books::table.into_boxed(); if x { query = query.filter(books::id.eq(1)); } query.load(c);",
		"let query = books::table.into_boxed(); let query = query.limit(1); query.load(c)",
		"select(exists(books::table.filter(books::id.eq(1)))).get_result(c);",
		"let ids = books::table.order(books::id); somewhere.keep(ids);",
		"let rows = match x { 1 => books::table.load(c), _ => none };",
		"helper(books::table.into_boxed(), 1).load(c);",
		"try_join!(books::table.filter(books::id.eq(1)).load(c), other)",
		"books::table.limit(1)",
	} {
		checkDiesel(t, "fn f(c: &mut C) -> X { "+body+" }", allBooks)
	}
	for _, body := range []string{
		"books::table.find(1).select(books::title).first::<String>(c);",
		"books::table.select(Book::as_select()).load(c);",
		"books::table.count().get_result::<i64>(c);",
		"insert_into(books::table).values(&form).execute(c);",
		"insert_into(books::table).values(&form).returning(books::id).get_result::<i32>(c);",
		"diesel::update(books::table).set(books::isbn.eq(2)).execute(c);",
		"diesel::update(&book).set(books::isbn.eq(2)).execute(c);",
		"diesel::insert_into(x).values(y).on_conflict(books::table.primary_key()).do_nothing().execute(c);",
		"authors::table.select(authors::id).inner_join(books::table).load(c);",
		"authors::table.inner_join(books::table.on(books::id.eq(authors::id))).select(authors::id).load(c);",
		"let mut query = books::table.into_boxed(); query = query.limit(1); query.select(books::id).load(c);",
		"let query = books::table.filter(books::id.eq(1)); let query = query.select(books::id); query.load(c);",
		"helper(books::table.into_boxed(), 1).select(books::id).load(c);",
		"authors::table.filter(authors::id.eq_any(books::table.select(books::id))).select(authors::id).load(c);",
		"try_join!(books::table.select(books::id).load(c), other);",
		"let sql: Box<dyn BoxableExpression<books::table, Pg, SqlType = Bool>> = x;",
	} {
		checkDiesel(t, "fn f(c: &mut C) { "+body+" }")
	}
}

// What a function returns is read as its callers read it.
func TestDieselReturnedQuery(t *testing.T) {
	const base = `
struct Filter;
impl Filter {
    fn query(&self) -> Result<books::BoxedQuery<'_, Pg>> {
        let mut query = books::table.into_boxed();
        if self.x { query = query.filter(books::id.eq(1)); }
        Ok(query)
    }
    fn all() -> X { return books::table.order(books::id); }
}
`
	checkDiesel(t, base+"fn f(c: &mut C, x: Filter) { x.query()?.select(books::id).load(c); Filter::all().select(books::id).load(c); }")
	checkDiesel(t, base+"fn f(c: &mut C, x: Filter) { x.query()?.select(books::id).load(c); let all = Filter::all(); all.load(c); }", allBooks)
	checkDiesel(t, base+"fn f(c: &mut C, x: Filter) { x.query()?.select(books::id).load(c); }", allBooks)
	checkDiesel(t, "fn f(c: &mut C) { let base = || books::table.order(books::id); base().select(books::id).load(c); }")
	checkDiesel(t, "fn g() -> X { insert_into(books::table).values(&form) } fn f(c: &mut C) { g().get_result(c); }", allBooks)
	checkDiesel(t, "fn g() -> X { insert_into(books::table).values(&form) } fn f(c: &mut C) { g().execute(c); }")
	checkDiesel(t, "fn f() -> X { f().or_else(|| books::table.limit(1)) }", allBooks)
}

// A column that is renamed in the struct is read only through the select of all columns.
func TestDieselUnusedColumn(t *testing.T) {
	checkDiesel(t, `
#[derive(Queryable, Identifiable)]
struct Book { id: i32, title: String, isbn: String, unused: Option<String> }
impl Book {
    fn find(c: &mut C) -> QueryResult<Self> {
        books::table.find(1).first::<Self>(c)
    }
}`, allBooks)
	// Who loads a struct that lists no columns is not seen.
	checkDiesel(t, "#[derive(Queryable)] struct Book { id: i32 } impl Crud for Book {}", allBooks)
	// It is loaded with the columns of a constant.
	checkDiesel(t, `
#[derive(Queryable)]
struct Book { id: i32, title: String }
const ALL_COLUMNS: (books::id, books::title) = (books::id, books::title);
fn all(c: &mut C) { books::table.select(ALL_COLUMNS).load::<Book>(c); }`)
	checkDiesel(t, "const ALL_COLUMNS: Columns = (books::id, books::old);", `SELECT "id", "old" FROM "books"`)
}

// The columns of structs are those of their fields.
func TestDieselStructs(t *testing.T) {
	checkDiesel(t, `#[derive(Selectable)] #[diesel(table_name = books)] struct B { id: i32, #[diesel(column_name = old)] fresh: String }`,
		`SELECT "id", "old" FROM "books"`)
	checkDiesel(t, `#[cfg_attr(feature = "full", derive(Queryable, Selectable))] #[cfg_attr(feature = "full", diesel(table_name = books))] struct B { old: i32 }`,
		`SELECT "old" FROM "books"`)
	// A select_expression replaces the column, and what is embedded has columns of its own.
	checkDiesel(t, `
#[derive(HasQuery)]
#[diesel(table_name = books, base_query = books::table.left_join(authors::table))]
struct Book {
    id: i32,
    #[diesel(select_expression = authors::name.nullable())]
    old: Option<String>,
    #[diesel(embed)]
    author: Author,
}
fn f(c: &mut C) { Book::query().load(c); books::table.left_join(authors::table).select(Book::as_select()).load(c); }`)
	checkDiesel(t, `#[derive(HasQuery)] struct Book { #[diesel(select_expression = authors::old.nullable())] name: String }`, `SELECT "old" FROM "authors"`)
	checkDiesel(t, `#[derive(AsChangeset)] #[diesel(table_name = books)] struct BookForm { id: i32, isbn: String, old: Option<String> }`,
		`UPDATE "books" SET "isbn" = $1, "old" = $2`)
	checkDiesel(t, `#[derive(AsChangeset)] #[diesel(table_name = books)] struct BookForm { isbn: String, #[diesel(skip_update)] old: String }`)
	checkDiesel(t, `#[derive(Insertable)] #[table_name = "books"] struct NewBook { old: String }`, `INSERT INTO "books" ("old") VALUES ($1)`)
	checkDiesel(t, `#[derive(Identifiable)] #[diesel(primary_key(old, id))] struct Book { id: i32, old: i32 }`, `SELECT "old", "id" FROM "books"`)
	checkDiesel(t, `#[derive(Associations)] #[belongs_to(Author, foreign_key = "old")] struct Book { old: i32 }`, `SELECT "old" FROM "books"`)
	checkDiesel(t, `#[derive(Debug, Deserialize)] struct Book { old: i32 }`)
}

// A column is named by its path, or by itself where it is imported.
func TestDieselColumns(t *testing.T) {
	const old = `SELECT "old" FROM "books"`
	for _, content := range []string{
		"fn f(c: &mut C) { delete(x).filter(schema::books::old.eq(1)).execute(c); }",
		"fn f(c: &mut C) { use crate::schema::books::dsl::*; g(old.eq(1)); }",
		"mod m { use super::schema::books::columns::{old as former}; fn f() { g(former.eq(1)); } }",
		"use crate::schema::{authors, books as b}; fn f() { g(b::old.desc()); }",
		"fn f() { g(vec![schema::books::old.desc()]); }",
	} {
		found := extractAll(t, dieselTables{}, AllNames(), map[string]string{"src/schema.rs": dieselSchema, "src/lib.rs": content})
		if !strings.Contains(strings.Join(sqlOf(found), "\n"), old) {
			t.Errorf("%s: got %q", content, sqlOf(found))
		}
	}
	checkDiesel(t, "fn f() { let old = 1; g(old, x.old, authors::name); }")
	checkDiesel(t, "fn f() { use schema::books::dsl::*; g(id); } fn h(old: i32) { g(old); }")
	checkDiesel(t, "fn f() { use schema::books::dsl::{id, title}; old(); X { old: 1 }; }")
}

func TestDieselInsert(t *testing.T) {
	checkDiesel(t, "fn f(c: &mut C) { insert_into(books::table).values((books::id.eq(1), books::old.eq(2))).execute(c); }",
		`INSERT INTO "books" ("id", "old") VALUES ($1, $2)`, `SELECT "id", "old" FROM "books"`)
	checkDiesel(t, "fn f(c: &mut C) { insert_into(books::table).values(&[form, books::old.eq(2)]).execute(c); }", `SELECT "old" FROM "books"`)
}

// What is done for any table, or through a struct, is done to its table.
func TestDieselThroughTypes(t *testing.T) {
	const book = "#[derive(Identifiable, Selectable)] #[diesel(table_name = books)] struct Book { id: i32 }\n"
	checkDiesel(t, book+"fn f(c: &mut C) { Book::belonging_to(&a).load::<Book>(c); }", allBooks)
	checkDiesel(t, book+"fn f(c: &mut C) { Book::belonging_to(&a).select(Book::as_select()).load(c); }")
	checkDiesel(t, book+"impl Book { fn f(&self, c: &mut C) { update(self).set(&form).get_result::<Self>(c); } }", allBooks)
	checkDiesel(t, book+"impl Book { fn f(&self, c: &mut C) { update(self).set(&form).execute(c); } }")
	checkDiesel(t, book+"fn f(c: &mut C) { form.save_changes::<Book>(c); }", allBooks)
	checkDiesel(t, book+"trait Crud: HasTable { fn read(c: &mut C) { Self::table().find(1).first(c) } } impl Crud for Book {}", allBooks)
	checkDiesel(t, book+"trait Crud: HasTable { fn read(c: &mut C) { Self::table().find(1).execute(c) } } impl Crud for Book {}")
	checkDiesel(t, "#[derive(Queryable)] struct Author { id: i32 } fn f(c: &mut C) { authors::table.select(authors::id).load(c); } fn g<T: HasTable>(c: &mut C) { T::table().load(c); }", allAuthors)
}

// Only tables that the names select are looked at, however many there are.
func TestDieselNames(t *testing.T) {
	found := extractAll(t, dieselTables{}, NewNames([]string{"books"}, nil), map[string]string{"src/schema.rs": dieselSchema,
		"src/lib.rs": "fn f(c: &mut C) { authors::table.load(c); }", "src/b.rs": "fn f(c: &mut C) { books::table.load(c); }"})
	if got := fmt.Sprint(sqlOf(found)); got != "["+allBooks+` SELECT 1 FROM "books"]` {
		t.Errorf("got %s", got)
	}
}

func FuzzDiesel(f *testing.F) {
	fuzzExtractor(f, "schema.rs", func() extractor { return dieselTables{} }, "table! { a.b (id) { #[sql_name = \"x\"] id -> Int4, } }", "table!{{{(->", "#[derive(Insertable)] #[diesel(table_name = a)] struct A { b: i32 }",
		"table! { a { id -> Int4, b -> Text, } } use a::dsl::*; fn f() -> X { let q = a.filter(b.eq(1)); let q = g(q); f().inner_join(q) } fn g(q: X) -> X { let h = |x| g(a.order(id)); h(f()) }",
		"table! { a { b -> Text, } } trait T { fn f() { Self::table().find(1) } } impl T for A {} #[derive(Queryable, AsChangeset)] #[diesel(table_name = a, primary_key(b))] struct A { #[diesel(embed)] b: i32 } vec![a::table.load(), a::b]")
}
