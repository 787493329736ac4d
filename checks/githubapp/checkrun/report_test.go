package checkrun

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestConclusion(t *testing.T) {
	for _, c := range []struct {
		blocks, advisory bool
		want             string
	}{{false, false, "success"}, {false, true, "success"}, {true, false, "failure"}, {true, true, "neutral"}} {
		if got := Conclusion(c.blocks, c.advisory); got != c.want {
			t.Errorf("Conclusion(%v, %v) = %s, want %s", c.blocks, c.advisory, got, c.want)
		}
	}
}

func TestAnnotationFits(t *testing.T) {
	long := strings.Repeat("é", 40_000)
	for name, c := range map[string]struct {
		in, want Annotation
		refused  bool
	}{
		"as it is": {
			in:   Annotation{Path: "db/1.sql", StartLine: 3, EndLine: 3, StartColumn: 5, EndColumn: 9, Level: "failure", Title: "t", Message: "m", RawDetails: "r"},
			want: Annotation{Path: "db/1.sql", StartLine: 3, EndLine: 3, StartColumn: 5, EndColumn: 9, Level: "failure", Title: "t", Message: "m", RawDetails: "r"},
		},
		"no line": {
			in:   Annotation{Path: "a", Level: "notice", Message: "m"},
			want: Annotation{Path: "a", StartLine: 1, EndLine: 1, Level: "notice", Message: "m"},
		},
		"lines the wrong way round": {
			in:   Annotation{Path: "a", StartLine: 9, EndLine: 4, Level: "notice", Message: "m"},
			want: Annotation{Path: "a", StartLine: 9, EndLine: 9, Level: "notice", Message: "m"},
		},
		"columns of several lines": {
			in:   Annotation{Path: "a", StartLine: 1, EndLine: 2, StartColumn: 5, EndColumn: 9, Level: "notice", Message: "m"},
			want: Annotation{Path: "a", StartLine: 1, EndLine: 2, Level: "notice", Message: "m"},
		},
		"an end without a start": {
			in:   Annotation{Path: "a", StartLine: 1, EndLine: 1, EndColumn: 9, Level: "notice", Message: "m"},
			want: Annotation{Path: "a", StartLine: 1, EndLine: 1, Level: "notice", Message: "m"},
		},
		"columns the wrong way round": {
			in:   Annotation{Path: "a", StartLine: 1, EndLine: 1, StartColumn: 9, EndColumn: 2, Level: "notice", Message: "m"},
			want: Annotation{Path: "a", StartLine: 1, EndLine: 1, Level: "notice", Message: "m"},
		},
		"a level of ours": {
			in:   Annotation{Path: "a", StartLine: 1, EndLine: 1, Level: "error", Message: "m"},
			want: Annotation{Path: "a", StartLine: 1, EndLine: 1, Level: "warning", Message: "m"},
		},
		"no message": {
			in:   Annotation{Path: "a", StartLine: 1, EndLine: 1, Level: "notice", Title: "two\nlines", Message: " \x00"},
			want: Annotation{Path: "a", StartLine: 1, EndLine: 1, Level: "notice", Title: "two lines", Message: "two lines"},
		},
		"a path out of the repository": {
			in:   Annotation{Path: "../../etc/passwd", StartLine: 1, EndLine: 1, Level: "notice", Message: "m"},
			want: Annotation{Path: "etc/passwd", StartLine: 1, EndLine: 1, Level: "notice", Message: "m"},
		},
		"long": {
			in: Annotation{Path: "a", StartLine: 1, EndLine: 1, Level: "notice", Title: long, Message: long},
			want: Annotation{Path: "a", StartLine: 1, EndLine: 1, Level: "notice",
				Title: strings.Repeat("é", 254) + "…", Message: strings.Repeat("é", (65536-6)/2) + "\n(cut)"},
		},
		"no path":   {in: Annotation{StartLine: 1, Message: "m"}, refused: true},
		"the root":  {in: Annotation{Path: "/", StartLine: 1, Message: "m"}, refused: true},
		"controls":  {in: Annotation{Path: "a\x1b[31m", StartLine: 1, EndLine: 1, Level: "notice", Message: "x\x00\x1by\r\n\tz"}, want: Annotation{Path: "a[31m", StartLine: 1, EndLine: 1, Level: "notice", Message: "xy\n\tz"}},
		"not UTF-8": {in: Annotation{Path: "a\xff", StartLine: 1, EndLine: 1, Level: "notice", Message: "m"}, want: Annotation{Path: "a\uFFFD", StartLine: 1, EndLine: 1, Level: "notice", Message: "m"}},
	} {
		got, ok := c.in.fit()
		if ok == c.refused {
			t.Errorf("%s: ok = %v", name, ok)
		} else if diff := cmp.Diff(c.want, got); ok && diff != "" {
			t.Errorf("%s (-want +got):\n%.2000s", name, diff)
		}
	}
}

