package postmortem

import (
	"regexp"
	"strings"
)

// Why is an answer in the five whys of a document.
type Why struct {
	Answer string // without the question before it
	Line   int
}

var (
	whysHeading = regexp.MustCompile(`(?i)\b(five|5)[ -]*whys?\b`)
	answerWords = regexp.MustCompile(`(?i)^(?:answer|a)\s*[:.)]\s*|^[-–—→:>]+\s*`)
	labelForm   = regexp.MustCompile(`(?i)^why\s*#?[0-9]?\s*[:.)]\s*`)
)

// maxWhys bounds how many answers are read.
const maxWhys = 50

// whysIn reads the answers under a heading that says five whys: the entries of a list, however deep, the last cells of a
// table, or paragraphs. A question without an answer is none.
func whysIn(path string, content []byte) []Why {
	if len(content) > maxDocument || !whysHeading.Match(content) {
		return nil
	}
	h := &headings{reader: &reader{path: path}, Reading: &Reading{Document: &Document{}}}
	h.lines(content, 1)
	for _, s := range h.sections {
		if whysHeading.MatchString(s.name) {
			return answers(s.lines)
		}
	}
	return nil
}

func answers(lines []textLine) []Why {
	var blocks []textLine
	open, comment := false, false // the last block goes on; a comment of several lines does
	for i, l := range lines {
		text := l.text
		if comment || strings.Contains(text, "<!--") && !strings.Contains(text, "-->") {
			comment, open = !strings.Contains(text, "-->"), false
			continue
		}
		m := listForm.FindStringSubmatch(text)
		cells := row(text)
		switch {
		case strings.TrimSpace(text) == "" || delimiter(text):
			open = false
		case i+1 < len(lines) && delimiter(lines[i+1].text): // a table's head
			open = false
		case len(cells) > 1:
			blocks, open = append(blocks, textLine{l.number, cells[len(cells)-1]}), false
		case m != nil:
			blocks, open = append(blocks, textLine{l.number, m[2]}), true
		case open:
			blocks[len(blocks)-1].text += " " + strings.TrimSpace(text)
		default:
			blocks, open = append(blocks, l), true
		}
	}
	var out []Why
	for _, b := range blocks {
		text := plain(b.text)
		if at := strings.LastIndex(text, "?"); at >= 0 {
			text = text[at+1:]
		}
		text = strings.Trim(labelForm.ReplaceAllString(strings.TrimSpace(text), ""), " *_")
		text = clip(answerWords.ReplaceAllString(text, ""))
		if strings.Trim(text, ".…- ") != "" && len(out) < maxWhys {
			out = append(out, Why{text, b.number})
		}
	}
	return out
}
