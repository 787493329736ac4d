package checkrun

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// cutCharacters is s in at most n characters, with an ellipsis where it was cut.
func cutCharacters(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return s[:offset(s, n-1)] + "…"
}

// cutBytes is s in at most n bytes, cut at a line if that loses little, and saying so.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const notice = "\n(cut)"
	s = s[:n-len(notice)]
	for !utf8.ValidString(s) && len(s) > 0 {
		s = s[:len(s)-1]
	}
	if i := strings.LastIndexByte(s, '\n'); i > len(s)/2 {
		s = s[:i]
	}
	return s + notice
}

// offset is where character n of s begins.
func offset(s string, n int) int {
	for i := range s {
		if n <= 0 {
			return i
		}
		n--
	}
	return len(s)
}

// cutMarkdown is a Markdown text in at most n characters: whole lines, then what closes
// the code block and the folded sections that are open there, then that it was cut and
// where the whole is.
func cutMarkdown(s string, n int, url string) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	notice := "\n\n**This is cut here: it has more characters than GitHub takes.**"
	if where := whole(url, " Read "); where != "" {
		notice += where + "."
	}
	room := n - utf8.RuneCountInString(notice)
	for keep := room; keep > 0; {
		kept := s[:offset(s, keep)]
		if i := strings.LastIndexByte(kept, '\n'); i >= 0 {
			kept = kept[:i]
		}
		closing := openBlocks(kept)
		over := utf8.RuneCountInString(kept) + utf8.RuneCountInString(closing) - room
		if over <= 0 {
			return kept + closing + notice
		}
		keep = min(keep-over, utf8.RuneCountInString(kept))
	}
	return strings.TrimPrefix(notice, "\n\n")
}

var (
	detailsTag = regexp.MustCompile(`(?i)<(/?)details\b[^>]*>`)
	fenceLine  = regexp.MustCompile("^[ \t>]*(`{3,}|~{3,})(.*)$")
)

// openBlocks is what closes the code block and the <details> that are open at the end of s.
func openBlocks(s string) string {
	fence, details := "", 0
	for line := range strings.Lines(s) {
		line = strings.TrimRight(line, "\r\n")
		m := fenceLine.FindStringSubmatch(line)
		switch {
		case fence != "":
			if m != nil && m[1][0] == fence[0] && len(m[1]) >= len(fence) && strings.TrimSpace(m[2]) == "" {
				fence = ""
			}
		case m != nil && (m[1][0] == '~' || !strings.Contains(m[2], "`")):
			fence = m[1]
		default:
			for _, tag := range detailsTag.FindAllStringSubmatch(line, -1) {
				if tag[1] == "" {
					details++
				} else {
					details = max(details-1, 0)
				}
			}
		}
	}
	closing := ""
	if fence != "" {
		closing = "\n" + fence
	}
	if details > 0 {
		closing += "\n\n" + strings.Repeat("</details>", details)
	}
	return closing
}
