package code

import "testing"

// languageTest is what the literals of one file of a language come to.
type languageTest struct {
	content string
	want    []string
}

func testLanguage(t *testing.T, l *language, path string, tests map[string]languageTest) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { checkSQL(t, literals{l}, path, test.content, test.want...) })
	}
}

func TestTypeScriptLiterals(t *testing.T) {
	testLanguage(t, typescriptLanguage, "store.ts", map[string]languageTest{
		"quotes, templates and comments": {"" +
			"// db.query('SELECT a FROM comment')\n" +
			"/* db.query('SELECT a FROM comment') */\n" +
			"db.query('SELECT id FROM users WHERE name = \\'x\\'');\n" +
			"db.query(\"SELECT id \" + 'FROM teams');\n" +
			"db.query(`SELECT id\n  FROM projects\n  WHERE id = ${id}`);\n",
			[]string{"SELECT id FROM users WHERE name = 'x'", "SELECT id FROM teams", "SELECT id FROM projects WHERE id = $1"}},
		"constants": {"const TABLE = 'users';\nclass S { static COLUMNS = 'id, name';\n" +
			"f() { return this.db.query(`SELECT ${S.COLUMNS} FROM ${TABLE}`); } }\n",
			[]string{"SELECT id, name FROM users"}},
		"tagged templates": {"async function f(id: number, name: string) {\n" +
			"  const name2 = 'x';\n" +
			"  await sql`SELECT id FROM users WHERE id = ${id} AND name = ${name2}`;\n" +
			"  const only = name ? sql`AND name = ${name}` : sql``;\n" +
			"  await prisma.$queryRaw<User[]>`SELECT id FROM teams WHERE id = ${id} ${only}`;\n}\n",
			[]string{"SELECT id FROM users WHERE id = $1 AND name = $2", "SELECT id FROM teams WHERE id = $1", "SELECT id FROM teams WHERE id = $1 AND name = $2"}},
		"a query that grows": {"function f(x) { let q = 'SELECT id FROM users'; if (x) { q += ' WHERE id = $1'; } return db.query(q); }\n",
			[]string{"SELECT id FROM users", "SELECT id FROM users WHERE id = $1"}},
		"a list in a loop":      {"for (const t of ['a', 'b']) { await db.query(`DELETE FROM ${t}`); }\n", []string{"DELETE FROM a", "DELETE FROM b"}},
		"a list that is joined": {"db.query(['SELECT id', 'FROM users'].join(' '))\n", []string{"SELECT id FROM users"}},
	})
	testLanguage(t, tsxLanguage, "page.tsx", map[string]languageTest{
		"elements": {"export const P = () => <div onClick={() => db.query('SELECT id FROM users')}>select one from the list</div>;\n", []string{"SELECT id FROM users"}},
	})
	testLanguage(t, javascriptLanguage, "store.js", map[string]languageTest{
		"assignments": {"exports.q = 'SELECT id ' +\n  'FROM users';\nmodule.exports = { all: `SELECT name FROM users` };\n", []string{"SELECT id FROM users", "SELECT name FROM users"}},
	})
}

func TestRubyLiterals(t *testing.T) {
	testLanguage(t, rubyLanguage, "store.rb", map[string]languageTest{
		"quotes": {`
# execute("SELECT a FROM comment")
connection.execute('SELECT id FROM users WHERE name = \'x\'')
connection.execute("SELECT id \
  FROM teams")
connection.execute("SELECT a " "FROM" + ' b')
connection.execute(%q(SELECT id FROM projects))
`, []string{"SELECT id FROM users WHERE name = 'x'", "SELECT id FROM teams", "SELECT a FROM b", "SELECT id FROM projects"}},
		"here documents": {`
class Report
  TABLE = "users"
  SQL = <<~SQL.squish
    SELECT id
    FROM #{TABLE}
    WHERE id = :id
  SQL
  def f(a)
    exec(<<-ONE, <<~'TWO')
      SELECT 1 FROM one
      ONE
      SELECT '\d' FROM two
    TWO
  end
end
`, []string{"SELECT id FROM users WHERE id = $1", "SELECT 1 FROM one", `SELECT '\d' FROM two`}},
		"a format": {`
def f
  execute(format("SELECT %s FROM users", "id"))
  execute("DELETE FROM %s" % "teams")
  execute("DELETE FROM %<t>s" % { t: "projects" })
end
`, []string{"SELECT id FROM users", "DELETE FROM teams", "DELETE FROM projects"}},
		"a query that grows": {`
def f(x)
  sql = "SELECT id FROM users"
  sql << " WHERE id = 1" if x
  execute(sql)
end
`, []string{"SELECT id FROM users", "SELECT id FROM users WHERE id = 1"}},
		"a list in a loop": {`
%w[a b].each { |t| execute("DELETE FROM #{t}") }
["c", "d"].each do |t|
  execute("DELETE FROM #{t}")
end
`, []string{"DELETE FROM a", "DELETE FROM b", "DELETE FROM c", "DELETE FROM d"}},
	})
}

