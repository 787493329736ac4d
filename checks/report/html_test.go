package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/pmcheck/pmcheck/checks/facts"
)

func page1(t testing.TB, r *Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// withDetails is the incident with the queries that break and the locks.
func withDetails() *Result {
	r := incident()
	drop := facts.Place{Path: "migrations/0003_drop.up.sql", Line: 2, Column: 23, EndLine: 2}
	at := func(line, column int) facts.Place {
		return facts.Place{Path: "internal/store/customers.go", Line: line, Column: column, Side: "base"}
	}
	delta := r.Databases[0].Delta[0]
	r.Matrix.OldCodeNewSchema.Breaks = []facts.Break{
		{Query: facts.Query{Name: "ByID", SQL: "SELECT id, legacy_name FROM customers WHERE id = $1", Place: at(4, 35)},
			Reason: `column "legacy_name" does not exist`, SQLState: "42703", CausedBy: []facts.Place{drop}, Delta: delta},
		{Query: facts.Query{Name: "internal/store/customers.go:8", SQL: "UPDATE customers SET legacy_name = $2 WHERE id = $1", Place: at(8, 44), Implied: true}, Also: []facts.Delta{{Kind: "removed", Object: "column", Relation: "customers", Name: "id"}},
			Reason: `column "legacy_name" of relation "customers" does not exist`, SQLState: "42703", CausedBy: []facts.Place{drop}, Delta: delta},
	}
	r.Migrations = []facts.Migration{{
		Database: "migrations", Path: drop.Path, Direction: "up", Status: "added", Transaction: "implicit", TransactionWhy: "golang-migrate sends a file as one query",
		Statements: []facts.Statement{{
			Kind: "drop_column", SQL: "ALTER TABLE customers DROP COLUMN legacy_name", Place: drop, Object: "table", Relation: "customers", Lock: "ACCESS EXCLUSIVE", Blocks: []string{"reads", "writes", "ddl"},
		}},
	}}
	return r
}

// large is a change of 500 statements with 3,000 findings.
func large() *Result {
	r := thousand()
	for range 2 {
		r.Findings = append(r.Findings, r.Findings[:1000]...)
	}
	for m := range 50 {
		migration := facts.Migration{Path: fmt.Sprintf("migrations/%04d_many.sql", m), Direction: "up", Status: "added", Transaction: "file", TransactionWhy: "goose runs each file in a transaction"}
		for i := range 100 {
			migration.Statements = append(migration.Statements, facts.Statement{
				Index: i, Kind: "add_column", SQL: "ALTER TABLE " + strings.Repeat("t", i) + " ADD COLUMN x int", Relation: fmt.Sprintf("t%d", i), Lock: "ACCESS EXCLUSIVE", Blocks: []string{"reads", "writes", "ddl"},
				Place: facts.Place{Path: migration.Path, Line: i + 1}, InTransaction: true, Transaction: 1,
			})
		}
		r.Migrations = append(r.Migrations, migration)
	}
	for i := range 500 {
		r.Matrix.OldCodeNewSchema.Breaks = append(r.Matrix.OldCodeNewSchema.Breaks, facts.Break{Query: facts.Query{SQL: "SELECT 1", Place: facts.Place{Path: "a.go", Line: i}}, Reason: "no"})
		r.Matrix.Coverage.NotUnderstood = append(r.Matrix.Coverage.NotUnderstood, facts.Unclear{Place: facts.Place{Path: "b.go", Line: i}, Reason: "made at run time"})
		r.Databases[0].Delta = append(r.Databases[0].Delta, r.Databases[0].Delta[0])
		r.Missed = append(r.Missed, facts.Problem{Place: facts.Place{Path: "m.sql", Line: i}, Reason: "no"})
		r.Notes = append(r.Notes, "note")
		r.Change.Commits = append(r.Change.Commits, facts.Commit{ID: headCommit, Title: "a commit"})
	}
	r.Matrix.OldCodeNewSchema.Verdict = "breaks"
	return r
}

// pages are results of every kind.
func pages() map[string]*Result {
	alone := change(missingLockTimeout())
	alone.Alone, alone.Matrix = true, facts.Matrix{}
	alone.Change, alone.BaseName, alone.HeadName = facts.Change{Stage: "local"}, "", ""
	undone := withDetails()
	undone.Verdict, undone.Problems = Undone, []string{"rule my-rule: it was stopped after 5s:\nmake it cheaper"}
	contained := &Result{Verdict: Pass, FailOn: "error", Contained: true, Matrix: facts.Matrix{OldCodeNewSchema: facts.Cell{Verdict: "not-applicable"}}}
	deployed := withDetails()
	deployed.Change.Stage, deployed.Change.Dirty = "pre-deploy", true
	linked := withDetails()
	linked.Address = "https://github.com/acme/orders"
	return map[string]*Result{
		"zero": {}, "incident": withDetails(), "pass": change(), "warnings": change(dropsData(), missingLockTimeout()), "alone": alone, "undone": undone, "contained": contained,
		"deployed": deployed, "linked": linked, "suppressed": change(suppressed(oldCodeBreaks(), "that name is the shipping service's"), dropsData()),
		"hostile": hostile(), "carets": carets(), "thousand": thousand(), "large": large(), "everything": filled("x"), "locks": {Verdict: Pass, Migrations: busyMigrations()},
	}
}

func TestHTML(t *testing.T) { golden(t, "incident.html", page1(t, withDetails())) }

// The words that the reader acts on.
func TestHTMLSays(t *testing.T) {
	for name, want := range map[string]string{
		"incident": "Fail 1 finding to fix before this is merged", "deployed": "Fail 1 finding to fix before this is deployed", "pass": "Pass Nothing to fix",
		"warnings": "Pass Nothing here stops a merge", "contained": "Pass Nothing to compare: the base holds this commit already", "zero": "Pass No schema change",
		"undone": "Not complete Mend what could not be done, and run it again",
		"alone":  "1 migration: every table that it does not create is taken to be in use",
	} {
		if got := shownText(page1(t, pages()[name])); !strings.Contains(got, want) {
			t.Errorf("%s: the page does not say %q:\n%.400s", name, want, got)
		}
	}
	if got, want := shownText(page1(t, pages()["undone"])), "rule my-rule: it was stopped after 5s: make it cheaper What was found holds: 1 finding to fix before this is merged."; !strings.Contains(got, want) {
		t.Errorf("a check that is not complete does not say %q", want)
	}
	got := shownText(page1(t, withDetails()))
	for _, want := range []string{
		"Checked 4 of 5 queries", "drop-legacy-name (177c61ac5)", "main (ed8adc639)", "breaks 2 queries", `column "legacy_name" does not exist SQLSTATE 42703`, "what the ORM sends for this model", "It would fail next on customers.id.",
		"because of migrations/0003_drop.up.sql:2:23", "ACCESS EXCLUSIVE", "stops reads and writes", "PM-2026-001/AI-1", "from “Orders API 500s after deploy 1234”", "Add DB migration check to CI pipeline",
		"DevOps team", "2026-12-05", "in progress", "docs/postmortems/2026-001-orders-api-500s.md:21", "SET lock_timeout = '5s';", "removed column",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the incident's page does not say %q", want)
		}
	}
}

