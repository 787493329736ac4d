// Package snapshot is the form in which pmcheck keeps what a live database said of
// itself: its schema, how large its tables are, which queries it is sent, and which
// migrations it has run. It reads and writes the file; package livedb takes it.
//
// The file is JSON, made to be committed or kept as an artifact: one line for each
// thing, in a stable order. It holds no rows and no literals; docs/live-database.md
// says what is in it and what never is.
package snapshot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Path is where a repository keeps its snapshot.
const Path = ".pmcheck/snapshot.json"

// Version is the version of the file's form.
const Version = 1

// Unknown is a number of rows that nobody has counted: the table was never analysed.
const Unknown = -1

// The limits of a file that is read. A snapshot of the largest schemas is far from them.
const (
	MaxBytes   = 32 << 20
	maxQueries = 50_000
	maxTables  = 200_000
)

// Snapshot is what a live database said of itself at one time.
type Snapshot struct {
	Version       int       `json:"version"` // of this form: 1
	TakenAt       time.Time `json:"taken_at"`
	Engine        string    `json:"engine"`         // postgres
	ServerVersion string    `json:"server_version"` // 17.2
	Database      string    `json:"database"`

	// LeftOut are the parts that the server did not show, each as a sentence that says why.
	LeftOut []string `json:"left_out,omitempty"`
	// Migrations are the tables in which migration tools note what they have run.
	Migrations []MigrationTable `json:"migrations,omitempty"`
	// Tables are the tables and materialized views; a partition counts for its table.
	Tables []Table `json:"tables,omitempty"`
	// Schema is the lines of a script that makes the schema, without functions, triggers and
	// partitions, and without the literals of its expressions: '?' stands for them. Nil where it was not read.
	Schema []string `json:"schema,omitempty"`
	// Queries are those of pg_stat_statements (PostgreSQL manual, F.32): what no code shows, too.
	Queries []Query `json:"queries"`

	lines []int // of the queries
}

// MigrationTable is a migration tool's own table.
type MigrationTable struct {
	Table string `json:"table"` // with its schema, as SQL
	// Versions are those that have run, in the tool's own words and order.
	Versions []string `json:"versions,omitempty"`
	// UpTo is the version up to which all have run, where the tool notes only that.
	UpTo string `json:"up_to,omitempty"`
	// Count is how many have run, where the tool notes no version that a file's name has.
	Count int `json:"count,omitempty"`
	// Failed are versions that have begun and not come to their end.
	Failed []string `json:"failed,omitempty"`
}

// Table is a table's size.
type Table struct {
	Name           string   `json:"name"`                 // with its schema, as SQL
	Rows           int64    `json:"rows"`                 // an estimate; -1 is unknown
	Bytes          int64    `json:"bytes"`                // with indexes and TOAST
	Partitions     int      `json:"partitions,omitempty"` // that it has, when it is partitioned; rows and bytes are theirs
	InvalidIndexes []string `json:"invalid_indexes,omitempty"`
}

// Query is one row of pg_stat_statements, or several that differ by user only.
type Query struct {
	Query string   `json:"query"` // constants are $1, $2 ...
	Calls int64    `json:"calls"`
	Users []string `json:"users,omitempty"`
	// Truncated says that the text is cut; without it, a text that does not parse is taken as cut.
	Truncated bool `json:"truncated,omitempty"`
}

// Read reads a snapshot file. Its errors say what is wrong with the content; the
// caller knows the path.
func Read(content []byte) (*Snapshot, error) {
	if len(content) > MaxBytes {
		return nil, fmt.Errorf("the snapshot has more than %d MiB", MaxBytes>>20)
	}
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	s := &Snapshot{}
	if err := d.Decode(s); err != nil {
		var head struct {
			Version int `json:"version"`
		}
		if json.Unmarshal(content, &head) == nil && head.Version > Version {
			return nil, fmt.Errorf("the snapshot has version %d, and this pmcheck reads version %d: use a newer pmcheck", head.Version, Version)
		}
		return nil, fmt.Errorf("not a snapshot: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not a snapshot: more follows behind its end")
	}
	switch {
	case s.Version != Version:
		return nil, fmt.Errorf("the snapshot has version %d, and this pmcheck reads version %d", s.Version, Version)
	case s.Engine != "postgres":
		return nil, fmt.Errorf("the snapshot is of engine %q, and only postgres is read", s.Engine)
	case len(s.Queries) > maxQueries:
		return nil, fmt.Errorf("the snapshot has %d queries, and %d are read", len(s.Queries), maxQueries)
	case len(s.Tables) > maxTables:
		return nil, fmt.Errorf("the snapshot has %d tables, and %d are read", len(s.Tables), maxTables)
	}
	s.findLines(content)
	return s, nil
}

// findLines notes in which line of the file each query stands.
func (s *Snapshot) findLines(content []byte) {
	line, at := 1, 0
	for _, q := range s.Queries {
		// Other escapes than these are possible; the line is then that of the query before.
		if i := bytes.Index(content[at:], encoded(q.Query)); i >= 0 {
			line += bytes.Count(content[at:at+i], []byte("\n"))
			at += i
		}
		s.lines = append(s.lines, line)
	}
}

// QueryLine is the line of the file in which a query stands; where no file was read, its number among the queries.
func (s *Snapshot) QueryLine(i int) int {
	if i < len(s.lines) {
		return s.lines[i]
	}
	return i + 1
}

// SQL is the script that makes the schema; ok is false where the snapshot has none.
func (s *Snapshot) SQL() (sql string, ok bool) {
	return strings.Join(s.Schema, "\n"), len(s.Schema) > 0
}

// Encode is the file's content: one line for each table, query and line of the schema.
func (s *Snapshot) Encode() []byte {
	var b bytes.Buffer
	b.WriteString("{\n")
	member := func(name string, value any) { fmt.Fprintf(&b, "  %s: %s,\n", encoded(name), encoded(value)) }
	member("version", s.Version)
	member("taken_at", s.TakenAt.UTC().Format(time.RFC3339))
	member("engine", s.Engine)
	member("server_version", s.ServerVersion)
	member("database", s.Database)
	list(&b, "left_out", s.LeftOut)
	list(&b, "migrations", s.Migrations)
	list(&b, "tables", s.Tables)
	list(&b, "schema", s.Schema)
	list(&b, "queries", s.Queries)
	b.Truncate(b.Len() - len(",\n"))
	b.WriteString("\n}\n")
	return b.Bytes()
}

// list writes a list with one line for each item. Only queries are written where there are none.
func list[T any](b *bytes.Buffer, name string, items []T) {
	if len(items) == 0 {
		if name == "queries" {
			b.WriteString("  \"queries\": [],\n")
		}
		return
	}
	fmt.Fprintf(b, "  %s: [\n", encoded(name))
	for i, item := range items {
		b.WriteString("    ")
		b.Write(encoded(item))
		if i < len(items)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("  ],\n")
}

// encoded is a value as JSON on one line, with < and > as they are.
func encoded(value any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic(err) // the values of this package can all be encoded
	}
	return bytes.TrimSpace(b.Bytes())
}

// Sort puts everything into the order in which a file holds it, so that two of them can be compared line by line.
func (s *Snapshot) Sort() {
	slices.SortFunc(s.Migrations, func(a, b MigrationTable) int { return strings.Compare(a.Table, b.Table) })
	slices.SortFunc(s.Tables, func(a, b Table) int { return strings.Compare(a.Name, b.Name) })
	slices.SortStableFunc(s.Queries, func(a, b Query) int { return strings.Compare(a.Query, b.Query) })
}
