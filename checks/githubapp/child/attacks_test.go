//go:build linux

package child

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/checkrun"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// What a stranger may write into a pull request, and what came of it. Each test is one
// sentence of "Trust": nothing from the head of a pull request decides about it, runs,
// reads what is not its own, speaks for somebody else, or harms another check.

// slow tells that attacks are to have their full size.
var slow = os.Getenv("PMCHECK_SLOW") == "1"

// size is how large an attack is: in full, or as large as takes a moment.
func size(full, moment int) int {
	if slow {
		return full
	}
	return moment
}

// truncates is what every check of these repositories has to refuse.
const truncates = "-- head/m/0002_truncate.up.sql --\nTRUNCATE users;\n-- head/m/0002_truncate.down.sql --\nSELECT 1;\n"

// guards are what a project has to protect itself.
const guards = users + "-- base/m/0001_users.down.sql --\nDROP TABLE users;\n-- base/.pmcheck.yml --\nversion: 1\n" +
	"-- base/docs/postmortems/1.md --\n---\nid: PM-1\ntitle: Data was lost\naction_items:\n  - {id: AI-1, action: Keep the data, enforced_by: [truncates]}\n---\n" +
	"-- base/.pmcheck/policies/no-truncate/rule.rego --\n"

// ownRule is a rule of the project's own about TRUNCATE; its body is added.
func ownRule(id, body string) string {
	return "# METADATA\n# title: Nobody empties a table\n# description: Agreed.\n# custom:\n#   severity: error\n#   remedy: Do not.\n#   on: [truncate]\n" +
		"# schemas:\n#   - input: schema.facts\npackage pmcheck.rules[\"" + id + "\"]\n\nimport data.pmcheck.lib.finding\n\n" +
		"findings contains finding.on(statement, \"this empties a table\", \"x\") if {\n\tsome migration in input.migrations\n\tsome statement in migration.statements\n" + body + "}\n"
}

var noTruncate = ownRule("no-truncate", "\tstatement.kind == \"truncate\"\n")

// fails asks that a check refuses a change for these rules.
func fails(t testing.TB, a Answer, rules ...string) {
	t.Helper()
	if a.Verdict != "fail" {
		t.Errorf("the verdict is %s (%s): %v\n%s", a.Verdict, a.Problem, a.Findings, a.Summary)
	}
	for _, rule := range rules {
		if a.Findings[rule] == 0 {
			t.Errorf("%s finds nothing: %v", rule, slices.Sorted(maps.Keys(a.Findings)))
		}
	}
}

func TestHeadDoesNotDecideAboutItself(t *testing.T) {
	for name, head := range map[string]string{
		"switches rules off":       "-- head/.pmcheck.yml --\nversion: 1\nrules: {truncates: {severity: off}, no-truncate: {severity: off}, guardrail-removed: {severity: off}}\n",
		"lets nothing fail":        "-- head/.pmcheck.yml --\nversion: 1\nfail_on: info\npostmortems: [nowhere/*.md]\noverrides: {permission: write}\n",
		"deletes the rule":         "-- deleted/.pmcheck/policies/no-truncate/rule.rego --\n",
		"rewrites the rule":        "-- head/.pmcheck/policies/no-truncate/rule.rego --\n" + ownRule("no-truncate", "\tfalse\n"),
		"breaks the rule":          "-- head/.pmcheck/policies/no-truncate/rule.rego --\nnonsense\n",
		"deletes the post-mortem":  "-- deleted/docs/postmortems/1.md --\n",
		"breaks the configuration": "-- head/.pmcheck.yml --\nversion: 99\n",
		"looks elsewhere":          "-- head/.pmcheck.yml --\nversion: 1\ndatabases: [{migrations: ../../../etc}]\n",
		"takes a library's place":  "-- head/.pmcheck/policies/lib/finding.rego --\npackage pmcheck.lib.finding\n\non(_, _, _) := {}\n",
		"brings a snapshot":        "-- head/.pmcheck/snapshot.json --\n{}\n",
	} {
		t.Run(name, func(t *testing.T) {
			a := judged(t, bare(t, guards+noTruncate+truncates+head), nil)
			fails(t, a, "truncates", "no-truncate")
			if len(a.Items) != 1 || a.Permission != "maintain" {
				t.Errorf("items %v, permission %s", a.Items, a.Permission)
			}
		})
	}
	t.Run("and is said to have tried", func(t *testing.T) {
		a := judged(t, bare(t, guards+noTruncate+"-- head/.pmcheck.yml --\nversion: 1\nrules: {truncates: {severity: off}}\n"), nil)
		fails(t, a, "guardrail-removed")
	})
}

