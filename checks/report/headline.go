package report

import (
	"fmt"
	"regexp"
	"strings"
)

// Headline is the verdict in a line of plain text, for a title.
func (r *Result) Headline() string {
	if r.Nothing() {
		return "No schema change"
	}
	if r.Verdict == Undone {
		return "Not complete: " + onOneLine(strings.Join(r.Problems, "; "))
	}
	active, suppressed := r.worstFirst()
	overridden := 0
	for _, f := range suppressed {
		if f.Overridden {
			overridden++
		}
	}
	counts := bySeverity(active)
	if overridden > 0 {
		counts = strings.TrimPrefix(fmt.Sprintf("%s, %d overridden", counts, overridden), ", ")
	}
	switch {
	case r.Verdict == Fail:
		return counts + ": " + onOneLine(active[0].Message)
	case counts == "":
		return "Nothing to fix"
	}
	return counts + ": nothing here stops a merge"
}

// OneLine is a text from anywhere as a line of plain text of at most so many characters: what it holds of escapes is visible, and it
// mentions nobody.
func OneLine(s string, most int) string {
	return quiet(cutCharacters(clean(onOneLine(s)), most))
}

// quiet keeps a plain text from mentioning people, should a page make mentions of it: a space without width follows each "@".
func quiet(s string) string { return mention.ReplaceAllString(s, "@\u200b$1") }

var mention = regexp.MustCompile(`@([0-9A-Za-z])`)

// Trouble is a report in Markdown of a check that could not be done, under 65,535 bytes.
func Trouble(why string) string {
	lines := strings.Split(cutBytes(strings.TrimSpace(why), markMost/4), "\n")
	return "### " + markSigns["ERROR"] + " pmcheck: could not check\n\n" + markFence("", lines) + "\n\nThis is no verdict on the change. Mend it, and run the check again.\n"
}