func TestWorstFirst(t *testing.T) {
	var all []Annotation
	for i := range 300 {
		all = append(all, Annotation{Path: "b", StartLine: i + 1, Level: []string{"notice", "warning", "failure"}[i%3], Message: "m"})
	}
	all = append(all, Annotation{Path: "a", StartLine: 900, Level: "failure", Message: "m"}, Annotation{Message: "nowhere"})
	f := Report{Conclusion: "failure", Title: "t", Summary: "s", Annotations: all, DetailsURL: "https://pmcheck.example/r/o/n/7"}.fit()
	if len(f.annotations) != 100 || f.annotations[0].Path != "a" || f.annotations[1].StartLine != 3 || f.annotations[99].Level != "failure" {
		t.Errorf("%d annotations, %+v, %+v", len(f.annotations), f.annotations[0], f.annotations[99])
	}
	want := "s\n\n202 more annotations are not shown beside the code; all of them are in [the whole report](https://pmcheck.example/r/o/n/7)."
	if f.output.Summary != want {
		t.Errorf("summary %q\nwant    %q", f.output.Summary, want)
	}
	if f := (Report{Annotations: all, MaxAnnotations: 7}).fit(); len(f.annotations) != 7 || !strings.Contains(f.output.Summary, "295 more") {
		t.Errorf("%d annotations; %s", len(f.annotations), f.output.Summary)
	}
}

func TestReportFits(t *testing.T) {
	wide := strings.Repeat("héllo wörld 🙂\n", 10_000)
	var many []Annotation
	for i := range 150 {
		many = append(many, Annotation{Path: "a", StartLine: i, Level: "failure", Message: "m"})
	}
	f := Report{
		Conclusion: "failure", Title: strings.Repeat("x", 999), Summary: wide, Text: wide, Annotations: many, DetailsURL: "https://pmcheck.example/a(b) c",
		Actions: []Action{{strings.Repeat("ü", 30), strings.Repeat("ü", 50), strings.Repeat("i", 30)}, Rerun, Rerun, Rerun},
	}.fit()
	for what, c := range map[string]struct {
		text string
		most int
	}{
		"title": {f.output.Title, 255}, "summary": {f.output.Summary, 65535}, "text": {f.output.Text, 65535},
		"label": {f.actions[0].Label, 20}, "description": {f.actions[0].Description, 40}, "identifier": {f.actions[0].Identifier, 20},
	} {
		if n := utf8.RuneCountInString(c.text); n > c.most || n < c.most-120 {
			t.Errorf("%s has %d characters of %d", what, n, c.most)
		}
	}
	if len(f.actions) != 3 || f.actions[1] != Rerun {
		t.Errorf("actions %+v", f.actions)
	}
	if !strings.Contains(f.output.Summary, "**This is cut here: it has more characters than GitHub takes.** Read [the whole report](https://pmcheck.example/a%28b%29%20c).\n\n50 more annotations") {
		t.Errorf("summary ends %q", f.output.Summary[len(f.output.Summary)-300:])
	}
	if a := Rerun; utf8.RuneCountInString(a.Label) > 20 || utf8.RuneCountInString(a.Description) > 40 || len(a.Identifier) > 20 {
		t.Errorf("our button is beyond the limits: %+v", a)
	}
}

