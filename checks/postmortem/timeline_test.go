package postmortem

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// at is a moment of 3 March 2026.
func at(hour, minute, second int) time.Time {
	return time.Date(2026, 3, 3, hour, minute, second, 0, time.UTC)
}

var sample = []TimelineRow{
	{Key: "w1/started", At: at(14, 0, 0), Event: "Workflow release started", By: "author of the change", Link: "https://app.circleci.com/pipelines/github/acme/orders/1234/workflows/1"},
	{Key: "w1/ended", At: at(14, 5, 7), Event: "Workflow release succeeded after 5 min 7 s", By: "CircleCI"},
	{Key: "w2/started", At: at(14, 25, 0), Event: "Workflow release of *pipeline* | 1200 run again", By: "operator"},
}

// unmarked takes the marks out of a merged document.
func unmarked(text []byte) string { return markForm.ReplaceAllString(string(text), "") }

func TestMergeTimeline(t *testing.T) {
	link := " ([CircleCI](https://app.circleci.com/pipelines/github/acme/orders/1234/workflows/1))"
	for _, test := range []struct{ name, in, want string }{
		{"between rows by hand, in their zone and their way", "---\nid: PM-1\ndate: 2026-03-03\n---\n# T\n\n## Timeline (times in CET)\n\n| Time | What happened | Who |\n|:--|---|---|\n| 15:02 | a *page* | on-call |\n|15:12|errors||\n\n## Next\n",
			"---\nid: PM-1\ndate: 2026-03-03\n---\n# T\n\n## Timeline (times in CET)\n\n| Time | What happened | Who |\n|:--|---|---|\n| 15:00 | Workflow release started" + link + " | author of the change |\n" +
				"| 15:02 | a *page* | on-call |\n| 15:05 | Workflow release succeeded after 5 min 7 s | CircleCI |\n|15:12|errors||\n| 15:25 | Workflow release of \\*pipeline\\* \\| 1200 run again | operator |\n\n## Next\n"},
		{"a column for links, none for roles, one that is not ours", "# Timeline\n| Time (UTC) | Event | Impact | Data link |\n|---|---|---|---|\n| 2026-03-03 14:12 | errors | 25% | graph |",
			"# Timeline\n| Time (UTC) | Event | Impact | Data link |\n|---|---|---|---|\n| 2026-03-03 14:00 | Workflow release started – author of the change |  | [CircleCI](https://app.circleci.com/pipelines/github/acme/orders/1234/workflows/1) |\n" +
				"| 2026-03-03 14:05 | Workflow release succeeded after 5 min 7 s – CircleCI |  | |\n| 2026-03-03 14:12 | errors | 25% | graph |\n" +
				"| 2026-03-03 14:25 | Workflow release of \\*pipeline\\* \\| 1200 run again – operator |  | |"},
		{"each row with its zone", "## Timeline\n\n| Time | Event | By |\n|---|---|---|\n| 2026-03-03 15:05 +01:00 | it ended | x |\n| 2026-03-03 14:30 UTC | well | x |\n",
			"## Timeline\n\n| Time | Event | By |\n|---|---|---|\n| 2026-03-03 15:00 +01:00 | Workflow release started" + link + " | author of the change |\n| 2026-03-03 15:05 +01:00 | it ended | x |\n" +
				"| 2026-03-03 15:05 +01:00 | Workflow release succeeded after 5 min 7 s | CircleCI |\n| 2026-03-03 15:25 +01:00 | Workflow release of \\*pipeline\\* \\| 1200 run again | operator |\n| 2026-03-03 14:30 UTC | well | x |\n"},
		{"RFC 3339, rows without a time stay behind the one above, Windows", "## Timeline\r\n\r\n| Time | Event | By |\r\n|---|---|---|\r\n| 2026-03-03T14:05:00Z | it ended | x |\r\n| | and then | x |\r\n| ? | later | x |\r\n| 2026-03-03T14:20:00Z | found | x |\r\n",
			"## Timeline\r\n\r\n| Time | Event | By |\r\n|---|---|---|\r\n| 2026-03-03T14:00:00Z | Workflow release started" + link + " | author of the change |\r\n| 2026-03-03T14:05:00Z | it ended | x |\r\n| | and then | x |\r\n| ? | later | x |\r\n" +
				"| 2026-03-03T14:05:07Z | Workflow release succeeded after 5 min 7 s | CircleCI |\r\n| 2026-03-03T14:20:00Z | found | x |\r\n| 2026-03-03T14:25:00Z | Workflow release of \\*pipeline\\* \\| 1200 run again | operator |\r\n"},
		{"a zone that is not known: nothing by hand is taken for a time", "## Timeline (times in IST)\n\n| Time | Event | By |\n|---|---|---|\n| 19:30 | a | x |\n",
			"## Timeline (times in IST)\n\n| Time | Event | By |\n|---|---|---|\n| 19:30 | a | x |\n| 2026-03-03 14:00 UTC | Workflow release started" + link + " | author of the change |\n" +
				"| 2026-03-03 14:05 UTC | Workflow release succeeded after 5 min 7 s | CircleCI |\n| 2026-03-03 14:25 UTC | Workflow release of \\*pipeline\\* \\| 1200 run again | operator |\n"},
		{"no table: a list is left as it is", "# T\n## Timeline\n- 14:12 errors\n## Lessons\n", "# T\n## Timeline\n- 14:12 errors\n\n| Time | Event | By (role) |\n|---|---|---|\n| 2026-03-03 14:00 UTC | Workflow release started" + link + " | author of the change |\n" +
			"| 2026-03-03 14:05 UTC | Workflow release succeeded after 5 min 7 s | CircleCI |\n| 2026-03-03 14:25 UTC | Workflow release of \\*pipeline\\* \\| 1200 run again | operator |\n\n## Lessons\n"},
		{"no heading", "# T", "# T\n\n## Timeline\n\n| Time | Event | By (role) |\n|---|---|---|\n| 2026-03-03 14:00 UTC | Workflow release started" + link + " | author of the change |\n" +
			"| 2026-03-03 14:05 UTC | Workflow release succeeded after 5 min 7 s | CircleCI |\n| 2026-03-03 14:25 UTC | Workflow release of \\*pipeline\\* \\| 1200 run again | operator |"},
		{"tables of code, of other sections and without times are none", "```\n## Timeline\n| Time | Event |\n|---|---|\n```\n## Impact\n| Time | Event |\n|---|---|\n| 14:00 | x |\n\nTimeline\n--------\n| Who | What |\n|---|---|\n| a | b |\n\n| UTC | Notes |\n|---|---|\n",
			"```\n## Timeline\n| Time | Event |\n|---|---|\n```\n## Impact\n| Time | Event |\n|---|---|\n| 14:00 | x |\n\nTimeline\n--------\n| Who | What |\n|---|---|\n| a | b |\n\n| UTC | Notes |\n|---|---|\n" +
				"| 2026-03-03 14:00 | Workflow release started – author of the change" + link + " |\n| 2026-03-03 14:05 | Workflow release succeeded after 5 min 7 s – CircleCI |\n| 2026-03-03 14:25 | Workflow release of \\*pipeline\\* \\| 1200 run again – operator |\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := MergeTimeline("f.md", []byte(test.in), sample)
			if err != nil {
				t.Fatal(err)
			}
			if unmarked(got.Text) != test.want {
				t.Errorf("got\n%s\nwant\n%s", unmarked(got.Text), test.want)
			}
			if got.Added != 3 {
				t.Errorf("%d added", got.Added)
			}
			again, err := MergeTimeline("f.md", got.Text, sample)
			if err != nil || string(again.Text) != string(got.Text) || again.Added != 0 || again.Unchanged != 3 || again.Made {
				t.Errorf("again: %v %+v\n%s", err, again, again.Text)
			}
		})
	}
}

