package layout

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Placeholders and templates. A value is taken from the configuration where it has one. Otherwise an identifier made from the
// placeholder's name stands in, always the same one for the same name, so that SQL still parses and a schema called by a
// placeholder is one schema in all files.

// tag is one placeholder in a text.
type tag struct {
	start, end int
	body       string // without brackets and trimmed
	kind       tagSyntax
	place      tagPlace
}

// tagPlace is where in the SQL a tag stands.
type tagPlace uint8

const (
	inCode      tagPlace = iota
	asStatement          // where a statement would start, and alone there
	inString             // within '...' or a comment
	inName               // within "..."
)

// tagFinder collects the tags of a text.
type tagFinder struct {
	engine Engine
	syntax tagSyntax
	tags   []tag
}

// maxNesting bounds dollar quotes within dollar quotes.
const maxNesting = 8

// mayHoldTags is a cheap test before all else: most files hold none.
func mayHoldTags(src string, syntax tagSyntax) bool {
	return syntax&goTags != 0 && strings.Contains(src, "{{") || syntax&dollarTags != 0 && strings.Contains(src, "${") ||
		syntax&(psqlTags|psqlBareTags) != 0 && strings.Contains(src, ":") || syntax&commentTags != 0 && strings.Contains(src, "/* TEMPLATE: ")
}

func findTags(src string, engine Engine, syntax tagSyntax) []tag {
	f := &tagFinder{engine: engine, syntax: syntax}
	f.find(src, 0, len(src), 0)
	return f.tags
}

func (f *tagFinder) find(src string, from, to, depth int) {
	l := &lexer{src: src, pos: from, limit: to, tags: f.syntax, mysql: f.engine == MySQL}
	atStart := depth == 0
	word := "" // the last token, if it was a word
	for {
		t := l.next()
		text := src[t.start:t.end]
		before := word
		if t.kind != commentToken {
			word = ""
		}
		switch t.kind {
		case wordToken:
			word = text[:min(len(text), 16)]
		case endToken:
			return
		case tagToken:
			g := f.tagOf(text, t.start, t.end)
			if atStart && endsLine(src[t.end:to]) {
				g.place = asStatement
			}
			f.tags = append(f.tags, g)
			if control, _ := templateControl(g); control || g.place == asStatement {
				continue
			}
		case psqlToken:
			f.tags = append(f.tags, tag{start: t.start, end: t.end, body: strings.Trim(text, `:'"`), kind: psqlTags})
		case stringToken:
			if f.syntax&inStrings != 0 {
				f.within(src, t, inString)
			}
		case identToken:
			f.within(src, t, inName)
		case commentToken:
			if f.syntax&commentTags != 0 {
				if name, ok := strings.CutPrefix(text, "/* TEMPLATE: "); ok && strings.HasSuffix(name, " */") {
					f.tags = append(f.tags, tag{start: t.start, end: t.end, body: strings.TrimSuffix(name, " */"), kind: commentTags})
				}
			}
			if f.syntax&inStrings != 0 {
				f.within(src, t, inString)
			}
			continue
		case dollarToken:
			quote := dollarTag(text)
			// Elsewhere than in a body, a dollar quote is a string: a mail's text may hold {{.Name}}.
			body := strings.EqualFold(before, "as") || strings.EqualFold(before, "do") || strings.EqualFold(before, "plpgsql")
			if depth < maxNesting && len(text) >= 2*len(quote) && (body || f.syntax&inStrings != 0) {
				inside := *f
				inside.syntax &^= psqlTags | psqlBareTags // psql leaves dollar quotes alone
				inside.find(src, t.start+len(quote), t.end-len(quote), depth+1)
				f.tags = inside.tags
			}
		case punctToken:
			if text == ";" && depth == 0 {
				atStart = true
				continue
			}
		}
		atStart = false
	}
}

// within finds the tags inside of a string, a quoted name or a comment.
func (f *tagFinder) within(src string, t token, place tagPlace) {
	l := &lexer{src: src, limit: t.end, tags: f.syntax &^ (psqlTags | psqlBareTags)}
	for i := t.start; i < t.end; i++ {
		if c := src[i]; c != '{' && c != '$' {
			continue
		}
		if end := l.tagAt(i); end > 0 {
			g := f.tagOf(src[i:end], i, end)
			g.place = place
			f.tags = append(f.tags, g)
			i = end - 1
		}
	}
}