func TestUnprotectedBaseDoesNotDecide(t *testing.T) {
	repo := bare(t, guards+noTruncate)
	stack := func(parent, branch, listing string) {
		git(t, repo, "", "update-ref", "refs/heads/"+branch, git(t, repo, "", "commit-tree", "-p", parent, "-m", branch, git(t, repo, listing, "mktree")))
	}
	entry := func(of, name string) string { return git(t, repo, "", "ls-tree", of, name) + "\n" }
	loose := "100644 blob " + blob(t, repo, "version: 1\nrules: {truncates: {severity: off}}\n") + "\t.pmcheck.yml\n"
	m := git(t, repo, "", "ls-tree", "main:m") + "\n100644 blob " + blob(t, repo, "TRUNCATE users;\n") + "\t0002_x.up.sql\n"
	stack("main", "base", loose+entry("main", "m")) // no rules, no post-mortems
	stack("base", "change", loose+"040000 tree "+git(t, repo, m, "mktree")+"\tm\n")

	own := judged(t, repo, func(r *Request) { r.Base = "base" })
	if own.Findings["truncates"]+own.Findings["no-truncate"] != 0 {
		t.Fatalf("the base lets nothing pass, so this shows nothing: %v", own.Findings)
	}
	a := judged(t, repo, func(r *Request) { r.Base, r.Trusted = "base", "main" })
	fails(t, a, "truncates", "no-truncate")
	if len(a.Items) != 1 || !strings.Contains(a.Summary, "are those of main") || !strings.Contains(string(a.Postmortems), "PM-1") {
		t.Errorf("items %v\n%s", a.Items, a.Summary)
	}
}

