package code

import "testing"

func TestPythonLiterals(t *testing.T) {
	tests := map[string]struct {
		content string
		want    []string
	}{
		"docstrings and comments are no queries": {`
"""SELECT a FROM module"""
class A:
    """SELECT a FROM class"""
    def f(self):
        """
        SELECT a FROM function
        """
        # cur.execute("SELECT a FROM comment")
        cur.execute("SELECT a FROM users")
`, []string{"SELECT a FROM users"}},
		"implicit and explicit concatenation": {`
def f(cur):
    cur.execute(
        "SELECT id, name "  # what is shown
        "FROM users "
        + "WHERE id = %s", (1,))
`, []string{"SELECT id, name FROM users WHERE id = $1"}},
		"escapes, raw and triple quotes": {`
def f(cur):
    cur.execute("SELECT 'a\tb'\nFROM \"users\"")
    cur.execute(r"SELECT a FROM users WHERE b ~ '\d'")
    cur.execute('''
        SELECT b
        FROM users''')
    cur.execute(b"SELECT c FROM users")
`, []string{`SELECT 'a b' FROM "users"`, `SELECT a FROM users WHERE b ~ '\d'`, `SELECT b FROM users`, `SELECT c FROM users`}},
		"constants": {`
TABLE = "users"
class Store:
    COLUMNS = "id, name"
    def f(self, cur):
        limit = "LIMIT 1"
        cur.execute("SELECT " + self.COLUMNS + f" FROM {TABLE} {limit}")
`, []string{"SELECT id, name FROM users LIMIT 1"}},
		"a format with %": {`
def f(cur, value):
    cur.execute("SELECT %(c)s FROM %(t)s" % {"t": "users", "c": "id"})
    cur.execute("SELECT a, '100%%' FROM %s WHERE id = %%s" % ("users",))
    sql = "DELETE FROM %s WHERE id = ?" % "users"
    cur.execute(sql, value)
`, []string{"SELECT id FROM users", "SELECT a, '100%' FROM users WHERE id = $1", "DELETE FROM users WHERE id = $1"}},
		"a format with braces": {`
def f(cur):
    cur.execute("SELECT {} FROM {t} WHERE a = '{{}}'".format("id", t="users"))
    cur.execute(sql.SQL("SELECT id FROM {}").format(sql.Identifier("teams")))
`, []string{"SELECT id FROM users WHERE a = '{}'", `SELECT id FROM teams`}},
		"a list of tables in a loop": {`
def purge(txn):
    for table in ("events", "event_edges"):
        txn.execute("DELETE FROM %s WHERE room_id = ?" % (table,), (1,))
`, []string{"DELETE FROM events WHERE room_id = $1", "DELETE FROM event_edges WHERE room_id = $1"}},
		"pairs of table and column in a loop": {`
def purge(txn):
    for table, column in [("a", "x"), ("b", "y")]:
        txn.execute(f"DELETE FROM {table} WHERE {column} = 1")
`, []string{"DELETE FROM a WHERE x = 1", "DELETE FROM b WHERE y = 1"}},
		"a list of tables that has a name": {`
TABLES = ["a", "b"]
def purge(txn):
    for table in TABLES:
        txn.execute("DELETE FROM " + table)
`, []string{"DELETE FROM a", "DELETE FROM b"}},
		"an argument is the table and a column": {`
class RoomStore:
    def visibility(self, txn, event):
        self._index(txn, event, "history_visibility")
    def guests(self, txn, event):
        self._index(txn, event, key="guest_access")
    def _index(self, txn, event, key):
        sql = (
            "INSERT INTO %(key)s"
            " (event_id, %(key)s)"
            " VALUES (?, ?)" % {"key": key}
        )
        txn.execute(sql, (event,))
`, []string{"INSERT INTO history_visibility (event_id, history_visibility) VALUES ($1, $2)",
			"INSERT INTO guest_access (event_id, guest_access) VALUES ($1, $2)"}},
		"a query that grows": {`
def f(cur, name):
    sql = "SELECT id FROM users WHERE true"
    if name:
        sql += " AND name = %s"
    sql += " ORDER BY id"
    cur.execute(sql)
`, []string{"SELECT id FROM users WHERE true ORDER BY id", "SELECT id FROM users WHERE true AND name = $1 ORDER BY id"}},
		"a choice": {`
def f(cur, old):
    column = "legacy" if old else "name"
    cur.execute("SELECT " + column + " FROM users")
`, []string{"SELECT legacy FROM users", "SELECT name FROM users"}},
		"an assignment in each branch": {`
def f(cur, old):
    if old:
        table = "a"
    else:
        table = "b"
    cur.execute(f"SELECT 1 FROM {table}")
`, []string{"SELECT 1 FROM a", "SELECT 1 FROM b"}},
		"a list that is joined": {`
def f(cur):
    cur.execute("SELECT " + ", ".join(["a", "b"]) + " FROM users")
`, []string{"SELECT a, b FROM users"}},
		"a constant that is only a part": {`
BASE = "SELECT id, legacy"
def f(cur):
    cur.execute(BASE + " FROM users")
`, []string{"SELECT id, legacy FROM users"}},
		"text that is none": {`
def f():
    raise Exception("select an item from the list")
    print("Update available")
    label = "delete"
`, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			checkSQL(t, literals{pythonLanguage}, "store.py", test.content, test.want...)
		})
	}
}

func TestPlaceAndName(t *testing.T) {
	found := checkSQL(t, literals{pythonLanguage}, "store.py", `class UserStore:
    def by_id(self, cur):
        cur.execute("""
            SELECT id
            FROM users
        """)
`, "SELECT id FROM users")
	q := found.Queries[0]
	if q.Name != "by_id" || q.Source != "python" || q.Line != 3 || q.EndLine != 6 || q.LineAt(len(q.SQL)-12) < 4 {
		t.Errorf("got name %q source %q lines %d-%d, last at %d", q.Name, q.Source, q.Line, q.EndLine, q.LineAt(len(q.SQL)-12))
	}
}
