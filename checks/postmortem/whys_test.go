package postmortem

import (
	"fmt"
	"strings"
	"testing"
)

func TestWhys(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"a list of questions and answers", "## Five whys\n\n1. Why did it fail? A column was missing.\n2. Why? **Because** a migration\n   had dropped it.\n3. Why did nothing stop it before?\n\n## Next\n- no why\n", "7 A column was missing.; 8 Because a migration had dropped it."},
		{"questions with answers below", "### The 5 Whys\n- Why did it fail?\n  - A column was missing\n- Why was it?\n  - _The deploy does not run migrations_\n", "7 A column was missing; 9 The deploy does not run migrations"},
		{"a table", "## 5-Whys analysis\n| # | Why | Answer |\n|---|---|---|\n| 1 | Why? | A column was missing |\n| 2 | Why? | |\n| 3 | Why? | Nothing checks it |\n", "8 A column was missing; 10 Nothing checks it"},
		{"paragraphs", "Five Whys\n---\n\nWhy #1: queries failed\n\n**Why did they?**\n\nA: a column\nwas missing\n", "8 queries failed; 12 a column was missing"},
		{"the draft's empty ones", "## Five whys\n\n<!-- The last answer is a process. -->\n\n1. Why did it fail?\n2. Why?\n5. Why did nothing stop it before?\n\n<!-- two\nlines -->\n", ""},
		{"no such heading", "## Why it happened\n\nSomebody forgot.\n", ""},
		{"in a code block", "```\n## Five whys\n1. forgot\n```\n", ""},
	} {
		content := "---\nid: PM-1\ntitle: T\n---\n" + test.in
		d, _ := Parse("f.md", []byte(content))
		var got []string
		for _, w := range d.Whys {
			got = append(got, fmt.Sprintf("%d %s", w.Line, w.Answer))
		}
		if strings.Join(got, "; ") != test.want {
			t.Errorf("%s: got %q, want %q", test.name, strings.Join(got, "; "), test.want)
		}
	}
}