func TestJavaLiterals(t *testing.T) {
	testLanguage(t, javaLanguage, "Store.java", map[string]languageTest{
		"constants and concatenation": {`
class Store {
  /** SELECT a FROM comment */
  static final String FIELDS = "id, name";
  static final String ALL = "SELECT " + FIELDS + " FROM users";
  static final String ONE = ALL + " WHERE id=?";
  void f() { jdbc.queryForObject(ONE, 1); jdbc.query(Store.ALL, 2); }
}`, []string{"SELECT id, name FROM users", "SELECT id, name FROM users WHERE id=$1"}},
		"formats and text blocks": {`
class Store {
  void f(String table) {
    jdbc.query(String.format("SELECT %s FROM users WHERE id = ?", "id"));
    jdbc.query("SELECT %s FROM teams".formatted("id"));
    jdbc.query("""
        SELECT id
          FROM projects \
        WHERE id = :id
        """);
    StringBuilder sql = new StringBuilder("SELECT id FROM grown");
    sql.append(" WHERE a = 1").append(" AND b = 2");
    jdbc.query(sql.toString());
  }
}`, []string{"SELECT id FROM users WHERE id = $1", "SELECT id FROM teams", "SELECT id FROM projects WHERE id = $1", "SELECT id FROM grown WHERE a = 1 AND b = 2"}},
		"a query of JPA is SQL only when it says so": {`
import org.springframework.data.jpa.repository.Query;
interface Users {
  @Query("select u from User u") List<User> all();
  @Query(value = "select id from users", nativeQuery = true) List<Long> ids();
}
@NamedQuery(name = "x", query = "select u from User u")
class User { void f() { em.createQuery("select u from User u"); em.createNativeQuery("select name from users"); } }
`, []string{"select id from users", "select name from users"}},
	})
}

func TestKotlinLiterals(t *testing.T) {
	testLanguage(t, kotlinLanguage, "Store.kt", map[string]languageTest{
		"templates and constants": {`
const val TABLE = "users"
class Store {
  companion object { private const val ALL = "SELECT id FROM $TABLE" }
  fun f(id: Long) {
    jdbc.query(ALL + " WHERE id = ?")
    jdbc.query("""
      |SELECT name
      |FROM ${TABLE}
    """.trimMargin())
    jdbc.query("SELECT %s FROM teams".format("id"))
  }
}`, []string{"SELECT id FROM users WHERE id = $1", "SELECT name FROM users", "SELECT id FROM teams"}},
	})
}

