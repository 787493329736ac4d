package suppress

import "strings"

// scanner goes through PostgreSQL text as its lexer does (manual, 4.1 Lexical
// Structure), and as psql does where that is about lines: meta-commands and the
// data of COPY FROM STDIN. What is never closed reaches to the end of the text.
type scanner struct {
	text      string
	at        int // the byte to read next
	line      int // of that byte
	lineStart int // where that line begins
	found     []Comment
	waiting   []waiting

	statement     Position // where the statement being read begins; zero between statements
	ended         Position // where the statement before the last ";" begins; zero where it was empty
	lastTokenLine int      // 0 = there was no token yet
	parens        int      // open in the statement

	firstWord, lastWord string // of the statement, in upper case
	copiesFromStdin     bool   // the statement is COPY ... FROM STDIN
	dataFollows         bool   // such a statement ended: after this line stands its data
}

// waiting is a comment whose statement depends on the token that comes next.
type waiting struct {
	comment int      // index in found
	inside  Position // the statement that it stands in, if that goes on
	before  Position // the statement before it on its line
}

func (s *scanner) scan() {
	if strings.HasPrefix(s.text, "\ufeff") {
		s.at = len("\ufeff")
	}
	for s.at < len(s.text) {
		rest := s.text[s.at:]
		switch c := rest[0]; {
		case c == '\n':
			s.take(1)
			if s.dataFollows {
				s.data()
			}
		case c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v':
			s.take(1)
		case strings.HasPrefix(rest, "--"):
			s.lineComment()
		case strings.HasPrefix(rest, "/*"):
			s.blockComment()
		default:
			s.beginToken()
			s.token(c)
			s.lastTokenLine = s.line
		}
	}
	for _, w := range s.waiting {
		s.found[w.comment].Target = w.before
	}
}

// take moves over the next n bytes.
func (s *scanner) take(n int) string {
	taken := s.text[s.at : s.at+n]
	if lines := strings.Count(taken, "\n"); lines > 0 {
		s.line += lines
		s.lineStart = s.at + strings.LastIndexByte(taken, '\n') + 1
	}
	s.at += n
	return taken
}

// takeThrough moves behind the next mark that begins at or after from, or to the end.
func (s *scanner) takeThrough(mark string, from int) {
	rest := s.text[s.at:]
	if from = min(from, len(rest)); strings.Contains(rest[from:], mark) {
		s.take(from + strings.Index(rest[from:], mark) + len(mark))
		return
	}
	s.take(len(rest))
}

func (s *scanner) restOfLine() int {
	if end := strings.IndexByte(s.text[s.at:], '\n'); end >= 0 {
		return end
	}
	return len(s.text) - s.at
}

// beginToken settles which statement the waiting comments are about.
func (s *scanner) beginToken() {
	here := Position{s.line, s.at - s.lineStart + 1}
	for _, w := range s.waiting {
		comment := &s.found[w.comment]
		switch {
		case w.inside != Position{}:
			comment.Target = w.inside
		case w.before != Position{} && comment.EndLine < here.Line:
			comment.Target = w.before
		default:
			comment.Target = here
		}
	}
	s.waiting = s.waiting[:0]
	if c := s.text[s.at]; s.statement == (Position{}) && c != ';' && c != '\\' {
		s.statement = here
		s.firstWord, s.lastWord = "", ""
	}
}