func (f *tagFinder) tagOf(text string, start, end int) tag {
	g := tagOf(text, start, end)
	if f.syntax&lowerNames != 0 {
		g.body = strings.ToLower(g.body)
	}
	return g
}

func tagOf(text string, start, end int) tag {
	if body, ok := strings.CutPrefix(text, "${"); ok {
		return tag{start: start, end: end, body: strings.TrimSpace(strings.TrimSuffix(body, "}")), kind: dollarTags}
	}
	body := strings.TrimSuffix(strings.TrimPrefix(text, "{{"), "}}")
	body = strings.TrimSuffix(strings.TrimPrefix(body, "-"), "-")
	return tag{start: start, end: end, body: strings.Join(strings.Fields(body), " "), kind: goTags}
}

// endsLine says whether nothing but a semicolon or a comment follows on the line.
func endsLine(rest string) bool {
	rest = strings.TrimLeft(rest, " \t\r")
	return rest == "" || rest[0] == '\n' || rest[0] == ';' || strings.HasPrefix(rest, "--")
}

// templateControl says whether a tag controls a Go template instead of writing a value, and with which word.
func templateControl(g tag) (control bool, word string) {
	if g.kind != goTags {
		return false, ""
	}
	word, _, _ = strings.Cut(g.body, " ")
	switch word {
	case "if", "else", "end", "range", "with", "define", "block", "break", "continue":
		return true, word
	}
	if strings.HasPrefix(g.body, "/*") || g.body == "" {
		return true, "comment"
	}
	if strings.HasPrefix(word, "$") {
		rest := strings.TrimSpace(strings.TrimPrefix(g.body, word))
		if strings.HasPrefix(rest, ":=") || strings.HasPrefix(rest, "=") || strings.HasPrefix(rest, ",") {
			return true, "assignment"
		}
	}
	return false, word
}

// replaceTags puts values and stand-ins in the place of the tags of what is sent.
func (b *builder) replaceTags(syntax tagSyntax) error {
	if !mayHoldTags(b.src, syntax) {
		return nil
	}
	sent := string(b.text)
	tags := findTags(sent, b.m.engine, syntax)
	var open []frame
	for _, g := range tags {
		dropped := len(open) > 0 && open[len(open)-1].dropped
		control, word := templateControl(g)
		if control {
			b.blank(g.start, g.end)
			switch word {
			case "if", "range", "with", "block", "define":
				open = append(open, frame{at: g.start, from: g.end, dropped: dropped || word == "define", outer: dropped})
			case "else", "end":
				if len(open) == 0 {
					if syntax&inStrings == 0 {
						continue // not certain to be a template
					}
					return b.errorf(g.start, "{{ %s }} without an opening {{ if }}, {{ range }} or {{ with }}", g.body)
				}
				f := &open[len(open)-1]
				if f.dropped && !f.outer {
					b.blank(f.from, g.start)
				}
				if word == "end" {
					open = open[:len(open)-1]
				} else {
					f.from, f.dropped = g.end, true
				}
			}
			if !dropped && word != "comment" && word != "assignment" {
				b.out.StandIns = append(b.out.StandIns, StandIn{Offset: g.start, Name: g.body, Kind: Branch})
			}
			continue
		}
		if dropped {
			continue
		}
		if err := b.replace(g, sent); err != nil {
			return err
		}
	}
	if len(open) > 0 && syntax&inStrings != 0 {
		return b.errorf(open[0].at, "this template tag has no {{ end }}")
	}
	return nil
}

// frame is one open {{ if }}, {{ range }}, {{ with }}, {{ block }} or {{ define }}.
type frame struct {
	at, from int
	dropped  bool // what stands here now is not kept
	outer    bool // and that is so because of a frame around this one
}