func TestRustLiterals(t *testing.T) {
	testLanguage(t, rustLanguage, "store.rs", map[string]languageTest{
		"macros and functions": {`
const ALL: &str = "SELECT id \
    FROM users";
impl Store {
    /// sql_query("SELECT a FROM comment")
    async fn f(&self, id: i64) {
        sqlx::query!(r#"SELECT "a" FROM t WHERE id = $1"#, id);
        sqlx::query_as!(Row, "SELECT b " + "FROM t", id);
        sql_query("SELECT c FROM t").load(conn);
        client.query(ALL, &[]);
    }
}`, []string{"SELECT id FROM users", `SELECT "a" FROM t WHERE id = $1`, "SELECT b FROM t", "SELECT c FROM t"}},
		"formats": {`
fn f(table: &str) {
    let column = "name";
    sql_query(format!("SELECT {column} FROM {} WHERE a = '{{}}'", "users"));
    sql_query(format!("DELETE FROM {table}"));
    sql_query(concat!("SELECT x ", "FROM y"));
    for t in ["a", "b"] { sql_query(format!("DELETE FROM {t}")); }
}
fn g() { f("comment"); f("post"); }
`, []string{"SELECT name FROM users WHERE a = '{}'", "DELETE FROM comment", "DELETE FROM post", "SELECT x FROM y", "DELETE FROM a", "DELETE FROM b"}},
		"a choice": {`
fn f(old: bool) {
    let column = if old { "legacy" } else { "name" };
    let order = match old { true => "a", false => "b" };
    query(&format!("SELECT {column} FROM users ORDER BY {order}"));
}`, []string{"SELECT legacy FROM users ORDER BY a", "SELECT legacy FROM users ORDER BY b", "SELECT name FROM users ORDER BY a", "SELECT name FROM users ORDER BY b"}},
	})
}

func TestPHPLiterals(t *testing.T) {
	testLanguage(t, phpLanguage, "Store.php", map[string]languageTest{
		"quotes, constants and here documents": {`<?php
class Store {
  const TABLE = 'users';
  // $db->query('SELECT a FROM comment');
  function f($id) {
    $this->db->query('SELECT id FROM ' . self::TABLE . " WHERE id = $id AND b = {$this->b}");
    DB::select("select name from users where id = ?", [1]);
    $q = <<<SQL
SELECT id
FROM teams
WHERE id = {$id}
SQL;
    $q .= ' LIMIT 1';
    $this->db->query($q);
    $this->db->query(sprintf('SELECT %s FROM projects', 'id'));
    $this->db->query(<<<'SQL'
SELECT x FROM raw
SQL);
  }
}`, []string{"SELECT id FROM users WHERE id = $1 AND b = $2", "select name from users where id = $1", "SELECT id FROM teams WHERE id = $1 LIMIT 1", "SELECT id FROM projects", "SELECT x FROM raw"}},
	})
}

func TestCSharpLiterals(t *testing.T) {
	testLanguage(t, csharpLanguage, "Store.cs", map[string]languageTest{
		"strings of every kind": {`
class Store {
  /// SELECT a FROM comment
  private const string Table = "users";
  void F(int id) {
    db.Execute("SELECT id FROM " + Table + " WHERE id = @id");
    db.Execute(@"SELECT ""Name""
      FROM users");
    db.Execute($"SELECT id FROM {Table} WHERE a = {id}");
    db.Execute("""
      SELECT id
      FROM teams
      """);
    var sql = "SELECT id FROM grown";
    if (id > 0) { sql += " WHERE id = 1"; }
    db.Execute(sql);
    db.Execute(string.Format("SELECT {0} FROM projects", "id"));
  }
}`, []string{"SELECT id FROM users WHERE id = $1", `SELECT "Name" FROM users`, "SELECT id FROM users WHERE a = $1", "SELECT id FROM teams", "SELECT id FROM grown", "SELECT id FROM grown WHERE id = 1", "SELECT id FROM projects"}},
	})
}

func TestElixirLiterals(t *testing.T) {
	testLanguage(t, elixirLanguage, "store.ex", map[string]languageTest{
		"strings, sigils and attributes": {`
defmodule Store do
  @moduledoc "SELECT a FROM doc"
  @table "users"
  @doc """
  SELECT a FROM doc
  """
  def f(id) do
    Repo.query!("SELECT id FROM " <> @table <> " WHERE id = $1", [id])
    Repo.query!("""
    SELECT id
    FROM teams
    """)
    Repo.query!(~s(SELECT id FROM #{@table}))
    # Repo.query!("SELECT a FROM comment")
  end
end
`, []string{"SELECT id FROM users WHERE id = $1", "SELECT id FROM teams", "SELECT id FROM users"}},
	})
}