func TestMergeTimelineOverMidnight(t *testing.T) {
	rows := []TimelineRow{
		{Key: "a", At: time.Date(2026, 3, 3, 23, 55, 0, 0, time.UTC), Event: "A"},
		{Key: "b", At: time.Date(2026, 3, 4, 0, 10, 0, 0, time.UTC), Event: "B"},
		{Key: "c", At: time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC), Event: "C"},
	}
	for began, in := range map[string]string{
		"2026-03-03T23:50:00Z": "| 23:50 | x |\n| 00:05 | y |\n| 00:20 | z |\n",
		"2026-03-04T00:01:00Z": "| 23:50 | x |\n| 00:05 | y |\n| 00:20 | z |\n",
	} {
		got, err := MergeTimeline("f.md", []byte("---\nid: PM-1\nstarted_at: "+began+"\n---\n## Timeline\n| Time | Event |\n|---|---|\n"+in), rows)
		if err != nil {
			t.Fatal(err)
		}
		var order strings.Builder
		for _, m := range regexp.MustCompile(`(?m)\| ([ABCxyz]) \|$`).FindAllStringSubmatch(unmarked(got.Text), -1) {
			order.WriteString(m[1])
		}
		if order.String() != "xAyBzC" {
			t.Errorf("began %s: %s\n%s", began, order.String(), got.Text)
		}
	}
}

