// Package code finds the queries that a tree's application code sends to its
// database, each with its place. One file of the package reads one kind of source.
package code

import "context"

// Tree is one side of a change: its files' contents, and an id that is the same for
// equal contents.
type Tree interface {
	ReadMany(ctx context.Context, paths []string, visit func(path string, content []byte, err error) error) error
	BlobID(path string) (string, bool)
}

// Query is one statement that the application sends.
type Query struct {
	Name    string // GetUserByID; else the function or method around it, else ""
	SQL     string // as PostgreSQL reads it: parameters are $1, $2 ...; names that are not known begin with resolve.Hole
	Source  string // "sqlc", "go", "python", "sqlx", "prisma", "django" ...
	Path    string
	Line    int // counts from 1; where the query's text begins
	Column  int // in bytes, counts from 1
	EndLine int
	Implied bool   // made from a model: what the ORM sends
	Partial string // why a part of it is not known: "a piece of the query is made at run time"; "" when all is

	// AllColumns: the program learned the columns of the one relation of SQL (a SELECT *)
	// from the schema that it started on, and goes on to name each of them, but Except, in
	// its SELECTs and INSERTs. On another schema the query stands for these lists.
	AllColumns bool
	Except     []string

	// Of a query that a live database saw.
	Calls int64    // 0 where it was not counted
	Users []string // the roles that sent it

	lines []lineMark
}

// lineMark says in which line of the file the text of a query from an offset on stands.
type lineMark struct{ offset, line int }

// LineAt is the line of the file in which a byte of SQL stands, as exactly as the
// source tells: Line where it does not.
func (q Query) LineAt(offset int) int {
	line := q.Line
	for _, m := range q.lines {
		if m.offset > offset {
			break
		}
		line = m.line
	}
	return line
}

// Mention is a place that names an object and that no extractor understands as a query.
type Mention struct {
	Path   string
	Line   int
	Name   string // as the code writes it
	Of     string // what was searched for: users for a User; "" where it is a text that is no query
	Text   string // the line, cut at 200 bytes
	Reason string // why it is not understood
}

// Found is what the code of one side holds.
type Found struct {
	Queries  []Query   // sorted by path and line
	Unread   []string  // "path: reason" of files that could matter and could not be read
	Mentions []Mention // sorted by path and line
	Files    int       // files of application code that were searched
	Parsed   int       // of them, files that an extractor read
}

// extractor reads one kind of source.
type extractor interface {
	// name is the Source of its queries.
	name() string
	// reads tells by the path alone whether it wants a file.
	reads(path string) bool
	// may tells cheaply whether a file's content can hold something for it.
	may(content []byte) bool
	// group names what is read together: files for which it is equal are handed over
	// in one call. It is the path for a file that stands alone.
	group(path string) string
	// extract hands what it finds in the files to the sink. It must keep to s.ctx,
	// which ends when its time is over; a panic costs its own files only.
	extract(files []*file, s *sink)
}

// file is a file that mentions a name of the delta and that an extractor reads.
type file struct {
	path    string
	content []byte // valid UTF-8 without NUL bytes: others are replaced, one byte for one byte
}

// piece is a part of a text that may be SQL: text as it stands in the program once
// its quotes and escapes are read, or a hole whose text is known at run time only.
type piece struct {
	text         string
	hole         string // the expression that fills the hole, for messages; "" for text
	line, column int    // of its first byte in the file, from 1
}

// extractors is every source that is read.
var extractors = []extractor{
	goExtractor{}, sqlFiles{}, sqlxCache{},
	literals{pythonLanguage}, literals{javascriptLanguage}, literals{typescriptLanguage}, literals{tsxLanguage}, literals{rubyLanguage},
	prismaSchema{}, prismaCalls{}, dieselTables{}, djangoModels{}, alchemyModels{}, railsModels{}, queryBuilders{}, tableClasses{}, ectoSchemas{}, seaNames{}, jpaEntities{},
	literals{javaLanguage}, literals{kotlinLanguage}, literals{rustLanguage}, literals{phpLanguage}, literals{csharpLanguage}, literals{elixirLanguage},
}