// Where the repository can be read with a browser, places lead there: to the commit that they are of.
func TestHTMLLinksPlaces(t *testing.T) {
	got := page1(t, pages()["linked"])
	for _, want := range []string{
		`href="https://github.com/acme/orders/blob/` + baseCommit + `/internal/store/customers.go#L4"`, `href="https://github.com/acme/orders/blob/` + headCommit + `/migrations/0003_drop.up.sql#L2"`,
		`href="https://github.com/acme/orders/blob/` + baseCommit + `/docs/postmortems/2026-001-orders-api-500s.md#L21"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

// shownText is the text of a page, with single spaces.
func shownText(page string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(page))
	for skip := false; ; {
		switch z.Next() {
		case html.ErrorToken:
			return strings.Join(strings.Fields(b.String()), " ")
		case html.StartTagToken:
			name, _ := z.TagName()
			skip = string(name) == "style"
		case html.EndTagToken:
			skip = false
		case html.TextToken:
			if !skip {
				b.Write(z.Text())
				b.WriteByte(' ')
			}
		}
	}
}

var void = []string{"meta", "br", "link", "img", "hr", "input"}

// Every page is well-formed, needs nothing from elsewhere, and can be found one's way in without eyes.
func TestHTMLIsWellFormed(t *testing.T) {
	for name, r := range pages() {
		t.Run(name, func(t *testing.T) {
			page := page1(t, r)
			checkTags(t, page)
			root, err := html.Parse(strings.NewReader(page))
			if err != nil {
				t.Fatal(err)
			}
			ids, targets := map[string]bool{}, []string{}
			heading := 0
			var policy, style string
			for n := range root.Descendants() {
				if n.Type != html.ElementNode {
					continue
				}
				for _, a := range n.Attr {
					switch {
					case a.Key == "id" && ids[a.Val]:
						t.Errorf("the id %q is there twice", a.Val)
					case a.Key == "id":
						ids[a.Val] = true
					case a.Key == "href" && strings.HasPrefix(a.Val, "#"):
						targets = append(targets, a.Val[1:])
					case a.Key == "href" && n.Data == "a" && strings.HasPrefix(a.Val, "https://"):
					case a.Key == "aria-labelledby":
						targets = append(targets, strings.Fields(a.Val)...)
					case a.Key == "href", a.Key == "src", a.Key == "style", strings.HasPrefix(a.Key, "on"):
						t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
					}
				}
				switch n.Data {
				case "script", "link", "img", "iframe", "object", "form", "base":
					t.Errorf("the page has a <%s>", n.Data)
				case "h1", "h2", "h3", "h4", "h5":
					level := int(n.Data[1] - '0')
					if level > heading+1 {
						t.Errorf("<%s> %q follows a heading of level %d", n.Data, nodeText(n), heading)
					}
					heading = level
					if strings.TrimSpace(nodeText(n)) == "" {
						t.Errorf("an empty <%s>", n.Data)
					}
				case "svg":
					if attribute(n, "aria-hidden") != "true" && (first(n, "title") == nil || nodeText(first(n, "title")) == "" || first(n, "desc") == nil) {
						t.Error("a picture without title or description")
					}
				case "table":
					if c := first(n, "caption"); c == nil || nodeText(c) == "" {
						t.Error("a table without caption")
					}
					if h := first(n, "th"); h == nil {
						t.Error("a table without headers")
					}
				case "th":
					if attribute(n, "scope") == "" {
						t.Errorf("the header %q has no scope", nodeText(n))
					}
				case "meta":
					if attribute(n, "http-equiv") == "Content-Security-Policy" {
						policy = attribute(n, "content")
					}
				case "style":
					style = nodeText(n)
				case "html":
					if attribute(n, "lang") == "" {
						t.Error("the page does not say its language")
					}
				}
			}
			for _, target := range targets {
				if !ids[target] {
					t.Errorf("nothing has the id %q that is referred to", target)
				}
			}
			if title := first(root, "title"); title == nil || nodeText(title) == "" {
				t.Error("the page has no title")
			}
			sum := sha256.Sum256([]byte(style))
			if want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.HasPrefix(policy, want) {
				t.Errorf("the policy is %q, want %q", policy, want)
			}
			if strings.Contains(style, "http") || strings.Contains(style, "@import") {
				t.Error("the style refers to elsewhere")
			}
		})
	}
}

// checkTags sees that each tag is closed in its order, which a parser of HTML would mend silently.
func checkTags(t *testing.T, page string) {
	t.Helper()
	var open []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Errorf("not closed: %v", open)
			}
			return
		case html.StartTagToken:
			name, _ := z.TagName()
			if !slices.Contains(void, string(name)) {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if n := len(open); n == 0 || open[n-1] != string(name) {
				t.Fatalf("</%s> closes %v", name, open)
			}
			open = open[:len(open)-1]
		}
	}
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func first(n *html.Node, name string) *html.Node {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == name {
			return d
		}
	}
	return nil
}

func nodeText(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// filled is a result in which every text, of every kind, is the given one.
func filled(text string) *Result {
	r := &Result{}
	fill(reflect.ValueOf(r).Elem(), text)
	r.Verdict, r.FailOn = Undone, "error"
	for i := range r.Findings {
		r.Findings[i].Severity, r.Findings[i].Suppressed = []string{"error", "warning", "info"}[i%3], i == 1
	}
	for i := range r.Migrations {
		r.Migrations[i].Status, r.Migrations[i].Direction = "added", "up"
		for j := range r.Migrations[i].Statements {
			s := &r.Migrations[i].Statements[j]
			s.Index, s.OnNewRelation = j, false
			for k := range s.AlsoLocks {
				s.AlsoLocks[k].OnNewRelation, s.AlsoLocks[k].Blocks = false, []string{"writes"}
			}
		}
	}
	r.Alone, r.Contained = false, false
	for _, cell := range []*facts.Cell{&r.Matrix.OldCodeNewSchema, &r.Matrix.NewCodeOldSchema, &r.Matrix.NewCodeNewSchema} {
		cell.Verdict = "breaks"
	}
	r.Sources = Sources{}
	for _, side := range []string{"base", "head"} {
		r.Sources.Put(side, text, []byte(text+"\n"+text+"\n"))
	}
	return r
}

func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		for i := range 3 {
			fill(v.Index(i), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), text)
			}
		}
	}
}

// What a repository holds, in whatever field it comes, is text on the page and nothing else.
func TestHTMLIsInert(t *testing.T) {
	payload := "</style></title></script><script>alert(1)</script><img src=x onerror=alert(1)>\" ' onload=\"x\" javascript:alert(1) {{.}} &lt;\x1b[2J\u202e\u200b\x00\xff\r\nPASS\u2028x]]>-->"
	for name, r := range map[string]*Result{"everywhere": filled(payload), "hostile": hostile()} {
		got := page1(t, r)
		if !utf8.ValidString(got) {
			t.Errorf("%s: the page is not UTF-8", name)
		}
		for i, c := range got {
			if c != '\n' && (c < 0x20 || c >= 0x7f && c < 0xa0 || directional(c)) {
				t.Errorf("%s: the page holds %U: %q", name, c, got[max(0, i-60):min(len(got), i+20)])
				break
			}
		}
		checkTags(t, got)
		root, err := html.Parse(strings.NewReader(got))
		if err != nil {
			t.Fatal(err)
		}
		for n := range root.Descendants() {
			if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "img") {
				t.Errorf("%s: a text became a <%s>", name, n.Data)
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.TrimSpace(a.Val), "javascript:") {
					t.Errorf("%s: a text became %s=%q", name, a.Key, a.Val)
				}
			}
			if n.Type == html.CommentNode {
				t.Errorf("%s: a comment: %q", name, n.Data)
			}
		}
	}
}

// A page of a large change is bounded, and says what it left out.
func TestHTMLIsBounded(t *testing.T) {
	got := page1(t, large())
	if len(got) > 2<<20 {
		t.Errorf("the page has %d bytes", len(got))
	}
	text := shownText(got)
	for _, want := range []string{"850 more findings, in short", "2000 more left out here", "40 more migrations are left out", "40 more statements of it are left out", "36 more relations are locked", "440 more left out here", "300 more left out here", "300 more notes"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// Text can be read by people with weak eyes: WCAG 2.2, 1.4.3 (4.5:1) for text, 1.4.11 (3:1) for what a picture needs.
func TestHTMLHasContrast(t *testing.T) {
	light, rest, _ := strings.Cut(pageStyle, "@media (prefers-color-scheme: dark)")
	dark, _, _ := strings.Cut(rest, "\n}\n")
	variable := regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6})`)
	read := func(css string) map[string]string {
		out := map[string]string{}
		for _, m := range variable.FindAllStringSubmatch(css, -1) {
			out[m[1]] = m[2]
		}
		return out
	}
	for name, colors := range map[string]map[string]string{"light": read(light), "dark": read(dark)} {
		for _, pair := range []struct {
			front, back string
			least       float64
		}{
			{"text", "page", 7}, {"text", "card", 7}, {"text", "code", 7}, {"text", "track", 7}, {"quiet", "page", 4.5}, {"quiet", "card", 4.5}, {"quiet", "code", 4.5}, {"quiet", "track", 4.5},
			{"link", "page", 4.5}, {"red", "page", 4.5}, {"red", "red-soft", 4.5}, {"text", "red-soft", 4.5}, {"amber", "page", 4.5}, {"amber", "amber-soft", 4.5}, {"text", "amber-soft", 4.5},
			{"green", "green-soft", 4.5}, {"text", "green-soft", 4.5}, {"blue", "blue-soft", 4.5}, {"mark-text", "mark", 4.5},
			{"red-ink", "page", 3}, {"amber-ink", "page", 3}, {"slate-ink", "page", 3}, {"red-ink", "track", 3}, {"amber-ink", "track", 3}, {"slate-ink", "track", 3},
		} {
			if got := contrast(t, colors[pair.front], colors[pair.back]); got < pair.least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %.1f", name, pair.front, pair.back, got, pair.least)
			}
		}
	}
}

// contrast is WCAG's contrast ratio of two colours.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(color string) float64 {
		if len(color) != 7 {
			t.Fatalf("%q is no colour", color)
		}
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			n, err := strconv.ParseUint(color[1+2*i:3+2*i], 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			c := float64(n) / 255
			if c <= 0.04045 {
				c /= 12.92
			} else {
				c = math.Pow((c+0.055)/1.055, 2.4)
			}
			sum += weight * c
		}
		return sum
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func BenchmarkHTML(b *testing.B) {
	r := large()
	for b.Loop() {
		page1(b, r)
	}
}