// TestMergeTimelineAgain has later calls: what is known is updated, what was edited, moved or written by hand stays.
func TestMergeTimelineAgain(t *testing.T) {
	first, err := MergeTimeline("f.md", []byte("## Timeline\n\n| Time | Event | By |\n|---|---|---|\n"), sample)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(first.Text), "\n")
	started, ended, again := lines[4], lines[5], lines[6]
	later := []TimelineRow{sample[0], {Key: "w1/ended", At: at(14, 6, 0), Event: "Workflow release failed after 6 min", By: "CircleCI"}, sample[2],
		{Key: "w2/ended", At: at(14, 30, 0), Event: "ended", By: "CircleCI"}}
	for _, test := range []struct {
		name, in string
		want     MergedTimeline
		contains []string
		without  []string
	}{
		{"updated and added", string(first.Text), MergedTimeline{Added: 1, Updated: 1, Unchanged: 2}, []string{"failed after 6 min", "| ended | CircleCI"}, []string{"succeeded"}},
		{"edited by hand", strings.Replace(string(first.Text), "succeeded", "seemed to succeed", 1), MergedTimeline{Added: 1, Unchanged: 2, Edited: 1}, []string{"seemed to succeed"}, []string{"failed after"}},
		{"aligned by an editor", strings.Replace(string(first.Text), ended, strings.ReplaceAll(ended, " | ", "   |  "), 1), MergedTimeline{Added: 1, Updated: 1, Unchanged: 2}, []string{"failed after 6 min"}, []string{"succeeded"}},
		{"moved to another place", strings.Replace(string(first.Text), ended, "", 1) + "\n## Notes\n\n" + ended, MergedTimeline{Added: 1, Unchanged: 2, Edited: 1}, []string{"## Notes\n\n" + ended}, []string{"failed after"}},
		{"moved within", "## Timeline\n\n| Time | Event | By |\n|---|---|---|\n" + again + ended + started, MergedTimeline{Added: 1, Updated: 1, Unchanged: 2}, []string{"failed after 6 min"}, nil},
		{"copied", string(first.Text) + ended, MergedTimeline{Added: 1, Unchanged: 2, Edited: 1}, []string{ended}, []string{"failed after"}},
		{"the table's heading was renamed", strings.Replace(string(first.Text), "Timeline", "Events", 1), MergedTimeline{Added: 1, Edited: 3, Made: true}, []string{started, ended, "## Timeline"}, []string{"failed after"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := MergeTimeline("f.md", []byte(test.in), later)
			if err != nil {
				t.Fatal(err)
			}
			text := string(got.Text)
			got.Text = nil
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			for _, part := range test.contains {
				if !strings.Contains(text, part) {
					t.Errorf("%q is missing in\n%s", part, text)
				}
			}
			for _, part := range test.without {
				if strings.Contains(text, part) {
					t.Errorf("%q is there in\n%s", part, text)
				}
			}
			twice, err := MergeTimeline("f.md", []byte(text), later)
			if err != nil || string(twice.Text) != text {
				t.Errorf("%v: twice is not once\n%s\n%s", err, text, twice.Text)
			}
		})
	}
	partial := TimelineRow{Key: "w1/ended", At: at(14, 6, 0), Event: "less", Partial: true}
	if got, err := MergeTimeline("f.md", first.Text, []TimelineRow{partial}); err != nil || string(got.Text) != string(first.Text) || got.Unchanged != 1 {
		t.Errorf("a row loses what was found before: %v\n%s", err, got.Text)
	}
	// Rows of another call, such as of another project, stay.
	got, err := MergeTimeline("f.md", first.Text, later[3:])
	if err != nil || got.Added != 1 || !strings.Contains(string(got.Text), ended) {
		t.Errorf("%v %+v\n%s", err, got, got.Text)
	}
}

func TestMergeTimelineRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"## Timeline\n```\n| Time | Event |\n|---|---|\n": "is never closed",
		"## Timeline\n<!-- write here\n":                  "is never closed",
		strings.Repeat("x", maxDocument+1):                "is larger than",
	} {
		if _, err := MergeTimeline("f.md", []byte(in), sample); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v", in, err)
		}
	}
	if _, err := MergeTimeline("f.html", nil, sample); err == nil {
		t.Error("HTML is taken for Markdown")
	}
	got, err := MergeTimeline("f.md", []byte("# T\n"), nil)
	if err != nil || string(got.Text) != "# T\n" || got.Made {
		t.Errorf("nothing to add: %v %+v", err, got)
	}
}

