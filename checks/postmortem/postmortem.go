// Package postmortem reads post-mortem documents: Markdown files whose YAML front
// matter says what happened, and which action items keep it from happening again.
package postmortem

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/pmcheck/pmcheck/checks/config/yamltree"
)

// maxFrontMatter bounds the bytes between the two "---" lines.
const maxFrontMatter = 256 << 10

// Document is a post-mortem. A field that the document leaves out, or whose value
// has a problem, is empty. Texts stand as they are written, except where said.
type Document struct {
	Path string
	Line int // of its id, or of the front matter where it has none

	ID       string
	Title    string
	Date     string   // YYYY-MM-DD
	Status   string   // draft | in_review | reviewed | closed
	Severity string   // SEV-n where it is a number, else as written
	Services []string // of the owner's systems

	StartedAt      string // this and the next four: RFC 3339
	DetectedAt     string
	AcknowledgedAt string
	MitigatedAt    string
	ResolvedAt     string

	Impact              string
	Trigger             string
	RootCauses          []string
	ContributingFactors []string
	IntroducedBy        string // a commit
	Whys                []Why  // of the text below the front matter

	ActionItems []ActionItem
}

// ActionItem is one thing that was decided to do.
type ActionItem struct {
	ID         string
	Action     string
	Type       string // mitigate | prevent | detect | process | other
	Priority   string // P0, P1 ... or as written
	Owner      string
	Due        string // YYYY-MM-DD
	Status     string // open | in_progress | done | cancelled
	Issue      string
	EnforcedBy []string // rule ids
	Line       int
}

// Problem is something wrong with a document.
type Problem struct {
	Path    string
	Line    int
	Message string
	Hint    bool // nothing was lost for certain: a key that pmcheck does not know
}

// Parse reads the document at path. A broken document gives what could be read,
// nil where that is nothing, and problems. A file that is there for the writers
// (README.md, index.md, template.md) gives neither.
func Parse(path string, content []byte) (*Document, []Problem) {
	if forWriters(path) {
		return nil, nil
	}
	r := &reader{path: path}
	document := r.read(content)
	if document != nil {
		document.Whys = whysIn(path, content)
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
	return document, r.problems
}

func (r *reader) read(content []byte) *Document {
	matter, firstLine := r.frontMatter(content)
	if matter == nil {
		return nil
	}
	root, problems := yamltree.Parse(matter, firstLine, maxFrontMatter)
	for _, problem := range problems {
		r.problem(problem.Line, "%s", problem.Message)
	}
	switch {
	case root == nil && len(r.problems) == 0:
		r.problem(firstLine-1, "the front matter is empty: begin with id, title and date")
		return nil
	case root == nil:
		return nil
	case root.Kind != yaml.MappingNode:
		r.problem(root.Line, "the front matter is %s, expected keys such as id, title, action_items", yamltree.Describe(root))
		return nil
	}
	return r.document(root, firstLine-1)
}

// Cite names an action item the way everybody refers to it: "PM-2026-001/AI-1".
// The path stands in for an id that is missing; an item without id is cited by its document.
func Cite(d *Document, item ActionItem) string {
	cited := d.ID
	if cited == "" {
		cited = d.Path
	}
	if item.ID != "" {
		cited += "/" + item.ID
	}
	return cited
}

// Duplicates gives a problem for each document whose id an earlier one has already.
func Duplicates(documents []*Document) []Problem {
	var problems []Problem
	first := map[string]*Document{}
	for _, d := range documents {
		if d == nil || d.ID == "" {
			continue
		}
		if earlier := first[d.ID]; earlier != nil {
			problems = append(problems, Problem{Path: d.Path, Line: d.Line,
				Message: fmt.Sprintf("id %s is that of %s:%d too: give one of them another id", d.ID, earlier.Path, earlier.Line)})
			continue
		}
		first[d.ID] = d
	}
	return problems
}

// writersFile matches the names, without extension, of files that explain or
// prepare post-mortems. It is narrow: an outage of a template engine is no template.
var writersFile = regexp.MustCompile(`(?i)^[0_.-]*(readme([.-][a-z-]+)?|index|template|(post[-_ ]?mortem|incident([-_ ]report)?|pm)[-_ ]template|template[-_ ](post[-_ ]?mortem|incident([-_ ]report)?|pm))$`)

func forWriters(file string) bool {
	base := path.Base(file)
	return writersFile.MatchString(strings.TrimSuffix(base, path.Ext(base)))
}

type reader struct {
	path     string
	problems []Problem
}

func (r *reader) problem(line int, format string, args ...any) {
	r.problems = append(r.problems, Problem{Path: r.path, Line: line, Message: fmt.Sprintf(format, args...)})
}

func (r *reader) hint(line int, format string, args ...any) {
	r.problem(line, format, args...)
	r.problems[len(r.problems)-1].Hint = true
}

// frontMatter gives the text between the fences and the number of its first line;
// nil, and a problem, where there is none.
func (r *reader) frontMatter(content []byte) ([]byte, int) {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	line := 1
	var opening []byte
	for len(content) > 0 && len(bytes.TrimSpace(opening)) == 0 {
		if opening != nil {
			line++
		}
		opening, content = cutLine(content)
	}
	if !fence(opening, "---") {
		r.problem(1, "no front matter: begin the file with a line \"---\", the keys id, title, date ..., and a line \"---\"")
		return nil, 0
	}
	rest, heading := content, -1
	blank := false
	for read := 0; len(rest) > 0; {
		var text []byte
		text, rest = cutLine(rest)
		if fence(text, "---") || fence(text, "...") {
			return content[:read:read], line + 1
		}
		if heading < 0 && blank && bytes.HasPrefix(text, []byte("#")) {
			heading = read
		}
		blank = len(bytes.TrimSpace(text)) == 0
		if read = len(content) - len(rest); read > maxFrontMatter {
			r.problem(line, "no line \"---\" ends the front matter within %d bytes: add it, or move the text below it", maxFrontMatter)
			return nil, 0
		}
	}
	r.problem(line, "the front matter is never closed: add a line \"---\" after its last key")
	if heading >= 0 { // where the Markdown seems to begin
		content = content[:heading:heading]
	}
	return content, line + 1
}

func cutLine(content []byte) (line, rest []byte) {
	if end := bytes.IndexByte(content, '\n'); end >= 0 {
		return content[:end], content[end+1:]
	}
	return content, nil
}

func fence(line []byte, mark string) bool {
	return string(bytes.TrimRight(line, " \t\r")) == mark
}