// replace puts one value in the place of one tag.
func (b *builder) replace(g tag, sent string) error {
	name := g.body
	value, known := b.values.lookup(g)
	switch {
	case g.kind == commentTags && !known:
		b.blank(g.start, g.end)
		b.out.StandIns = append(b.out.StandIns, StandIn{Offset: g.start, Name: g.body, Kind: Omitted})
		return nil
	case g.kind == psqlTags:
		quote := sent[g.start+1]
		if !known {
			value = standInName(name)
		}
		text := value
		switch quote {
		case '\'':
			text = "'" + strings.ReplaceAll(value, "'", "''") + "'"
		case '"':
			text = `"` + strings.ReplaceAll(value, `"`, `""`) + `"`
		}
		b.put(g, sent, known, text)
		return nil
	case known:
		b.put(g, sent, true, value)
		return nil
	}
	if g.kind == dollarTags {
		if head, def, ok := strings.Cut(name, ":-"); ok { // as a shell has it
			g.body = head
			b.put(g, sent, true, def)
			return nil
		}
	}
	if g.kind == goTags {
		if literal, err := strconv.Unquote(name); err == nil {
			b.put(g, sent, true, literal)
			return nil
		}
		if done, err := b.include(g); done || err != nil {
			return err
		}
	}
	if g.place == asStatement {
		b.blank(g.start, g.end)
		b.out.StandIns = append(b.out.StandIns, StandIn{Offset: g.start, Name: g.body, Kind: Skipped})
		return nil
	}
	b.put(g, sent, false, standInName(name))
	return nil
}

// put edits a tag. Where the SQL stays the same with spaces after it, a shorter text is filled up to the tag's length, so that
// offsets hold.
func (b *builder) put(g tag, sent string, known bool, text string) {
	kind := Named
	if known {
		kind = Substituted
	}
	padded := text
	if pad := g.end - g.start - len(text); pad > 0 && g.place != inString && g.place != inName && (g.end == len(sent) || !isWord(sent[g.end])) {
		padded += strings.Repeat(" ", pad)
	}
	b.standIn(g, kind, text, padded)
}

// standIn notes a text in the place of a tag; edited is the text with what fills it up.
func (b *builder) standIn(g tag, kind StandInKind, text, edited string) {
	b.out.StandIns = append(b.out.StandIns, StandIn{Offset: g.start, Name: g.body, Text: text, Kind: kind})
	b.edits = append(b.edits, edit{start: g.start, end: g.end, text: edited})
}

// include replaces {{ template "name" . }} by the named file of the migrations' folder; done is false for any other tag.
func (b *builder) include(g tag) (done bool, err error) {
	rest, ok := strings.CutPrefix(g.body, "template ")
	if !ok {
		return false, nil
	}
	quoted, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return false, nil // not a constant name
	}
	name, err := strconv.Unquote(quoted)
	if err != nil {
		return false, nil
	}
	content, ok := b.m.includes[name]
	if !ok {
		return false, nil
	}
	if b.depth >= maxNesting {
		return false, b.errorf(g.start, "the template %q includes itself", name)
	}
	if *b.included += 1 + len(content); *b.included > maxIncluded {
		return false, b.errorf(g.start, "templates within templates make more than %d MiB of SQL", maxIncluded>>20)
	}
	inner := &builder{m: b.m, src: content, text: []byte(content), values: b.values, depth: b.depth + 1, included: b.included}
	if err := inner.replaceTags(b.m.framework.tags); err != nil {
		return false, b.errorf(g.start, "in the template %q: %v", name, err)
	}
	inner.finish()
	b.standIn(g, Substituted, inner.out.Text, inner.out.Text)
	return true, nil
}

// maxIncluded bounds what templates within templates may grow to.
const maxIncluded = 16 << 20

// standInName makes the identifier for a placeholder's name.
func standInName(name string) string {
	var sb strings.Builder
	sb.WriteString("ph")
	gap := true
	for i := 0; i < len(name) && sb.Len() < 56; i++ {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			if gap {
				sb.WriteByte('_')
			}
			sb.WriteByte(c)
			gap = false
		} else {
			gap = true
		}
	}
	return sb.String()
}

// values are placeholders' values, by name.
type values map[string]string

// lowered returns the values of a framework whose names do not depend on case; tagFinder lowers them in the same way.
func (v values) lowered() values {
	out := values{}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		out[strings.ToLower(name)] = v[name]
	}
	return out
}

// lookup finds a tag's value: by its whole name, or by the last word of a template's expression.
func (v values) lookup(g tag) (string, bool) {
	if len(v) == 0 {
		return "", false
	}
	if value, ok := v[g.body]; ok {
		return value, true
	}
	switch g.kind {
	case dollarTags:
		if name, _, ok := strings.Cut(g.body, ":-"); ok {
			value, ok := v[name]
			return value, ok
		}
	case goTags:
		words := strings.FieldsFunc(g.body, func(r rune) bool { return strings.ContainsRune(" .\"`()|", r) })
		if len(words) > 0 {
			value, ok := v[words[len(words)-1]]
			return value, ok
		}
	}
	return "", false
}
