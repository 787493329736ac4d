package report

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// lineReader finds lines of the sources. Findings come in the order of their
// lines, so it goes on from where it found the last one.
type lineReader struct {
	sources Sources
	last    map[string]lineStart
}

type lineStart struct{ line, offset int }

func newLineReader(s Sources) *lineReader { return &lineReader{s, map[string]lineStart{}} }

// line is one line of a file, without its end; ok is false where the file is not held.
func (r *lineReader) line(p facts.Place) (text []byte, ok bool) {
	key := sideOf(p.Side) + "\x00" + p.Path
	content, ok := r.sources[key]
	if !ok || p.Line < 1 {
		return nil, false
	}
	at := r.last[key]
	if at.line == 0 || at.line > p.Line {
		at = lineStart{line: 1}
	}
	for ; at.line < p.Line; at.line++ {
		end := bytes.IndexByte(content[at.offset:], '\n')
		if end < 0 {
			return nil, false
		}
		at.offset += end + 1
	}
	r.last[key] = at
	text, _, _ = bytes.Cut(content[at.offset:], []byte("\n"))
	return bytes.TrimSuffix(text, []byte("\r")), true
}

// numbered is a line of a file with its number.
type numbered struct {
	number int
	text   []byte
}

// around are the line of a place and up to so many before and after it, without empty
// ones at either end; nil where the file is not held or has no such line.
func (r *lineReader) around(p facts.Place, context int) []numbered {
	key := sideOf(p.Side) + "\x00" + p.Path
	var out []numbered
	var begin lineStart
	held := false
	for n := max(1, p.Line-context); n <= p.Line+context; n++ {
		text, ok := r.line(facts.Place{Path: p.Path, Side: p.Side, Line: n})
		if !ok {
			break
		}
		if begin.line == 0 {
			begin = r.last[key]
		}
		empty := len(bytes.TrimSpace(text)) == 0
		held = held || n == p.Line && !empty
		if !empty || len(out) > 0 {
			out = append(out, numbered{n, text})
		}
	}
	if begin.line > 0 {
		r.last[key] = begin // the next place may be close by
	}
	for len(out) > 0 && len(bytes.TrimSpace(out[len(out)-1].text)) == 0 {
		out = out[:len(out)-1]
	}
	if !held {
		return nil
	}
	return out
}

// excerpt shows the line of a place with a caret under its column.
func (t *text) excerpt(p facts.Place) {
	source, ok := t.lines.line(p)
	if !ok || len(bytes.TrimSpace(source)) == 0 {
		return
	}
	column := p.Column - 1
	if rest, found := bytes.CutPrefix(source, []byte("\ufeff")); found && p.Line == 1 {
		source, column = rest, column-len("\ufeff")
	}
	number := fmt.Sprintf("%6d", p.Line)
	shown, caret := window(source, column, t.o.Width-len(number)-6)
	t.line("  %s %s %s", t.dim(number), t.dim("|"), shown)
	if p.Column > 0 {
		t.line("  %s %s %s%s", strings.Repeat(" ", len(number)), t.dim("|"), strings.Repeat(" ", caret), t.paint("31", "^"))
	}
}

// window is what of a line fits into so many columns of a terminal around a byte
// of it, and the column where that byte stands. Indentation is left out.
func window(source []byte, at, columns int) (shown string, caret int) {
	columns = max(columns, 20)
	at = max(0, min(at, len(source)))
	if indent := len(source) - len(bytes.TrimLeft(source, " \t")); indent <= at {
		source, at = source[indent:], at-indent
	}
	const gap = "..."
	reach := 4 * columns // bytes: no more of a line can be seen
	from, to := max(0, at-reach), min(len(source), at+reach)
	for from > 0 && from < at && !utf8.RuneStart(source[from]) {
		from++
	}
	before, after := printed(source[from:at]), printed(source[at:to])
	room := columns * 2 / 3
	kept := fitting(before, room, true)
	if from > 0 || kept < len(before) {
		kept = fitting(before, room-len(gap), true)
		shown = gap
	}
	shown += strings.Join(before[len(before)-kept:], "")
	caret = wide(shown)
	room = columns - caret
	kept = fitting(after, room, false)
	if to == len(source) && kept == len(after) {
		return shown + strings.Join(after, ""), caret
	}
	kept = fitting(after, room-len(gap), false)
	return shown + strings.Join(after[:kept], "") + gap, caret
}

// fitting is how many of the characters, from the first or from the last on, fit into so many columns.
func fitting(characters []string, columns int, fromLast bool) int {
	for n := range characters {
		i := n
		if fromLast {
			i = len(characters) - 1 - n
		}
		if columns -= wide(characters[i]); columns < 0 {
			return n
		}
	}
	return len(characters)
}

// printed are a text's characters as they are printed.
func printed(source []byte) []string {
	var out []string
	for len(source) > 0 {
		_, size := utf8.DecodeRune(source)
		if source[0] == '\t' {
			out = append(out, "    ")
		} else {
			out = append(out, clean(string(source[:size])))
		}
		source = source[size:]
	}
	return out
}

// wide is how many columns of a terminal a printable text takes.
func wide(s string) int {
	n := 0
	for _, r := range s {
		switch kind := width.LookupRune(r).Kind(); {
		case r < utf8.RuneSelf:
			n++
		case unicode.In(r, unicode.Mn, unicode.Me):
		case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// cut shortens a printable text to so many columns.
func cut(s string, columns int) string {
	columns = max(columns, 20)
	if len(s) <= columns || wide(s) <= columns {
		return s
	}
	characters := printed([]byte(s))
	return strings.Join(characters[:fitting(characters, columns-3, false)], "") + "..."
}