func (s *scanner) token(c byte) {
	switch {
	case c == '\'':
		s.takeThrough("'", 1) // a doubled quote begins the string anew, which comes to the same
	case c == '"':
		s.takeThrough(`"`, 1)
	case c == '$':
		s.dollar()
	case c == '\\': // of psql; \g and its like send the statement
		if command := s.take(s.restOfLine()); strings.HasPrefix(command, `\g`) {
			s.ended, s.statement = s.statement, Position{}
		}
	case wordByte(c):
		s.word()
	case c == ';' && s.parens == 0:
		s.take(1)
		s.ended, s.statement = s.statement, Position{}
		s.dataFollows = s.dataFollows || s.copiesFromStdin
		s.copiesFromStdin = false
	case c == '(':
		s.take(1)
		s.parens++
	case c == ')':
		s.take(1)
		s.parens = max(0, s.parens-1)
	default:
		s.take(1)
	}
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || digit(c) || c == '_' || c >= 0x80
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// word takes an identifier, a keyword or a number, and the string that it prefixes.
func (s *scanner) word() {
	length := 1
	number := digit(s.text[s.at]) // a dollar quote may follow it at once
	for s.at+length < len(s.text) && (wordByte(s.text[s.at+length]) || !number && s.text[s.at+length] == '$') {
		length++
	}
	const longestKeyword = len("STDIN")
	word := s.take(length)
	if len(word) <= longestKeyword {
		word = strings.ToUpper(word)
	}
	if word == "E" && s.at < len(s.text) && s.text[s.at] == '\'' {
		s.escapeString()
		return
	}
	if s.firstWord == "" {
		s.firstWord = word
	}
	if s.firstWord == "COPY" && s.lastWord == "FROM" && word == "STDIN" {
		s.copiesFromStdin = true
	}
	s.lastWord = word
}

// escapeString takes a string in which a backslash hides the next byte, with the
// parts that continue it on further lines.
func (s *scanner) escapeString() {
	rest := s.text[s.at:]
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '\'':
			next := i + 1
			if next < len(rest) && rest[next] != '\'' {
				next += len(rest[next:]) - len(strings.TrimLeft(rest[next:], " \t\n\r\f\v"))
			}
			goesOn := next < len(rest) && rest[next] == '\'' && (next == i+1 || strings.ContainsAny(rest[i:next], "\n\r"))
			if !goesOn {
				s.take(i + 1)
				return
			}
			i = next
		}
	}
	s.take(len(rest))
}

// dollar takes a dollar-quoted string, or the "$" of something else: a parameter.
func (s *scanner) dollar() {
	rest := s.text[s.at:]
	length := 1
	for length < len(rest) && wordByte(rest[length]) {
		length++
	}
	if length == len(rest) || rest[length] != '$' || digit(rest[1]) {
		s.take(1)
		for s.at < len(s.text) && digit(s.text[s.at]) {
			s.take(1)
		}
		return
	}
	s.takeThrough(rest[:length+1], length+1)
}

// data takes the lines of a COPY up to the one with "\.".
func (s *scanner) data() {
	s.dataFollows = false
	for s.at < len(s.text) {
		line := s.take(s.restOfLine())
		if s.at < len(s.text) {
			s.take(1)
		}
		if strings.TrimSuffix(line, "\r") == `\.` {
			return
		}
	}
}

func (s *scanner) lineComment() {
	line := s.line
	length := s.restOfLine()
	if end := strings.IndexByte(s.text[s.at:s.at+length], '\r'); end >= 0 {
		length = end // a carriage return ends it, even alone
	}
	text := s.take(length)
	if text = strings.Trim(text, "- \t\f\v"); intended.MatchString(text) {
		s.add(parse(text), line, line)
	}
}

// blockComment takes a comment with those nested in it. Each of its lines may begin a marker.
func (s *scanner) blockComment() {
	first := s.line
	rest := s.text[s.at:]
	depth, end := 1, 2
	for end < len(rest) && depth > 0 {
		switch {
		case strings.HasPrefix(rest[end:], "/*"):
			depth++
			end += 2
		case strings.HasPrefix(rest[end:], "*/"):
			depth--
			end += 2
		default:
			end++
		}
	}
	text := s.take(end)[2:]
	if depth == 0 {
		text = text[:len(text)-2]
	}
	var marker strings.Builder // the text of the marker being read
	markerLine := 0
	finish := func() {
		if markerLine == 0 {
			return
		}
		c := parse(marker.String())
		if depth > 0 {
			c = Comment{Scope: c.Scope, Problem: `the comment is never closed: end it with "*/"`}
		}
		s.add(c, markerLine, first)
		marker.Reset()
		markerLine = 0
	}
	line := first
	for content := range strings.SplitSeq(text, "\n") {
		content = strings.Trim(content, "* \t\r\f\v")
		switch {
		case intended.MatchString(content):
			finish()
			markerLine = line
			marker.WriteString(content)
		case content == "":
			finish()
		case markerLine > 0:
			marker.WriteString(" " + content)
		}
		line++
	}
	finish()
}

// add notes a marker on a line of the comment that has just been taken and that
// began on line begin.
func (s *scanner) add(c Comment, line, begin int) {
	if c.Scope == File && c.Problem == "" && s.lastTokenLine > 0 {
		c = Comment{Scope: File, Problem: "it stands below a statement: move it to the top of the file, or for one statement " + howStatement}
	}
	c.Line, c.EndLine = line, s.line
	s.found = append(s.found, c)
	if c.Scope == File {
		return
	}
	w := waiting{comment: len(s.found) - 1, inside: s.statement}
	if s.lastTokenLine == begin {
		if w.before = s.ended; s.statement != (Position{}) {
			w.before = s.statement
		}
	}
	s.waiting = append(s.waiting, w)
}
