package report

import (
	"fmt"
	"strings"
)

// line prints a line. What comes from a repository must have been made clean.
func (t *text) line(format string, args ...any) {
	s := noCommand(fmt.Sprintf(format, args...))
	t.w.WriteString(strings.TrimRight(s, " "))
	t.w.WriteByte('\n')
	t.begun = true
}

// gap prints an empty line, but not as the first.
func (t *text) gap() {
	if t.begun {
		t.line("")
	}
}

// wrap prints prose within the width, made clean.
func (t *text) wrap(indent, prose string) { t.hang("", indent, indent, prose) }

// hang prints prose like wrap, behind a first line's own beginning in a colour.
func (t *text) hang(color, first, indent, prose string) {
	line, beginning := "", t.paint(color, first)
	room := max(t.o.Width-wide(first), 40)
	flush := func() {
		t.line("%s%s", beginning, line)
		line, beginning, room = "", indent, max(t.o.Width-wide(indent), 40)
	}
	for _, word := range strings.Fields(prose) {
		word = clean(word)
		if line != "" && wide(line)+1+wide(word) > room {
			flush()
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		flush()
	}
}

var verdictColors = map[string]string{"PASS": "32;1", "FAIL": "31;1", "ERROR": "31;1"}

// verdict prints the last line, which says what to do.
func (t *text) verdict(color, word, advice string) {
	t.hang(color, word+"  ", strings.Repeat(" ", len(word)+2), advice)
}

func (t *text) paint(code, s string) string {
	if !t.o.Color || code == "" || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *text) bold(s string) string { return t.paint("1", s) }
func (t *text) dim(s string) string  { return t.paint("2", s) }

func (t *text) severity(s string) string {
	switch s {
	case "error":
		return t.paint("31;1", s)
	case "warning":
		return t.paint("33;1", s)
	}
	return t.paint("34", s)
}

func pad(s string, columns int) string { return fmt.Sprintf("%-*s", max(columns, 0), s) }
