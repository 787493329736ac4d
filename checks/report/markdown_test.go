package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extended "github.com/yuin/goldmark/extension/ast"
	source "github.com/yuin/goldmark/text"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// ours are the tags that the report has itself.
var ours = []string{"<details>", "</details>", "<summary>", "<sub>", "</sub>", "<code>", "</code>"}

// live is what a filter of GitHub's makes something of, outside code: mentions, references, addresses.
var live = regexp.MustCompile(`(?i)@[a-z0-9]|(^|[^&])#[0-9]|\bGH-[0-9]|www\.|https?://|ftp://|mailto:|xmpp:`)

// inertMarkdown parses a report as GitHub does and says what in it is not the report's own.
func inertMarkdown(report string) (problems []string) {
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	content := []byte(report)
	tables := 0
	document := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(source.NewReader(content))
	_ = ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.RawHTML:
			if tag := string(n.Segments.Value(content)); !slices.Contains(ours, tag) {
				problem("HTML: %s", tag)
			}
		case *ast.HTMLBlock:
			for i := range n.Lines().Len() {
				line := n.Lines().At(i)
				at := strings.TrimSpace(string(line.Value(content)))
				if !slices.Contains(ours, at) && !regexp.MustCompile(`^<summary>\d+ (errors?|warnings?|for information|suppressed)</summary>$|^<summary>Goes out: [a-z0-9, ]+</summary>$`).MatchString(at) {
					problem("HTML: %s", at)
				}
			}
		case *ast.Link:
			if to := string(n.Destination); !strings.HasPrefix(to, "https://github.com/pmcheck/pmcheck/blob/main/docs/rules/") && !strings.HasPrefix(to, "https://github.com/acme/orders/blob/") && !strings.HasPrefix(to, "https://github.com/acme/orders/commit/") {
				problem("a link to %s", to)
			}
		case *ast.AutoLink, *ast.Image, *extended.Strikethrough, *extended.TaskCheckBox, *ast.ThematicBreak:
			problem("%s", n.Kind())
		case *extended.Table:
			if tables++; tables > 1 {
				problem("a second table")
			}
		case *ast.Heading:
			if n.Level != 3 && n.Level != 4 {
				problem("a heading of level %d", n.Level)
			}
		case *ast.CodeSpan:
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			if found := live.FindString(string(n.Segment.Value(content))); found != "" {
				problem("%q in %q", found, n.Segment.Value(content))
			}
		}
		return ast.WalkContinue, nil
	})
	return problems
}

func TestMarkdownIsInert(t *testing.T) {
	for name, r := range samples() {
		for _, problem := range inertMarkdown(written(t, "markdown", r, Options{})) {
			t.Errorf("%s: %s", name, problem)
		}
	}
}

// evil are texts that would be something else on a page.
var evil = []string{
	"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[click](https://evil.example)", "![x](https://evil.example/x.png)", "@octocat and @org/team",
	"fixes #1, org/repo#2, GH-3", "https://evil.example www.evil.example mail@evil.example", "\xe3www.evil.example 3mailto:a", "| a | b |", "```\n# heading\n```", "`` ` ``", "~~gone~~ **bold** _it_",
	"# heading", "- item", "1. item", "> quote", "---", "===", "<!-- hidden", "</details>", "&lt;b&gt; &#64;octocat", "\\", "$x$ $$y$$", "[x]: https://evil.example", "[ ] task", "a\\", ":---|---:",
}

func TestMarkdownEscapes(t *testing.T) {
	for _, s := range evil {
		if problems := inertMarkdown(written(t, "markdown", evilResult(s, s), Options{})); len(problems) > 0 {
			t.Errorf("%q: %s", s, strings.Join(problems, "; "))
		}
	}
}

// evilResult has a text wherever a repository can put one.
func evilResult(s, other string) *Result {
	f := missingLockTimeout()
	f.Title, f.Message, f.Remedy = s, other, "Do it:\n  "+other+"\n"+s
	f.Location = facts.Place{Path: "m/" + s, Line: 1, Column: 1}
	f.CausedBy, f.Related = []facts.Place{{Path: s + "x", Line: 3, Side: "base"}}, []Related{{facts.Place{Path: other, Line: 9}, s}}
	f.ActionItems = []ActionItem{{Postmortem: s, PostmortemTitle: other, ID: s, Action: other, Priority: s, Owner: other, Due: s, Status: other, Path: s, Line: 2}}
	f.Landed = []facts.Landed{{Commit: baseCommit, Label: s, PullRequest: 1, Title: other}}
	r := change(f, suppressed(f, s))
	r.Change.Stage, r.Change.BaseReason, r.BaseNotes = "pre-deploy", s, []string{other}
	r.Change.Landed = []facts.Landed{{Commit: s, Label: other, Title: s, Brings: []string{"code"}}, f.Landed[0]}
	r.Address = "https://github.com/acme/orders"
	r.BaseName, r.HeadName, r.Problems = s, other, []string{s, other}
	r.Matrix.Coverage.NotUnderstood = []facts.Unclear{{Place: facts.Place{Path: s, Line: 1}}}
	r.Sources.Put("head", f.Location.Path, []byte(other+"\n"))
	return r
}