// A link is a file whose content is where it leads. Nothing follows it, and what it leads to is in no report.
func TestLinksAreNotFollowed(t *testing.T) {
	secret := t.TempDir() + "/secret"
	if err := os.WriteFile(secret, []byte("version: 1\n# hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/etc/passwd", secret, "../../../../../../.." + secret} {
		repo := bare(t, guards+noTruncate)
		link := "120000 blob " + blob(t, repo, target)
		rule := git(t, repo, link+"\trule.rego\n", "mktree")
		policies := git(t, repo, "040000 tree "+rule+"\tlinked\n"+git(t, repo, "", "ls-tree", "main:.pmcheck/policies")+"\n", "mktree")
		dot := git(t, repo, "040000 tree "+policies+"\tpolicies\n"+link+"\tsnapshot.json\n", "mktree")
		m := git(t, repo, git(t, repo, "", "ls-tree", "main:m")+"\n"+link+"\t0002_x.up.sql\n100644 blob "+blob(t, repo, "TRUNCATE users;\n")+"\t0003_y.up.sql\n", "mktree")
		all := "040000 tree " + dot + "\t.pmcheck\n040000 tree " + m + "\tm\n" + git(t, repo, "", "ls-tree", "main", "docs") + "\n"
		tree := git(t, repo, all+link+"\t.pmcheck.yml\n"+link+"\tx.go\n", "mktree")
		commitTree(t, repo, "main", tree)
		a := judged(t, repo, nil)
		fails(t, a, "truncates", "no-truncate")
		silent(t, a, "hunter2", "root:")

		// As the trusted revision: what is no file is no configuration, and nobody passes.
		b := judged(t, repo, func(r *Request) { r.Trusted = "change" })
		if !strings.Contains(b.Problem, ".pmcheck.yml") || !strings.Contains(b.Problem, "symlink") {
			t.Errorf("verdict %s, problem %q", b.Verdict, b.Problem)
		}
		silent(t, b, "hunter2", "root:")
	}
}

// silent asks that nothing of an answer holds a text.
func silent(t testing.TB, a Answer, secrets ...string) {
	t.Helper()
	all := fmt.Sprint(a.Title, a.Summary, a.Text, a.Annotations, a.Items, a.Problem) + string(a.JSON) + string(a.HTML)
	for _, s := range secrets {
		if strings.Contains(all, s) {
			t.Errorf("the answer holds %q", s)
		}
	}
}

func TestPathsDoNotLeaveTheRepository(t *testing.T) {
	for _, line := range []string{
		"databases: [{migrations: /etc}]", "databases: [{migrations: ../other}]", "databases: [{migrations: a/../../b}]", "databases: [{schema: /etc/passwd}]",
		"databases: [{code: [/etc/*]}]", "postmortems: [../../*.md]", "runbooks: [/root/**/*.md]", "databases: [{declared: ../x.sql}]",
	} {
		a := judged(t, bare(t, users+"-- base/.pmcheck.yml --\nversion: 1\n"+line+"\n"+truncates), nil)
		if a.Verdict != "error" || !strings.Contains(a.Problem, ".pmcheck.yml:2: ") {
			t.Errorf("%s: verdict %s, %q", line, a.Verdict, a.Problem)
		}
	}
	// Revisions are no options and no paths.
	repo := bare(t, users+truncates)
	for _, revision := range []string{"--output=/tmp/x", "-x", "--upload-pack=touch /tmp/x", "/etc/passwd", ":/", "HEAD:m", "a\nb", "change^{/x", "@{-1}"} {
		for _, change := range []func(*Request){func(r *Request) { r.Base = revision }, func(r *Request) { r.Head = revision }, func(r *Request) { r.Trusted = revision }} {
			if a, err := ask(t, repo, change); err == nil && a.Problem == "" && a.Verdict != "fail" {
				t.Errorf("%q: %s", revision, a.Verdict)
			}
		}
	}
}

// A tree of trees that repeat: two objects, a million paths.
func TestMillionEntries(t *testing.T) {
	width := size(1000, 110)
	for name, file := range map[string]struct{ content, suffix string }{
		"migrations": {"CREATE TABLE t (id bigint);\n", "_x.up.sql"},
		"code":       {"package x\n\nvar q = `SELECT email FROM users`\n", "_x.go"},
		"others":     {"x", ".txt"},
		"rules":      {noTruncate, ".rego"},
	} {
		t.Run(name, func(t *testing.T) {
			repo := bare(t, guards+noTruncate)
			var leaf, top strings.Builder
			id := blob(t, repo, file.content)
			for i := range width {
				fmt.Fprintf(&leaf, "100644 blob %s\t%06d%s\n", id, i, file.suffix)
			}
			inner := git(t, repo, leaf.String(), "mktree")
			for i := range width {
				fmt.Fprintf(&top, "040000 tree %s\td%06d\n", inner, i)
			}
			wide := git(t, repo, top.String(), "mktree")
			m := git(t, repo, git(t, repo, "", "ls-tree", "main:m")+"\n100644 blob "+blob(t, repo, "ALTER TABLE users DROP COLUMN email;\nTRUNCATE users;\n")+"\t0002_x.up.sql\n", "mktree")
			where := "wide"
			if file.suffix == ".rego" {
				where = ".pmcheck"
				wide = git(t, repo, "040000 tree "+wide+"\tpolicies\n", "mktree")
			}
			commitTree(t, repo, "main", git(t, repo, "040000 tree "+wide+"\t"+where+"\n040000 tree "+m+"\tm\n", "mktree"))
			refused(t, repo, map[string]string{"migrations": "migrations, more than"}[name])
		})
	}
	t.Run("beyond what is listed", func(t *testing.T) {
		repo := bare(t, guards+noTruncate)
		tree := git(t, repo, "100644 blob "+blob(t, repo, "x")+"\tf.sql\n", "mktree")
		for range 7 { // 10 to the seventh
			var b strings.Builder
			for i := range 10 {
				fmt.Fprintf(&b, "040000 tree %s\t%s%d\n", tree, strings.Repeat("x", size(200, 20)), i)
			}
			tree = git(t, repo, b.String(), "mktree")
		}
		commitTree(t, repo, "main", tree)
		refused(t, repo, "more than is read of one repository")
	})
}

// refused asks that a check ends soon, and that nobody passes: it finds what is to be found, or says what it met.
func refused(t testing.TB, repo, why string) {
	t.Helper()
	began := time.Now()
	a, err := ask(t, repo, nil)
	took := time.Since(began)
	t.Logf("%s, %d MB: %s %.150q, %v", took.Round(time.Millisecond), a.Memory>>20, a.Verdict, a.Title, err)
	said := a.Problem
	if err != nil {
		said = err.Error()
		if !errors.Is(err, ErrMemory) && !errors.Is(err, ErrTime) && !errors.Is(err, ErrUndone) && !errors.Is(err, ErrOutput) {
			t.Errorf("the error is none that a limit gives: %v", err)
		}
	}
	switch {
	case err == nil && a.Verdict != "fail" && a.Verdict != "error":
		t.Errorf("the verdict is %s: %v", a.Verdict, a.Findings)
	case why != "" && !strings.Contains(said, why):
		t.Errorf("the answer does not say %q: %q", why, said)
	}
	if took > 3*time.Minute && !slow { // far above what it takes with the race detector, beside other tests
		t.Errorf("it took %s", took)
	}
}

// Gigabytes that are a few kilobytes as git stores them.
func TestGigabytesOfBlobs(t *testing.T) {
	huge := func(line string, bytes int) string { return strings.Repeat(line, bytes/len(line)) }
	for name, content := range map[string]string{
		"a migration that is too large":  huge("-- nothing here\n", size(80<<20, 65<<20)),
		"a migration of small parts":     huge("SELECT 1;\n", size(60<<20, 256<<10)),
		"a migration of one line":        "SELECT '" + huge("x", size(60<<20, 8<<20)) + "';\n",
		"a migration of nothing":         huge("\n", size(60<<20, 8<<20)),
		"a migration of opened brackets": huge("SELECT ((((", size(30<<20, 1<<20)),
	} {
		t.Run(name, func(t *testing.T) {
			repo := bare(t, guards+noTruncate)
			m := git(t, repo, git(t, repo, "", "ls-tree", "main:m")+"\n100644 blob "+blob(t, repo, "TRUNCATE users;\n")+"\t0002_x.up.sql\n100644 blob "+blob(t, repo, content)+"\t0003_x.up.sql\n", "mktree")
			commitTree(t, repo, "main", git(t, repo, "040000 tree "+m+"\tm\n", "mktree"))
			refused(t, repo, "")
		})
	}
	for _, suffix := range []string{".up.sql", ".go", ".py", ".md"} {
		t.Run("many names of one, "+suffix, func(t *testing.T) {
			repo := bare(t, guards+noTruncate)
			content := huge("-- email of users\n", size(50<<20, 4<<20))
			if suffix != ".up.sql" {
				line := map[string]string{".go": "var b = `SELECT email FROM users`\n", ".py": "b = 'SELECT email FROM users'\n", ".md": "SELECT email FROM users\n"}[suffix]
				content = map[string]string{".go": "package x\n\n"}[suffix] + huge(line, size(50<<20, 8<<10))
			}
			id := blob(t, repo, content)
			names := ""
			for i := range size(42, 8) { // 42 times 50 MiB is more than 2 GB
				names += fmt.Sprintf("100644 blob %s\t%04d_n%s\n", id, 3+i, suffix)
			}
			m := git(t, repo, "", "ls-tree", "main:m") + "\n100644 blob " + blob(t, repo, "ALTER TABLE users DROP COLUMN email;\nTRUNCATE users;\n") + "\t0002_x.up.sql\n"
			if suffix == ".up.sql" {
				m += names
			}
			tree := "040000 tree " + git(t, repo, m, "mktree") + "\tm\n"
			if suffix != ".up.sql" {
				tree += "040000 tree " + git(t, repo, names, "mktree") + "\tx\n"
			}
			commitTree(t, repo, "main", git(t, repo, tree, "mktree"))
			refused(t, repo, "")
		})
	}
}

// What is written in names, SQL and titles stays text: no link, no picture, no mention, no HTML, no line of its own.
func TestTextStaysText(t *testing.T) {
	const evil = "</td></tr></details><script>alert(1)</script><img src=x onerror=alert(1)>[click](javascript:alert(1))![p](http://evil.example/p.png) @acme/admins @octocat #1 http://evil.example **PASS**"
	name := strings.NewReplacer("/", "\u2215").Replace(evil)
	repo := bare(t, guards+noTruncate+"-- base/x/a.go --\npackage x\n\nvar q = `SELECT email FROM users`\n")
	sql := "TRUNCATE users; -- " + evil + "\nALTER TABLE users DROP COLUMN email; -- \u202e\u2066\nALTER TABLE \"" + strings.ReplaceAll(evil, `"`, "") + "\" DROP COLUMN x;\n"
	var m strings.Builder
	m.WriteString(git(t, repo, "", "ls-tree", "-z", "main:m"))
	for _, n := range []string{"0002_" + name[:180] + ".up.sql", "0003_new\nline::error::x.up.sql", "0004_\xff\xfe.up.sql", "0005_\x1b[2J\u202e.up.sql"} {
		m.WriteString("100644 blob " + blob(t, repo, sql) + "\t" + n + "\x00")
	}
	commitTree(t, repo, "main", git(t, repo, "040000 tree "+git(t, repo, m.String(), "mktree", "-z")+"\tm\n", "mktree"))
	a := judged(t, repo, func(r *Request) {
		r.Title, r.Body, r.Labels = evil, evil, []string{evil}
		r.Overrides = []job.Override{{Rule: "drops-data", Because: evil + " `x`", By: evil, URL: "javascript:alert(1)"}, {Rule: evil, Because: evil, By: "x"}}
	})
	fails(t, a, "truncates")
	harmless(t, a)

	wrong := judged(t, repo, func(r *Request) { r.Trusted = evil })
	if wrong.Problem == "" {
		t.Fatal("the revision is one")
	}
	harmless(t, wrong)
}

var (
	markdownHTML    = regexp.MustCompile(`(?i)<(script|img|/td|/details>.*<script)`)
	markdownMention = regexp.MustCompile(`@[A-Za-z0-9]`)
	code            = regexp.MustCompile("(?s)(```+).*?```+|`[^`\n]+`")
)

func harmless(t testing.TB, a Answer) {
	t.Helper()
	prose := code.ReplaceAllString(a.Summary, "")
	for what, in := range map[string]*regexp.Regexp{"HTML": markdownHTML, "a mention": markdownMention, "a link": regexp.MustCompile(`[^\\]\]\((javascript:|http://evil)`)} {
		if found := in.FindString(prose); found != "" {
			t.Errorf("the summary has %s: %q", what, found)
		}
	}
	if len(a.Summary) > 65_535 {
		t.Errorf("the summary has %d bytes", len(a.Summary))
	}
	page := string(a.HTML)
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img src=x") || strings.Contains(page, `href="javascript:`) {
		t.Error("the page has what a stranger wrote as HTML")
	}
	for _, n := range append(a.Annotations, checkrun.Annotation{Title: a.Title, Message: a.Title}) {
		if strings.ContainsAny(n.Path+n.Title, "\n\r\x1b") || markdownMention.MatchString(n.Title+n.Message) || strings.ContainsRune(n.Path+n.Title+n.Message, '\u202e') {
			t.Errorf("annotation %+q %q %q", n.Path, n.Title, n.Message)
		}
	}
}

// A project's own rule that never ends, or fills the memory, ends by a limit that names it; a check beside it does not notice.
func TestRulesAreBounded(t *testing.T) {
	digits := "\txs := [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n"
	for i := range 12 {
		digits += fmt.Sprintf("\tsome v%d in xs\n", i)
	}
	forever := ownRule("greedy", digits+"\tv0+v1+v2+v3+v4+v5+v6+v7+v8+v9+v10+v11 < 0\n")
	eater := "\tx0 := \"0123456789\"\n"
	for i := range 34 {
		eater += fmt.Sprintf("\tx%d := concat(\"\", [x%d, x%d])\n", i+1, i, i)
	}
	eater = ownRule("greedy", eater+"\tx34 == \"\"\n")
	pattern := ownRule("greedy", "\tregex.match(`((((a{0,30}){0,30}){0,30}){0,30})*b`, \""+strings.Repeat("a", 5000)+"\")\n")
	for name, attack := range map[string]struct {
		rule   string
		limits Limits
		want   string
	}{
		"for ever":                   {forever, Limits{}, "greedy"},
		"memory":                     {eater, Limits{}, "greedy"},
		"memory, beyond the child's": {eater, Limits{Memory: 200 << 20}, "while judging by the rules"},
		"beyond the child's time":    {forever, Limits{Time: 4 * time.Second}, "while judging by the rules"},
		"regular expression":         {pattern, Limits{}, "greedy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo := bare(t, guards+noTruncate+"-- base/.pmcheck/policies/greedy/rule.rego --\n"+attack.rule+truncates)
			a, err := Run(t.Context(), self(t), attack.limits, Request{Repo: repo, Base: "main", Head: "change", Now: now})
			said := a.Title
			if err != nil {
				said = err.Error()
			}
			t.Log(said)
			if a.Verdict == "pass" || !strings.Contains(said, attack.want) {
				t.Errorf("verdict %q, it says %q, not %q", a.Verdict, said, attack.want)
			}
			if err == nil && a.Findings["truncates"] == 0 {
				t.Errorf("the other rules found nothing: %v", a.Findings)
			}
		})
	}
	t.Run("beside them", func(t *testing.T) {
		t.Parallel()
		fails(t, judged(t, bare(t, guards+noTruncate+truncates), nil), "truncates", "no-truncate")
	})
}

// Text that is small and means much.
func TestBombs(t *testing.T) {
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := range 12 {
		laughs += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), ", "))
	}
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	sql := func(s string) string {
		return "-- head/m/0003_bomb.up.sql --\n" + s + "\n-- head/m/0003_bomb.down.sql --\nSELECT 1;\n"
	}
	n := size(200_000, 20_000)
	for name, head := range map[string]string{
		"aliases in the configuration": "-- head/.pmcheck.yml --\nversion: 1\n" + laughs,
		"aliases in the pipeline":      "-- head/.circleci/config.yml --\nversion: 2.1\n" + laughs,
		"aliases in a workflow":        "-- head/.github/workflows/x.yml --\non: push\n" + laughs,
		"aliases in a post-mortem":     "-- head/docs/postmortems/2.md --\n---\nid: PM-2\ntitle: t\n" + laughs + "---\n",
		"depth in the configuration":   "-- head/.pmcheck.yml --\nversion: 1\nrules: " + deep + "\n",
		"depth in a post-mortem":       "-- head/docs/postmortems/2.md --\n---\nid: PM-2\nx: " + deep + "\n---\n",
		"globs":                        "-- head/.pmcheck.yml --\nversion: 1\npostmortems: [\"" + strings.Repeat("{a,b,*}", 40) + "\", \"" + strings.Repeat("**/*", 60) + "\"]\n",
		"brackets":                     sql("SELECT " + strings.Repeat("(", n) + "1" + strings.Repeat(")", n) + ";"),
		"sums":                         sql("SELECT 1" + strings.Repeat("+1", n) + ";"),
		"conditions":                   sql("ALTER TABLE users ADD CONSTRAINT c CHECK (id > 0" + strings.Repeat(" AND id > 0", n) + ");"),
		"subqueries":                   sql("CREATE VIEW v AS " + strings.Repeat("SELECT * FROM (", 2000) + "SELECT 1" + strings.Repeat(") x", 2000) + ";"),
		"columns":                      sql("CREATE TABLE wide (" + strings.Repeat("c int, ", n) + "d int);"),
		"views that double":            sql(doubling(26)),
		"quotes":                       sql("SELECT $" + strings.Repeat("a", n) + "$ " + strings.Repeat("$b$ ", n)),
		"a function in a function":     sql("CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN " + strings.Repeat("EXECUTE 'SELECT ''", 500) + " $$;"),
	} {
		t.Run(name, func(t *testing.T) {
			repo := bare(t, guards+noTruncate+truncates+head)
			refused(t, repo, "")
		})
	}
}

// doubling makes views of which each has twice the columns of the one before.
func doubling(n int) string {
	var b strings.Builder
	b.WriteString("CREATE VIEW v0 AS SELECT 1 AS c0, 2 AS d0;\n")
	for i := range n {
		fmt.Fprintf(&b, "CREATE VIEW v%d AS SELECT a.*, b.* FROM v%d a, v%d b;\n", i+1, i, i)
	}
	return b.String()
}

func TestTricksOfGit(t *testing.T) {
	repo := bare(t, guards+noTruncate+truncates)
	harmless := blob(t, repo, "SELECT 1;\n")
	truncate := git(t, repo, "", "rev-parse", "change:m/0002_truncate.up.sql")
	git(t, repo, "", "replace", truncate, harmless)
	if got := git(t, repo, "", "show", "change:m/0002_truncate.up.sql"); got != "SELECT 1;" {
		t.Fatalf("git does not replace: %q", got)
	}
	fails(t, judged(t, repo, nil), "truncates", "no-truncate")

	for name, head := range map[string]string{
		"attributes":         "-- head/.gitattributes --\n* -diff -text filter=evil diff=evil export-ignore ident\n*.sql binary linguist-generated\n",
		"names in capitals":  "-- head/.PMCHECK.yml --\nversion: 1\nrules: {truncates: {severity: off}}\n-- head/.Pmcheck/Policies/no-truncate/rule.rego --\npackage x\n",
		"a module's address": "-- head/.gitmodules --\n[submodule \"m\"]\n\tpath = m\n\turl = ext::sh -c touch% /tmp/x\n\tupdate = !touch /tmp/x\n",
	} {
		t.Run(name, func(t *testing.T) {
			fails(t, judged(t, bare(t, guards+noTruncate+truncates+head), nil), "truncates", "no-truncate")
		})
	}
	t.Run("a submodule in the place of migrations", func(t *testing.T) {
		repo := bare(t, guards+noTruncate)
		commitTree(t, repo, "main", git(t, repo, "160000 commit "+git(t, repo, "", "rev-parse", "main")+"\tm\n", "mktree"))
		if a := judged(t, repo, nil); a.Verdict != "fail" || a.Findings["not-parsed"]+a.Findings["merged-migration-edited"] == 0 {
			t.Errorf("%s %v", a.Verdict, a.Findings)
		}
	})
	t.Run("git's own folder as files", func(t *testing.T) {
		repo := bare(t, guards+noTruncate+truncates)
		entry := "100644 blob " + blob(t, repo, "[core]\n\tfsmonitor = touch /tmp/x\n")
		dot := git(t, repo, entry+"\tconfig\n"+entry+"\tHEAD\n", "mktree")
		tree := git(t, repo, git(t, repo, "", "ls-tree", "change")+"\n040000 tree "+dot+"\t.git\n"+entry+"\t..\n", "mktree")
		commitTree(t, repo, "main", tree)
		fails(t, judged(t, repo, nil), "truncates", "no-truncate")
	})
	t.Run("a huge message of bytes that are no text", func(t *testing.T) {
		repo := bare(t, guards+noTruncate+truncates)
		tree := git(t, repo, "", "rev-parse", "change^{tree}")
		message := "title \xff\xfe @octocat\n\n" + strings.Repeat("\xc3\x28 @octocat\n", size(200<<20, 8<<20)/12)
		raw := fmt.Sprintf("tree %s\nparent %s\nauthor x <x> 1 +0000\ncommitter \xff <> 99999999999 +0000\nencoding no-such\n\n%s", tree, git(t, repo, "", "rev-parse", "main"), message)
		git(t, repo, "", "update-ref", "refs/heads/change", git(t, repo, raw, "hash-object", "-t", "commit", "-w", "--stdin", "--literally"))
		refused(t, repo, "")
	})
	t.Run("names that are no text", func(t *testing.T) {
		repo := bare(t, guards+noTruncate)
		entries := git(t, repo, "", "ls-tree", "-z", "main:m")
		for i, name := range []string{"\xff", "\xed\xa0\x80", "e\u0301", "\u00e9", "\u202e", " ", "con", "a:b", "-x", "*"} {
			entries += fmt.Sprintf("100644 blob %s\t%04d_%s.up.sql\x00", blob(t, repo, "TRUNCATE users;\n"), i+2, name)
		}
		commitTree(t, repo, "main", git(t, repo, "040000 tree "+git(t, repo, entries, "mktree", "-z")+"\tm\n", "mktree"))
		a := judged(t, repo, nil)
		if fails(t, a, "truncates"); a.Findings["truncates"] != 10 {
			t.Errorf("%d of 10 are found", a.Findings["truncates"])
		}
	})
}
