package code

import (
	"bytes"
	"regexp"
	"strings"
)

// sqlFiles reads files of SQL that are not migrations: the queries that sqlc
// generates code from, named queries in the manner of yesql, hugsql, pugsql and
// aiosql, and plain statements. A file that makes tables is a schema, and one of
// many rows is data: neither holds queries.
type sqlFiles struct{}

func (sqlFiles) name() string             { return fileSource }
func (sqlFiles) reads(path string) bool   { return strings.HasSuffix(path, ".sql") }
func (sqlFiles) group(path string) string { return path }

var sqlFileWords = regexp.MustCompile(`(?i)\b(select|insert|update|delete|merge|values|truncate|call|refresh)\b`)

func (sqlFiles) may(content []byte) bool { return sqlFileWords.Match(content) }

// schemaWords begin the lines of a dump or of a migration.
var schemaWords = regexp.MustCompile(`(?im)^\s*(create\s+(unlogged\s+|or\s+replace\s+)?(table|type|schema|function|view|trigger|extension|unique\s+index|index|policy)|alter\s+(table|type)|drop\s+(table|type|view))\b`)

// maxStatements is how many statements a file of queries has at most: beyond it is data.
const maxStatements = 2000

func (sqlFiles) extract(files []*file, s *sink) {
	for _, f := range files {
		named := nameLine.Match(f.content)
		if !named && schemaWords.Match(f.content) {
			continue
		}
		extractSQL(f, s)
	}
}

// nameLine is a line that names the query behind it.
var nameLine = regexp.MustCompile(`(?m)^\s*(?:--|/\*)\s*(?::name\s+|name\s*:\s*)([A-Za-z_][\w.\-]*)`)

// extractSQL hands over the statements of a file, each with the name that stands in a
// comment before it.
func extractSQL(f *file, s *sink) {
	text := string(f.content)
	name, line, start, n := "", 1, 0, 0
	hand := func(end int) {
		statement := text[start:end]
		trimmed := strings.TrimLeft(statement, " \t\r\n;")
		at := start + len(statement) - len(trimmed)
		trimmed = strings.TrimRight(trimmed, " \t\r\n;")
		line += strings.Count(text[start:at], "\n")
		if trimmed != "" {
			if m := nameLine.FindAllStringSubmatch(comments(trimmed), -1); m != nil {
				name = m[len(m)-1][1]
			}
			n++
			last := line + strings.Count(trimmed, "\n")
			skipped := leading(trimmed)
			first := line + strings.Count(trimmed[:skipped], "\n")
			if skipped < len(trimmed) && s.ctx.Err() == nil && n <= maxStatements {
				s.sql(f, name, []piece{{text: trimmed[skipped:], line: first, column: 1 + at + skipped - (strings.LastIndexByte(text[:at+skipped], '\n') + 1)}}, last)
			}
		}
		line += strings.Count(text[at:end], "\n")
		start = end
	}
	for i := 0; i < len(text); {
		if i > start && bytes.HasPrefix(f.content[i:], []byte("--")) {
			// A comment that names a query ends the one before it, which may have no ";".
			if end := strings.IndexByte(text[i:], '\n'); end >= 0 && nameLine.MatchString(text[i:i+end]) && strings.TrimSpace(text[start:i]) != "" && leading(strings.TrimSpace(text[start:i])) < len(strings.TrimSpace(text[start:i])) {
				hand(i)
			}
		}
		n := unit(text[i:])
		if text[i] == ';' {
			hand(i + 1)
		}
		i += n
	}
	hand(len(text))
	if n > maxStatements {
		s.unread(f.path, "it has more statements than are looked at")
	}
}

// unit is the length of what must not be taken apart: a comment, a string, a byte.
func unit(s string) int {
	switch {
	case strings.HasPrefix(s, "--"):
		if i := strings.IndexByte(s, '\n'); i >= 0 {
			return i
		}
		return len(s)
	case strings.HasPrefix(s, "/*"):
		if n := blockComment(s); n > 0 {
			return n
		}
		return len(s)
	case s[0] == '\'' || s[0] == '"':
		if i := strings.IndexByte(s[1:], s[0]); i >= 0 {
			return i + 2
		}
		return len(s)
	case s[0] == '$':
		i := 1
		for i < len(s) && (letter(s[i]) || i > 1 && digit(s[i])) {
			i++
		}
		if i < len(s) && s[i] == '$' {
			if end := strings.Index(s[i+1:], s[:i+1]); end >= 0 {
				return i + 1 + end + i + 1
			}
		}
	}
	return 1
}

// leading is the length of the comments and white space before a statement.
func leading(s string) int {
	at := 0
	for at < len(s) {
		switch c := s[at]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';':
			at++
		case strings.HasPrefix(s[at:], "--"), strings.HasPrefix(s[at:], "/*"):
			at += unit(s[at:])
		default:
			return at
		}
	}
	return at
}

// comments are those before a statement.
func comments(s string) string { return s[:leading(s)] }
