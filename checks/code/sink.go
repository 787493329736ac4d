package code

import (
	"bytes"
	"context"
	"regexp"
	"strings"
)

// Sources that more than one extractor yields, and that withoutSources compares.
const (
	generatedSource = "sqlc" // code that a generator wrote
	fileSource      = "sql"  // a file of SQL
	cacheSource     = "sqlx" // the queries that sqlx keeps
)

// sink takes what an extractor finds in one group of files.
type sink struct {
	ctx    context.Context
	source string // of the extractor
	names  *Names
	found  Found

	around   *surroundings
	readings *readings
	read     map[string]string // files that the extractor looked at -> blob ids
	lists    map[string]string // folders that it listed -> their files
}

// sql takes a text that may be a query. It decides whether it is one, and whether it
// is about the delta. The name is that of the query or of the function around it; one
// that the text itself gives ("-- name: GetUser :one") wins.
func (s *sink) sql(f *file, name string, pieces []piece, endLine int) {
	s.sqlFrom(s.source, f, name, pieces, endLine)
}

// sqlFrom is sql with a Source that is not the extractor's.
func (s *sink) sqlFrom(source string, f *file, name string, pieces []piece, endLine int) {
	if len(pieces) == 0 || !s.about(pieces) {
		return
	}
	if own := queryName(pieces[0].text); own != "" {
		name = own
		if source != fileSource {
			source = generatedSource
		}
	}
	t := s.readings.of(pieces)
	q := Query{Name: name, SQL: t.sql, Source: source, Path: f.path, Line: pieces[0].line, Column: pieces[0].column, EndLine: max(endLine, pieces[0].line), Partial: t.partial, lines: t.lines}
	switch {
	case t.ok && (t.open || s.names.in(t.sql)):
		s.found.Queries = append(s.found.Queries, q)
	case t.reason != "" && s.names.in(joined(pieces)):
		s.found.Mentions = append(s.found.Mentions, Mention{Path: f.path, Line: q.Line, Name: name, Text: cut(f.line(q.Line)), Reason: "it looks like SQL: " + t.reason})
	}
}

// implied takes a query that an ORM would send for a model.
func (s *sink) implied(q Query) {
	if s.names.in(q.SQL) {
		q.Source, q.Implied = s.source, true
		s.found.Queries = append(s.found.Queries, q)
	}
}

// built takes a query that a program builds from calls.
func (s *sink) built(q Query) {
	if s.names.in(q.SQL) {
		q.Source = s.source
		s.found.Queries = append(s.found.Queries, q)
	}
}

// unread notes that a file could not be read, or not to its end.
func (s *sink) unread(path, reason string) {
	s.found.Unread = append(s.found.Unread, path+": "+reason)
}

// file is the content of any file of the tree; nil where there is none.
func (s *sink) file(name string) []byte {
	s.read[name], _ = s.around.tree.BlobID(name)
	return s.around.file(s.ctx, name)
}

// list is the application's files in a folder.
func (s *sink) list(folder string) []string {
	list := s.around.list(folder)
	s.lists[folder] = strings.Join(list, "\x00")
	return list
}

// about tells that a text names something of the delta, or may: what fills its holes is not known.
func (s *sink) about(pieces []piece) bool {
	text := joined(pieces)
	return len(pieces) > 1 || strings.ContainsAny(text, "%{$") || s.names.in(text)
}

func joined(pieces []piece) string {
	if len(pieces) == 1 {
		return pieces[0].text
	}
	var text strings.Builder
	for _, p := range pieces {
		text.WriteString(p.text)
	}
	return text.String()
}

// nameComment is how sqlc, aiosql, yesql, pugsql and hugsql name a query.
var nameComment = regexp.MustCompile(`^\s*(?:--|/\*)\s*(?::name\s+|name\s*:\s*)([A-Za-z_][\w.-]*)[!^$#<*?]{0,3}`)

// queryName is the name in the comment that a query begins with, "" without one.
func queryName(text string) string {
	if m := nameComment.FindStringSubmatch(text[:min(len(text), 300)]); m != nil {
		return m[1]
	}
	return ""
}

// line is the text of a line of the file, counted from 1.
func (f *file) line(n int) string {
	rest := f.content
	for ; n > 1; n-- {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			return ""
		}
		rest = rest[i+1:]
	}
	line, _, _ := bytes.Cut(rest[:min(len(rest), 1<<16)], []byte("\n"))
	return string(line)
}

// cut is a line as a report shows it.
func cut(line string) string {
	line = strings.TrimSpace(line)
	if len(line) > 200 {
		line = line[:197] + "..."
	}
	return strings.ToValidUTF8(line, "\ufffd")
}
