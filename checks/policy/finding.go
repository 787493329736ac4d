package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// findings reads what a rule's findings are, and says which are not findings.
func (e *Engine) findings(r Rule, value ast.Value) (findings []Finding, errs []error) {
	if value == nil { // findings := {...} if what does not hold
		return nil, nil
	}
	set, ok := value.(ast.Set)
	if !ok {
		return nil, []error{&PolicyError{Rule: r.ID, Place: facts.Place{Path: r.Path, Line: r.Line},
			Message: fmt.Sprintf("findings must be a set (findings contains ... if { ... }), not %s", ast.ValueName(value))}}
	}
	configured, isConfigured := e.severities[r.ID]
	for _, item := range set.Slice() {
		f := Finding{Rule: r.ID, Category: r.Category, Severity: r.Severity, Title: r.Title, Remedy: r.Remedy}
		if problem := f.decode(item); problem != "" {
			errs = append(errs, &PolicyError{Rule: r.ID, Place: facts.Place{Path: r.Path, Line: r.Line},
				Message: "a finding of the wrong form: " + problem})
			continue
		}
		if isConfigured {
			f.Severity = configured
		}
		findings = append(findings, f)
	}
	return findings, errs
}

// decode reads a finding: {"place", "message"} and what may be beside them. It
// says what is wrong with it.
func (f *Finding) decode(item *ast.Term) (problem string) {
	object, ok := item.Value.(ast.Object)
	if !ok {
		return fmt.Sprintf("expected an object with place and message, got %s", ast.ValueName(item.Value))
	}
	object.Foreach(func(key, value *ast.Term) {
		name, _ := key.Value.(ast.String)
		text, isText := value.Value.(ast.String)
		switch name {
		case "place":
			f.Location, ok = place(value)
		case "message":
			f.Message, ok = string(text), isText && text != ""
		case "remedy":
			f.Remedy, ok = string(text), isText
		case "subject":
			f.Subject, ok = string(text), isText
		case "severity":
			f.Severity, ok = string(text), isText && text != Off && slices.Contains(severities, string(text))
		case "caused_by":
			f.CausedBy, ok = places(value)
		case "related":
			f.Related, ok = relatedPlaces(value)
		default:
			ok = false
		}
		if !ok && problem == "" {
			problem = fmt.Sprintf("%s: %s", key, expected[string(name)])
			if expected[string(name)] == "" {
				problem = fmt.Sprintf("%s is not one of place, message, remedy, caused_by, related, subject, severity", key)
			}
		}
	})
	switch {
	case problem != "":
		return problem
	case f.Location.Path == "":
		return "there is no place: where is it?"
	case f.Message == "":
		return "there is no message"
	}
	return ""
}

var expected = map[string]string{
	"place":     "expected a place of the facts: {path, line}",
	"message":   "expected a text",
	"remedy":    "expected a text",
	"subject":   "expected a text",
	"severity":  "expected error, warning or info",
	"caused_by": "expected a list of places",
	"related":   "expected a list of {place, text}",
}

func places(t *ast.Term) (out []facts.Place, ok bool) {
	ok = true
	add := func(item *ast.Term) {
		p, isPlace := place(item)
		out, ok = append(out, p), ok && isPlace
	}
	switch list := t.Value.(type) {
	case *ast.Array:
		list.Foreach(add)
	case ast.Set:
		list.Foreach(add)
	default:
		return nil, false
	}
	return out, ok
}

func relatedPlaces(t *ast.Term) (out []Related, ok bool) {
	list, ok := t.Value.(*ast.Array)
	if !ok {
		return nil, false
	}
	list.Foreach(func(item *ast.Term) {
		r, isRelated := related(item)
		out, ok = append(out, r), ok && isRelated
	})
	return out, ok
}

func related(t *ast.Term) (r Related, ok bool) {
	object, ok := t.Value.(ast.Object)
	if !ok {
		return r, false
	}
	object.Foreach(func(key, value *ast.Term) {
		fits := false
		switch name, _ := key.Value.(ast.String); name {
		case "place":
			r.Place, fits = place(value)
		case "text":
			var text ast.String
			text, fits = value.Value.(ast.String)
			r.Text = string(text)
		}
		ok = ok && fits
	})
	return r, ok && r.Place.Path != ""
}

func place(t *ast.Term) (p facts.Place, ok bool) {
	object, ok := t.Value.(ast.Object)
	if !ok {
		return p, false
	}
	object.Foreach(func(key, value *ast.Term) {
		text, isText := value.Value.(ast.String)
		number, isNumber := value.Value.(ast.Number)
		whole, fits := 0, false
		if isNumber {
			whole, fits = number.Int()
		}
		name, _ := key.Value.(ast.String)
		switch {
		case name == "path" && isText && text != "":
			p.Path = string(text)
		case name == "side" && isText:
			p.Side = string(text)
		case name == "line" && fits && whole >= 0:
			p.Line = whole
		case name == "column" && fits && whole >= 0:
			p.Column = whole
		case name == "end_line" && fits && whole >= 0:
			p.EndLine = whole
		default:
			ok = false
		}
	})
	return p, ok && p.Path != ""
}

var (
	lineNumber = regexp.MustCompile(`(\blines? |:)[0-9]+`)
	spaces     = regexp.MustCompile(`\s+`)
)

// fingerprint sets the fingerprints of sorted findings. It is made of the rule, the
// path, and the subject or else the message without its line numbers; equal
// ones are counted.
func fingerprint(findings []Finding) {
	seen := map[string]int{}
	for i := range findings {
		f := &findings[i]
		about := f.Subject
		if about == "" {
			about = spaces.ReplaceAllString(lineNumber.ReplaceAllString(f.Message, "$1"), " ")
		}
		key := strings.Join([]string{f.Rule, f.Location.Path, about}, "\x00")
		seen[key]++
		if n := seen[key]; n > 1 {
			key += "\x00" + strconv.Itoa(n)
		}
		sum := sha256.Sum256([]byte(key))
		f.Fingerprint = hex.EncodeToString(sum[:12])
	}
}
