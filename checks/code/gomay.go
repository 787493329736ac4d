package code

import (
	"bytes"
	"strings"
)

// goMarks are what Go code that builds queries, or has models, holds beside whole statements.
var goMarks = [][]byte{
	[]byte(`gorm.io/`), []byte("jinzhu/gorm"), []byte("uptrace/bun"), []byte(`bun:"`), []byte(`db:"`), []byte("squirrel"), []byte("goqu."), []byte("gorp"),
}

func (goExtractor) may(content []byte) bool {
	for _, mark := range goMarks {
		if bytes.Contains(content, mark) {
			return true
		}
	}
	return startsBuilder(content) || namesTable(content) || mayHoldStatement(content) && speaks(goLiterals(string(content)))
}

// startsBuilder tells that a query builder of another file may be used: psql.Select(...).
func startsBuilder(content []byte) bool {
	for _, verb := range [][]byte{[]byte("Select("), []byte("Insert("), []byte("Update("), []byte("Delete(")} {
		for at := 0; ; at += len(verb) {
			i := bytes.Index(content[at:], verb)
			if i < 0 {
				break
			}
			at += i
			before, ok := bytes.CutSuffix(trimSpaceRight(content[max(0, at-100):at]), []byte("."))
			if !ok {
				continue
			}
			before = bytes.TrimSuffix(trimSpaceRight(before), []byte("()"))
			begin := len(before)
			for begin > 0 && wordByte(before[begin-1]) {
				begin--
			}
			if isBuilderName(string(before[begin:])) {
				return true
			}
		}
	}
	return false
}

func trimSpaceRight(text []byte) []byte { return bytes.TrimRight(text, " \t\r\n") }

// namesTable tells that a file may give the name of a table to a constant or variable,
// which other files put into their queries: usersTable = "users".
func namesTable(content []byte) bool {
	for _, part := range [][]byte{[]byte("bl"), []byte("BL")} { // of table and tbl: few other words have it
		for at := 0; ; {
			i := bytes.Index(content[at:], part)
			if i < 0 {
				break
			}
			at += i + len(part)
			if isNamed(content, at) {
				return true
			}
		}
	}
	return false
}

// isNamed tells that a name with table or tbl in it, whose b and l end at an offset, is
// given a text that is a name, too.
func isNamed(content []byte, at int) bool {
	before := bytes.ToLower(content[max(0, at-4):at])
	if !bytes.HasSuffix(before, []byte("tbl")) && !(string(before) == "tabl" && at < len(content) && content[at]|0x20 == 'e') {
		return false
	}
	for at < len(content) && wordByte(content[at]) {
		at++
	}
	rest := bytes.TrimLeft(content[at:], " \t\r\n")
	if len(rest) == len(content)-at {
		return false
	}
	if typed, ok := bytes.CutPrefix(rest, []byte("string")); ok {
		rest = bytes.TrimLeft(typed, " \t\r\n")
	}
	rest, ok := bytes.CutPrefix(rest, []byte("="))
	rest = bytes.TrimLeft(rest, " \t\r\n")
	if !ok || len(rest) == 0 || rest[0] != '"' && rest[0] != '`' {
		return false
	}
	n := 1
	for n < len(rest) && (wordByte(rest[n]) || rest[n] == '.' || rest[n] == '"') {
		n++
	}
	return n > 2 && rest[n-1] == '"' || n > 1 && n < len(rest) && rest[n] == '`'
}

// goLiterals is the string literals of a Go file, without their quotes: comments speak
// of selecting and updating, too. Of a literal without an end it is all that follows.
func goLiterals(content string) []string {
	var list []string
	for at := 0; at < len(content); {
		if !opensLiteral[content[at]] {
			at++
			continue
		}
		n := literalEnd(content[at:])
		if c := content[at]; n < 0 {
			return append(list, content[at+1:]) // who reads the file says what is wrong with it
		} else if n > 2 && (c == '"' || c == '`') {
			list = append(list, content[at+1:at+n-1])
		}
		at += n
	}
	return list
}

var opensLiteral = [256]bool{'"': true, '`': true, '\'': true, '/': true}

// literalEnd is how long the literal or comment is that a text of Go begins with; 1 where
// it begins with none, -1 where it has no end.
func literalEnd(text string) int {
	switch quote := text[0]; quote {
	case '/':
		switch {
		case strings.HasPrefix(text, "//"):
			if n := strings.IndexByte(text, '\n'); n >= 0 {
				return n
			}
			return len(text)
		case strings.HasPrefix(text, "/*"):
			if n := strings.Index(text[2:], "*/"); n >= 0 {
				return n + 4
			}
			return -1
		}
		return 1
	case '`':
		if n := strings.IndexByte(text[1:], '`'); n >= 0 {
			return n + 2
		}
		return -1
	default:
		for n := 1; n < len(text) && text[n] != '\n'; n++ {
			switch text[n] {
			case '\\':
				n++
			case quote:
				return n + 1
			}
		}
		return -1
	}
}