func TestCutMarkdown(t *testing.T) {
	const notice = "\n\n**This is cut here: it has more characters than GitHub takes.**"
	fill := func(line string) string { return strings.Repeat(line+"\n", 400/len(line)) }
	for name, c := range map[string]struct{ in, before string }{
		"at a line":        {fill("0123456789"), "0123456789"},
		"one long line":    {strings.Repeat("0123456789", 60), "01234"},
		"code block":       {"````sql\n```\n" + fill("select 1"), "select 1\n````"},
		"tildes":           {"~~~\n```\n" + fill("select 1"), "select 1\n~~~"},
		"code block ended": {"```\nx\n```\n" + fill("select 1"), "select 1"},
		"code span":        {"```x``` is one\n" + fill("select 1"), "select 1"},
		"folded":           {"<details open>\n<summary>more</summary>\n\n" + fill("select 1"), "select 1\n\n</details>"},
		"folded twice":     {"<details><DETAILS>\n" + fill("select 1"), "select 1\n\n</details></details>"},
		"folded and ended": {"<details>\n</details>\n" + fill("select 1"), "select 1"},
		"both":             {"<details>\n\n```\n</details>\n" + fill("select 1"), "select 1\n```\n\n</details>"},
		"quoted":           {"> ```\n" + fill("> x"), "> x\n```"},
	} {
		got := cutMarkdown(c.in, 300, "")
		before, ok := strings.CutSuffix(got, notice)
		if !ok || utf8.RuneCountInString(got) > 300 || !strings.HasSuffix(before, c.before) || len(before) < 150 {
			t.Errorf("%s: %d characters: %q", name, utf8.RuneCountInString(got), got)
		}
		if open := openBlocks(got); open != "" {
			t.Errorf("%s: left open: %q", name, open)
		}
		if again := cutMarkdown(c.in[:250], 300, ""); again != c.in[:250] {
			t.Errorf("%s: cut although it fits", name)
		}
	}
	// Deep nesting takes the room of what it closes.
	if got := cutMarkdown(strings.Repeat("<details>\n", 100), 300, ""); utf8.RuneCountInString(got) > 300 || openBlocks(got) != "" {
		t.Errorf("%d characters: %q", utf8.RuneCountInString(got), got)
	}
}

func TestCouldNotCheck(t *testing.T) {
	r := CouldNotCheck("git fetch: exit status 128:\n```\n</details> @acme/everyone ````", false, "https://pmcheck.example/r")
	if r.Conclusion != "failure" || r.Title != "could not check: git fetch: exit status 128:\n```\n</details> @acme/everyone ````" {
		t.Errorf("%+v", r)
	}
	if !strings.Contains(r.Summary, "`````text\ngit fetch: exit status 128:\n```\n</details> @acme/everyone ````\n`````\n") || !strings.Contains(r.Summary, "/pmcheck rerun") {
		t.Errorf("summary %q", r.Summary)
	}
	if f := r.fit(); strings.Contains(f.output.Title, "\n") || len(f.actions) != 1 || f.actions[0].Identifier != "rerun" {
		t.Errorf("%+v", f)
	}
	if r := CouldNotCheck(" \x00", true, ""); r.Conclusion != "neutral" || !strings.Contains(r.Title, "no reason") {
		t.Errorf("%+v", r)
	}
}

func TestExternalID(t *testing.T) {
	for id, want := range map[string][2]string{
		"12/pull/7@abc": {"12/pull/7", "abc"},
		"12/group/refs/heads/gh-readonly-queue/main/pr-1@x-abc@def": {"12/group/refs/heads/gh-readonly-queue/main/pr-1@x-abc", "def"},
		"": {}, "@abc": {}, "12@": {}, "nothing": {},
	} {
		key, head, ok := ParseExternalID(id)
		if key != want[0] || head != want[1] || ok != (want[0] != "") {
			t.Errorf("ParseExternalID(%q) = %q, %q, %v", id, key, head, ok)
		}
	}
}

func FuzzReport(f *testing.F) {
	f.Add("title", "summary", "<details>\n```sql\nselect 1", 90)
	f.Add("", "~~~\n> ````x\n</details>", "`````", 3)
	f.Fuzz(func(t *testing.T, title, summary, text string, n int) {
		if n > 20_000 || n < 0 {
			return
		}
		r := Report{
			Conclusion: "failure", Title: title, Summary: strings.Repeat(summary+"\n", n), Text: strings.Repeat(text, n),
			Annotations: []Annotation{{Path: title, Title: summary, Message: text, StartLine: n, EndLine: -n, StartColumn: n}},
			Actions:     []Action{{title, summary, text}},
		}
		if len(r.Summary)+len(r.Text) > 1<<20 {
			return
		}
		got := r.fit()
		for _, s := range []string{got.output.Summary, got.output.Text} {
			if c := utf8.RuneCountInString(s); c > maxOutput || !utf8.ValidString(s) {
				t.Errorf("%d characters", c)
			} else if strings.Contains(s, "**This is cut here") && openBlocks(s) != "" {
				t.Errorf("left open: %q", openBlocks(s))
			}
		}
		if got.output.Title == "" || got.output.Summary == "" || utf8.RuneCountInString(got.output.Title) > maxTitle {
			t.Errorf("title %q", got.output.Title)
		}
		for _, a := range got.annotations {
			if a.Path == "" || a.Message == "" || len(a.Message) > maxMessage || a.StartLine < 1 || a.EndLine < a.StartLine || a.StartColumn != 0 && a.StartLine != a.EndLine {
				t.Errorf("annotation %+v", a)
			}
		}
		if again := fmt.Sprint(r.fit()); again != fmt.Sprint(got) {
			t.Error("cut differently the second time")
		}
	})
}