func FuzzMarkdown(f *testing.F) {
	for i, s := range evil {
		f.Add(s, evil[len(evil)-1-i])
	}
	f.Fuzz(func(t *testing.T, s, other string) {
		got := written(t, "markdown", evilResult(s, other), Options{})
		if problems := inertMarkdown(got); len(problems) > 0 {
			t.Errorf("%s\nin\n%s", strings.Join(problems, "\n"), got)
		}
		if len(got) > 65_535 {
			t.Errorf("%d bytes", len(got))
		}
	})
}

// Of more than there is room for: all errors first, in full, in short, then counted, and never one twice.
func TestMarkdownDegrades(t *testing.T) {
	for _, n := range []int{1, 60, 400, 1000, 4000} {
		r := change()
		many := thousand().Findings
		for i := range n {
			f := many[i%len(many)]
			f.Message = fmt.Sprintf("finding <%d> of many, with a message that is as long as a real one often is", i)
			f.Severity = "warning"
			if i%10 == 0 {
				f.Severity = "error"
			}
			if i == 7 {
				f.Message += strings.Repeat(" and @more|", 50_000)
			}
			r.Findings = append(r.Findings, f)
		}
		r.Verdict = Fail
		for range 30 {
			r.Findings = append(r.Findings, suppressed(dropsData(), strings.Repeat("a reason ", 100)))
			r.Problems = append(r.Problems, strings.Repeat("a problem ", 1000))
		}
		got := written(t, "markdown", r, Options{})
		if len(got) > 65_535 {
			t.Errorf("%d findings: %d bytes", n, len(got))
		}
		if problems := inertMarkdown(got); len(problems) > 0 {
			t.Errorf("%d findings: %s", n, strings.Join(problems, "; "))
		}
		shown, lastError, firstWarning := 0, 0, len(got)
		for i := range n {
			at := strings.Index(got, fmt.Sprintf("finding &lt;%d&gt; of many", i))
			if at < 0 {
				continue
			}
			shown++
			if i%10 == 0 {
				lastError = max(lastError, at)
			} else {
				firstWarning = min(firstWarning, at)
			}
		}
		if lastError > firstWarning {
			t.Errorf("%d findings: a warning comes before an error", n)
		}
		left := 0
		if m := regexp.MustCompile(`\*\*(\d+) findings? left out here\*\*`).FindStringSubmatch(got); m != nil {
			fmt.Sscan(m[1], &left)
		}
		if shown+left != n {
			t.Errorf("%d findings: %d are shown and %d are said to be left out", n, shown, left)
		}
		if n == 4000 && shown < 150 {
			t.Errorf("only %d of %d are shown", shown, n)
		}
		if strings.Count(got, "<details>") != strings.Count(got, "</details>") {
			t.Errorf("%d findings: a fold is not closed", n)
		}
	}
}

// The escapes of a text may take many times its room.
func TestMarkdownKeepsToItsSizeOfEvil(t *testing.T) {
	for _, s := range []string{"@", "#", "`", "\x1b", "\u202e", "://", "<", "www."} {
		text := strings.Repeat(s, 4000)
		r := evilResult(text, text)
		for range 40 {
			r.Findings, r.Problems, r.BaseNotes = append(r.Findings, r.Findings[0], r.Findings[1]), append(r.Problems, text), append(r.BaseNotes, text)
			r.Change.Landed = append(r.Change.Landed, r.Change.Landed[0])
		}
		for _, verdict := range []string{Pass, Undone} {
			r.Verdict = verdict
			got := written(t, "markdown", r, Options{})
			if len(got) > 65_535 {
				t.Errorf("%q: %d bytes", s, len(got))
			}
			if problems := inertMarkdown(got); len(problems) > 0 {
				t.Errorf("%q: %s", s, strings.Join(problems[:1], "; "))
			}
		}
	}
}

func TestMarkCode(t *testing.T) {
	for s, want := range map[string]string{
		"a": "`a`", "": "", "a`b": "``a`b``", "`a": "`` `a ``", "a``b`c": "```a``b`c```", "a\nb": "`a b`", "|": "`|`",
	} {
		if got := markCode(s); got != want {
			t.Errorf("markCode(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestRemedyLanguage(t *testing.T) {
	for path, want := range map[string]string{"m/1.sql": "sql", "a/b.go": "sql", ".circleci/config.yml": "yaml", ".github/workflows/ci.yaml": "yaml"} {
		if got := remedyLanguage(Finding{Location: facts.Place{Path: path}}); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestMarkBlockOfSteps(t *testing.T) {
	got := markBlock("sql", "1. Deploy `code`.\n2. Contract\nlater:\n  ALTER TABLE t\n    DROP x;\n3. Done.\n\n2021. was a year")
	want := "1. Deploy `code`.\n\n2. Contract later:\n\n   ```sql\n   ALTER TABLE t\n     DROP x;\n   ```\n\n3. Done.\n\n2021\\. was a year"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestMarkBlock(t *testing.T) {
	got := markBlock("sql", "Limit the `wait`:\n  SET lock_timeout = '5s';\n  -- ```\nThen <run> it.")
	want := "Limit the `wait`:\n\n````sql\nSET lock_timeout = '5s';\n-- ```\n````\n\nThen &lt;run&gt; it."
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