func TestReadCell(t *testing.T) {
	for cell, want := range map[string]string{
		"14:05":                              "2026-03-03 14:05:00 +0000",
		"**14:05**":                          "2026-03-03 14:05:00 +0000",
		"`14:05` CET":                        "2026-03-03 14:05:00 +0100",
		"~14:05:09":                          "2026-03-03 14:05:09 +0000",
		"14:05-14:10":                        "2026-03-03 14:05:00 +0000",
		"14:05 – 14:10 UTC":                  "2026-03-03 14:05:00 +0000",
		"14:05 -05:00":                       "2026-03-03 14:05:00 -0500",
		"14:05+05:30":                        "2026-03-03 14:05:00 +0530",
		"14:05 UTC+2":                        "2026-03-03 14:05:00 +0200",
		"2:05 pm EST":                        "2026-03-03 14:05:00 -0500",
		"12:05 AM":                           "2026-03-03 00:05:00 +0000",
		"2026-03-04T14:05:00Z":               "2026-03-04 14:05:00 +0000",
		"2026-03-04T14:05:00.123-08:00":      "2026-03-04 14:05:00 -0800",
		"2026-03-04 14:05":                   "2026-03-04 14:05:00 +0000",
		"Mar 4, 2026, 14:05 (UTC)":           "2026-03-04 14:05:00 +0000",
		"14:05 UTC, 4 March 2026":            "2026-03-04 14:05:00 +0000",
		"14:05 IST":                          "",
		"25:05":                              "",
		"13:05 pm":                           "",
		"":                                   "",
		"soon":                               "",
		"1:2":                                "",
		"2026-03-04 14:05 Europe/Nowhere":    "",
		"<!-- 12:00 --> 14:05":               "2026-03-03 14:05:00 +0000",
		"[14:05](https://example.com/12:00)": "2026-03-03 14:05:00 +0000",
	} {
		got := ""
		if c, ok := readCell(cell); ok {
			if at, ok := c.on("2026-03-03", time.UTC); ok {
				got = at.Format("2006-01-02 15:04:05 -0700")
			}
		}
		if got != want {
			t.Errorf("%q: %q, want %q", cell, got, want)
		}
	}
}

func TestZoneIn(t *testing.T) {
	for heading, want := range map[string]string{
		"Timeline (times in CEST)": "CEST", "Time (UTC)": "UTC", "Time UTC+2": "+02:00", "Timeline (all times in -08:00)": "-08:00", "Timeline 2026-03-03": "",
		"Timeline of the API": "", "Timeline (IST)": "?", "Timeline": "", "Time (local)": "",
	} {
		got := ""
		zone, unclear := zoneIn(heading)
		switch {
		case unclear:
			got = "?"
		case zone != nil:
			got = zone.String()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", heading, got, want)
		}
	}
}

// FuzzMergeTimeline has that merging twice is merging once, and that what is not ours stays byte for byte and in its order.
func FuzzMergeTimeline(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.md")
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	for _, in := range []string{
		"## Timeline\n| Time | Event |\n|---|---|\n| 14:03 | x |\n", "## Timeline\r\n| Time (CET) | Event | By |\r\n|---|---|---|\r\n| 15:03 | x |", "", "\n", "---\nid: A\n---", "# Timeline",
		"Timeline\n===\n\n\nText\n---\n", "## Timeline\n| Time | Event |\n|---|---|", "## Timeline\n| UTC | a | b \n|-|-|-|\n||\n|---|---|\n14:00|x\n\\|\n| 14:01 | \\| |\n## x", "\xff## Timeline\n| When | What |\n|-|-|\n| \xff 14:00 | \r |\n",
		"## Timeline\n| Time | Event |\n|---|---|\n| 2026-03-03 14:00 UTC | x <!-- pmcheck:timeline 0123456789ab 01234567 1772546400 --> |\n",
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		once, err := MergeTimeline("f.md", in, sample)
		if err != nil {
			return
		}
		twice, err := MergeTimeline("f.md", once.Text, sample)
		if err != nil || string(twice.Text) != string(once.Text) {
			t.Errorf("%v: once\n%q\ntwice\n%q", err, once.Text, twice.Text)
		}
		if once.Added+once.Updated+once.Unchanged+once.Edited != len(sample) {
			t.Errorf("%+v", once)
		}
		ours := findTimeline(in)
		was := strings.SplitAfter(string(in), "\n")
		is := strings.SplitAfter(string(once.Text), "\n")
		for i, line := range was {
			text := strings.TrimRight(line, "\r\n")
			if markForm.MatchString(text) && i >= ours.from && i < ours.to { // may be updated or moved
				continue
			}
			for len(is) > 0 && strings.TrimRight(is[0], "\r\n") != text {
				is = is[1:]
			}
			if len(is) == 0 {
				t.Fatalf("line %d, %q, is gone or has moved:\n%q\n%q", i+1, line, in, once.Text)
			}
			is = is[1:]
		}
	})
}
