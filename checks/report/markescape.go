package report

import (
	"regexp"
	"strings"
)

// MarkdownLine is a text from anywhere as Markdown on one line of at most so many characters that says just that: no
// emphasis, link, HTML or mention comes of it on GitHub or GitLab, wherever in a line it stands.
func MarkdownLine(s string, most int) string { return markText(cutCharacters(onOneLine(s), most)) }

// markText is text from a repository as Markdown prose on one line that says just that:
// no emphasis, code, link, HTML, table, mention, reference or address comes of it on GitHub or GitLab.
func markText(s string) string {
	return markBeginning.ReplaceAllString(markWithin(s), `$1\$2`)
}

// markWithin is markText of what does not begin a line.
func markWithin(s string) string {
	return markReferences.ReplaceAllString(markSpecial.Replace(clean(onOneLine(s))), "$1&#8203;$2")
}

// markSpecial escapes the punctuation that CommonMark and GitHub's extensions give a
// meaning within a line, with a backslash, or with an entity where a backslash would not
// keep a filter of the rendered page from making a link.
var markSpecial = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "|", `\|`, "~", `\~`, "$", `\$`,
	"@", "@&#8203;", "#", "#&#8203;", "://", "&#58;//",
)

// markReferences are what a filter of the rendered page makes links of: addresses without a scheme, and references to issues.
var markReferences = regexp.MustCompile(`(?i)(www|xmpp|mailto|\bGH)([.:-])`)

// markBeginning is what makes a list, a heading or a rule of a line that begins with it.
var markBeginning = regexp.MustCompile(`^([0-9]*)([-+=#.)])`)

// markStep begins a step of a numbered list.
var markStep = regexp.MustCompile(`^([0-9]{1,2}\.) +(\S.*)$`)

// markBlock is prose of several lines, of which indented ones are code to paste, in this language, and numbered ones steps.
func markBlock(language, s string) string {
	var out, prose, code []string
	step, indent := "", ""
	flush := func() {
		block := ""
		switch {
		case len(code) > 0:
			block = markFence(language, code)
		case len(prose) > 0 && step != "":
			block = markProse(strings.Join(prose, " "))
			out = append(out, step+" "+block)
			indent, block = strings.Repeat(" ", len(step)+1), ""
		case len(prose) > 0:
			block, indent = markProse(strings.Join(prose, " ")), ""
		}
		if block != "" {
			out = append(out, indent+strings.ReplaceAll(block, "\n", "\n"+indent))
		}
		prose, code, step = nil, nil, ""
	}
	for _, line := range strings.Split(strings.TrimRight(s, "\n"), "\n") {
		text, isCode := strings.CutPrefix(line, "  ")
		parts := markStep.FindStringSubmatch(line)
		switch {
		case isCode:
			if len(prose) > 0 {
				flush()
			}
			code = append(code, text)
			continue
		case len(code) > 0 || parts != nil || strings.TrimSpace(line) == "":
			flush()
		}
		if parts != nil {
			step, line = parts[1], parts[2]
		}
		if strings.TrimSpace(line) != "" {
			prose = append(prose, line)
		}
	}
	flush()
	return strings.Join(out, "\n\n")
}

// markProse is prose in which `backticks` are code, as in a rule's own text.
func markProse(s string) string {
	parts := strings.Split(onOneLine(s), "`")
	if len(parts)%2 == 0 { // one is not closed
		return markText(s)
	}
	var b strings.Builder
	for i, part := range parts {
		switch {
		case i%2 == 1:
			b.WriteString(markCode(part))
		case part != "":
			space := func(there bool) string {
				if there {
					return " "
				}
				return ""
			}
			text := markWithin(part)
			if i == 0 {
				text = markText(part)
			}
			b.WriteString(space(strings.HasPrefix(part, " ")) + text + space(strings.HasSuffix(part, " ") && strings.TrimSpace(part) != ""))
		}
	}
	return b.String()
}

// markCode is a code span that shows a text and nothing of it as Markdown.
func markCode(s string) string {
	s = clean(onOneLine(s))
	if s == "" {
		return ""
	}
	fence := strings.Repeat("`", longestRun(s)+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
}

// markFence is a block of code. The language is for colours; it is dropped unless it is a plain word.
func markFence(language string, lines []string) string {
	var text []string
	most := 2
	for _, line := range lines {
		line = clean(strings.ReplaceAll(line, "\t", "    "))
		most = max(most, longestRun(line))
		text = append(text, line)
	}
	fence := strings.Repeat("`", most+1)
	if !plainWord.MatchString(language) {
		language = ""
	}
	return fence + language + "\n" + strings.Join(text, "\n") + "\n" + fence
}

var plainWord = regexp.MustCompile(`^[a-z0-9]{1,12}$`)

// longestRun is how many backticks follow on each other at most.
func longestRun(s string) int {
	most, run := 0, 0
	for i := range len(s) {
		if run++; s[i] != '`' {
			run = 0
		}
		most = max(most, run)
	}
	return most
}
