package layout

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Script is what the server is sent for one migration.
type Script struct {
	// Text is the direction's half. Everything else of the file is blanked to spaces with line ends kept, so that
	// lines keep their numbers; a byte order mark is blanked too.
	Text string
	// Absent is true when the file has no half for this direction; Text is then blank.
	Absent bool
	// Transaction is the migration's, after the directives of the file.
	Transaction    Transaction
	TransactionWhy string
	Directives     []Directive
	StandIns       []StandIn
	// Statements are the queries in the order in which they are sent, where the framework itself cuts the text into
	// queries. Nil where it sends the text as one query (a transaction other than Autocommit) or cuts at every statement.
	Statements []Span

	pieces []piece // of Text, ascending; empty when Text has the file's length and places
}

// Span is one query: offsets into Text. It may hold several SQL statements.
type Span struct {
	Start, End int
	// Transaction surrounds this query. Queries with the same Unit share one transaction.
	Transaction Transaction
	Unit        int
}

// Directive is a line that speaks to the framework.
type Directive struct {
	Offset int // in the file
	Text   string
	Effect string // what it changes, in a few words
}

// StandIn is a placeholder or template tag and what was put in its place.
type StandIn struct {
	Offset int    // in the file
	Name   string // without brackets
	Text   string // as it stands in the script; "" if blanked
	Kind   StandInKind
}

// StandInKind says how sure a stand-in is.
type StandInKind string

const (
	Substituted StandInKind = "value"      // the configured value, or a default that the file itself gives
	Named       StandInKind = "identifier" // an identifier made from the placeholder's name
	Skipped     StandInKind = "statement"  // it stands for whole statements, which were not seen
	Omitted     StandInKind = "omitted"    // an optional prefix such as "schema.", left out
	Branch      StandInKind = "branch"     // control of a template: the first branch was kept
)

// Offset maps an offset in Text to the offset in the file.
func (s Script) Offset(i int) int {
	n, found := slices.BinarySearchFunc(s.pieces, i, func(p piece, i int) int { return cmp.Compare(p.text, i) })
	if !found {
		n--
	}
	if n < 0 {
		return i
	}
	p := s.pieces[n]
	if p.replaced {
		return p.file
	}
	return p.file + i - p.text
}

// piece is a stretch of Text that starts at an offset of Text and of the file, and runs to the next piece.
type piece struct {
	text, file int
	replaced   bool // all of it stands for what is at one offset of the file
}

// edit replaces a stretch of the file.
type edit struct {
	start, end int
	text       string
}

var bom = []byte("\xef\xbb\xbf")

// SQL returns what the server is sent, from the content of the file at Path. An error says why the framework or the server
// would refuse the file, or why it is not text; nothing of it should be judged then.
func (m Migration) SQL(content []byte) (Script, error) {
	if bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff")) {
		return Script{}, fmt.Errorf("%s:1: is UTF-16, which no migration tool reads: save it as UTF-8", m.Path)
	}
	if i := bytes.IndexByte(content, 0); i >= 0 {
		return Script{}, fmt.Errorf("%s:%d: holds a NUL byte, so it is not SQL text", m.Path, lineAt(content, i))
	}
	b := &builder{m: &m, src: string(content), text: bytes.Clone(content), values: m.values, included: new(int)}
	b.out.Transaction, b.out.TransactionWhy = m.Transaction, m.TransactionWhy
	if bytes.HasPrefix(content, bom) {
		b.blank(0, len(bom))
	}
	if m.framework != nil && m.framework.script != nil {
		if err := m.framework.script(b); err != nil {
			return Script{}, err
		}
	}
	if m.framework != nil && m.framework.tags != 0 && !m.variant.literal {
		if err := b.replaceTags(m.framework.tags); err != nil {
			return Script{}, err
		}
	}
	b.finish()
	if b.after != nil {
		b.after()
	}
	return b.out, nil
}

func lineAt(content []byte, offset int) int { return bytes.Count(content[:offset], []byte("\n")) + 1 }

// builder makes a Script. Until finish, all offsets are the file's.
type builder struct {
	m      *Migration
	src    string
	text   []byte // src with what is not sent blanked
	edits  []edit
	values values
	out    Script

	depth    int    // of templates within templates
	included *int   // bytes that they brought
	after    func() // what can be told only from the finished text
}

// blank turns a stretch into spaces and keeps line ends.
func (b *builder) blank(start, end int) {
	for i := start; i < end; i++ {
		if b.text[i] != '\n' && b.text[i] != '\r' {
			b.text[i] = ' '
		}
	}
}

// absent blanks everything: the file has no such half.
func (b *builder) absent() {
	b.blank(0, len(b.text))
	b.out.Absent = true
}

func (b *builder) directive(offset int, text, effect string) {
	b.out.Directives = append(b.out.Directives, Directive{Offset: offset, Text: strings.TrimRight(text, "\r"), Effect: effect})
}

func (b *builder) transaction(tx Transaction, why string) {
	b.out.Transaction, b.out.TransactionWhy = tx, why
}

func (b *builder) errorf(offset int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", b.m.Path, strings.Count(b.src[:offset], "\n")+1, fmt.Sprintf(format, args...))
}

// span notes one query.
func (b *builder) span(start, end int, tx Transaction, unit int) {
	b.out.Statements = append(b.out.Statements, Span{Start: start, End: end, Transaction: tx, Unit: unit})
}

// spansInFile fills in the transaction of spans that all have the script's.
func (b *builder) spansInFile() {
	for i := range b.out.Statements {
		s := &b.out.Statements[i]
		s.Transaction, s.Unit = b.out.Transaction, 0
		if b.out.Transaction == Autocommit {
			s.Transaction, s.Unit = Implicit, i
		}
	}
}

// finish applies the edits and moves the spans along.
func (b *builder) finish() {
	slices.SortStableFunc(b.edits, func(x, y edit) int { return cmp.Compare(x.start, y.start) })
	slices.SortStableFunc(b.out.Directives, func(x, y Directive) int { return cmp.Compare(x.Offset, y.Offset) })
	slices.SortStableFunc(b.out.StandIns, func(x, y StandIn) int { return cmp.Compare(x.Offset, y.Offset) })
	same := true
	for _, e := range b.edits {
		if len(e.text) == e.end-e.start {
			copy(b.text[e.start:e.end], e.text)
		} else {
			same = false
		}
	}
	if same {
		b.out.Text = string(b.text)
		return
	}
	var (
		text strings.Builder
		from int
	)
	text.Grow(len(b.text))
	for _, e := range b.edits {
		if len(e.text) == e.end-e.start {
			continue
		}
		b.out.pieces = append(b.out.pieces, piece{text: text.Len(), file: from})
		text.Write(b.text[from:e.start])
		if e.text != "" {
			b.out.pieces = append(b.out.pieces, piece{text: text.Len(), file: e.start, replaced: true})
			text.WriteString(e.text)
		}
		from = e.end
	}
	b.out.pieces = append(b.out.pieces, piece{text: text.Len(), file: from})
	text.Write(b.text[from:])
	b.out.Text = text.String()
	for i := range b.out.Statements {
		s := &b.out.Statements[i]
		s.Start, s.End = b.moved(s.Start), b.moved(s.End)
	}
}

// moved maps an offset of the file to the offset in Text.
func (b *builder) moved(file int) int {
	n, found := slices.BinarySearchFunc(b.out.pieces, file, func(p piece, file int) int { return cmp.Compare(p.file, file) })
	if !found {
		n--
	}
	p := b.out.pieces[n] // the first piece starts at 0
	if p.replaced {
		return p.text
	}
	end := len(b.out.Text)
	if n+1 < len(b.out.pieces) {
		end = b.out.pieces[n+1].text
	}
	return min(p.text+file-p.file, end)
}

// line is one line of a text: start and end of its content, without the line's end, and the start of the next.
type line struct {
	start, end, next int
	text             string // without a byte order mark, \r or \n
}

// lines cuts a text into lines, with the byte order mark cut off the first.
func lines(src string) func(yield func(line) bool) {
	return func(yield func(line) bool) {
		for start := 0; start < len(src); {
			next := len(src)
			if i := strings.IndexByte(src[start:], '\n'); i >= 0 {
				next = start + i + 1
			}
			l := line{start: start, next: next}
			l.text = strings.TrimSuffix(strings.TrimSuffix(src[start:next], "\n"), "\r")
			l.end = start + len(l.text)
			if start == 0 {
				l.text = strings.TrimPrefix(l.text, string(bom))
			}
			if !yield(l) {
				return
			}
			start = next
		}
	}
}
