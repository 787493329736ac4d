package incident

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/slack"
)

// Outcome is how a deploy ended.
type Outcome string

const (
	Passed     Outcome = "passed"
	Failed     Outcome = "failed"
	RolledBack Outcome = "rolled-back"
)

// The bounds of a message, and of a file that is read.
const (
	shownLanded     = 8
	shownFindings   = 5
	shownMigrations = 8
	maxReport       = 64 << 20 // bytes
)

// Deploy is what is known of a deploy. Every text in it may come from a stranger.
type Deploy struct {
	Service, Environment string
	BuildURL             string // of the job
	WorkflowURL          string
	Job                  string
	Commit               string
	Ref                  string // branch or tag
	Repository           string // https://github.com/acme/orders; "" = not known, and nothing is linked to

	reports []changeReport
	records []record
}

// changeReport is what is read of `pmcheck check --format json`.
type changeReport struct {
	Verdict string
	Change  struct {
		Base, Head string
		Landed     []landed
		MoreLanded bool `json:"more_landed"`
	}
	Findings []finding
	Problems []string
}

type landed struct {
	Commit, Label, Title string
	PullRequest          int `json:"pull_request"`
	Brings               []string
}

type place struct {
	Path string
	Line int
}

type finding struct {
	Rule, Severity, Message string
	Location                place
	CausedBy                []place `json:"caused_by"`
	Suppressed              bool
	ActionItems             []struct{ Postmortem, ID string } `json:"action_items"`
}

// record is what is read of the record of `pmcheck deploy health` and `pmcheck deploy gate`, with --format json.
type record struct{ Kind, Verdict, Reason string }

// rollback is what is read of the record of `pmcheck deploy rollback`.
type rollback struct {
	Outcome, Why string
	To           struct{ Name string }
}

// FromEnvironment is the deploy of the job that the program runs in, CircleCI's or GitHub Actions'
// (https://circleci.com/docs/reference/variables/#built-in-environment-variables,
// https://docs.github.com/en/actions/reference/workflows-and-actions/variables); elsewhere it is empty.
func FromEnvironment(getenv func(string) string) Deploy {
	switch {
	case getenv("CIRCLECI") == "true":
		d := Deploy{BuildURL: getenv("CIRCLE_BUILD_URL"), Job: getenv("CIRCLE_JOB"), Commit: getenv("CIRCLE_SHA1"), Ref: cmp.Or(getenv("CIRCLE_TAG"), getenv("CIRCLE_BRANCH")),
			Service: getenv("CIRCLE_PROJECT_REPONAME"), Repository: repositoryPage(getenv("CIRCLE_REPOSITORY_URL"))}
		if id := getenv("CIRCLE_WORKFLOW_ID"); id != "" {
			d.WorkflowURL = "https://app.circleci.com/pipelines/workflows/" + url.PathEscape(id)
		}
		if page, _, found := strings.Cut(getenv("CIRCLE_PULL_REQUEST"), "/pull/"); found && d.Repository == "" {
			d.Repository = repositoryPage(page)
		}
		return d
	case getenv("GITHUB_ACTIONS") == "true":
		d := Deploy{Job: getenv("GITHUB_JOB"), Commit: getenv("GITHUB_SHA"), Ref: getenv("GITHUB_REF_NAME")}
		_, d.Service, _ = strings.Cut(getenv("GITHUB_REPOSITORY"), "/")
		d.Repository = repositoryPage(getenv("GITHUB_SERVER_URL") + "/" + getenv("GITHUB_REPOSITORY"))
		if run := getenv("GITHUB_RUN_ID"); run != "" && d.Repository != "" {
			d.BuildURL = d.Repository + "/actions/runs/" + url.PathEscape(run)
		}
		return d
	}
	return Deploy{}
}

var sshAddress = regexp.MustCompile(`^(?:ssh://)?git@([\w.-]+)[:/]([\w./-]+)$`)

// repositoryPage is the page of a repository, of the address that git clones it from; "" where that says none.
func repositoryPage(address string) string {
	address = strings.TrimSuffix(strings.TrimSuffix(address, "/"), ".git")
	if m := sshAddress.FindStringSubmatch(address); m != nil {
		address = "https://" + m[1] + "/" + m[2]
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || strings.Count(strings.Trim(u.Path, "/"), "/") < 1 {
		return ""
	}
	return "https://" + u.Host + u.EscapedPath() // without user and password
}

// Check says which flag is wrong. Addresses are given as links, and so they have to be some.
func (d *Deploy) Check() error {
	for _, l := range []struct{ flag, address string }{{"--build-url", d.BuildURL}, {"--repository", d.Repository}} {
		u, err := url.Parse(l.address)
		if l.address != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
			return fmt.Errorf("%s is not an address such as https://github.com/acme/orders", l.flag)
		}
	}
	return nil
}

// ReadReport adds what a file says that pmcheck wrote as JSON: the report of a check, or the record of a watch or a rollback.
func (d *Deploy) ReadReport(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular() || info.Size() > maxReport:
		return fmt.Errorf("%s is not a file of at most %d MiB", path, maxReport>>20)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := d.read(content); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (d *Deploy) read(content []byte) error {
	var kind struct {
		Version                *int
		Kind, Verdict, Outcome string
	}
	if err := json.Unmarshal(content, &kind); err != nil {
		return fmt.Errorf("not JSON that pmcheck writes: %w", err)
	}
	switch {
	case kind.Outcome != "" && kind.Version != nil && *kind.Version == 1:
		var r rollback
		if err := json.Unmarshal(content, &r); err != nil {
			return fmt.Errorf("not a record of a rollback: %w", err)
		}
		d.records = append(d.records, record{"rollback", r.Outcome, strings.TrimPrefix("to "+short(r.To.Name)+", "+r.Why, "to , ")})
		return nil
	case kind.Verdict == "":
	case kind.Kind != "":
		var r record
		if err := json.Unmarshal(content, &r); err != nil {
			return fmt.Errorf("not a record of a watch: %w", err)
		}
		d.records = append(d.records, r)
		return nil
	case kind.Version != nil && *kind.Version == 1:
		var r changeReport
		if err := json.Unmarshal(content, &r); err != nil {
			return fmt.Errorf("not a report of a check: %w", err)
		}
		d.reports = append(d.reports, r)
		return nil
	}
	return errors.New("neither a report of `pmcheck check --format json` nor a record of `pmcheck deploy health`, `gate` or `rollback`")
}

// headlines begin a message.
var headlines = map[Outcome]string{
	Passed:     ":white_check_mark: *Deployed*",
	Failed:     ":x: *The deploy failed*",
	RolledBack: ":rewind: *Rolled back*",
}

// Message is the deploy and how it ended as a message for Slack, in mrkdwn.
func (d *Deploy) Message(o Outcome, note string) string {
	head := headlines[o]
	if what := d.what(); what != "" {
		head += ": " + what
	}
	lines := []string{head}
	if note != "" {
		lines = append(lines, slack.Escape(note, 500))
	}
	return joined(append(lines, d.Details()...))
}

// joined are lines as one text within what Slack shows whole; what is left out is said.
func joined(lines []string) string {
	const most = 3800 // characters; chat.postMessage asks for 4,000 at most
	room := most
	for i, line := range lines {
		if room -= len([]rune(line)) + 1; room < 0 {
			return strings.Join(append(lines[:i:i], "…"), "\n")
		}
	}
	return strings.Join(lines, "\n")
}

func (d *Deploy) what() string {
	what := slack.Escape(d.Service, 100)
	if d.Environment != "" {
		what = strings.TrimSpace(what + " to " + slack.Escape(d.Environment, 100))
	}
	return what
}

// Details are what is known of a deploy, the change and the findings, as lines of mrkdwn with links.
func (d *Deploy) Details() []string {
	var lines []string
	if line := d.whence(); line != "" {
		lines = append(lines, line)
	}
	for _, r := range d.records {
		lines = append(lines, fmt.Sprintf("deploy %s: *%s*, %s", slack.Escape(r.Kind, 40), slack.Escape(r.Verdict, 40), slack.Escape(r.Reason, 300)))
	}
	for _, r := range d.reports {
		lines = append(lines, d.changes(r)...)
		lines = append(lines, findings(r)...)
	}
	return lines
}

// whence are the links to the job, the workflow and the commit.
func (d *Deploy) whence() string {
	var parts []string
	if d.Commit != "" {
		parts = append(parts, "commit "+d.commit(d.Commit))
	}
	if d.Ref != "" {
		parts = append(parts, slack.Escape(d.Ref, 100))
	}
	if d.BuildURL != "" {
		parts = append(parts, slack.Link(d.BuildURL, "job "+cmp.Or(d.Job, "of the deploy")))
	}
	if d.WorkflowURL != "" {
		parts = append(parts, slack.Link(d.WorkflowURL, "workflow"))
	}
	return strings.Join(parts, " · ")
}

func short(commit string) string { return commit[:min(len(commit), 9)] }

func (d *Deploy) commit(id string) string {
	if d.Repository == "" {
		return slack.Escape(short(id), 9)
	}
	return slack.Link(d.Repository+"/commit/"+url.PathEscape(id), short(id))
}

// changes say what goes out, those that bring a migration first.
func (d *Deploy) changes(r changeReport) []string {
	if len(r.Change.Landed) == 0 {
		return nil
	}
	pulls := 0
	for _, l := range r.Change.Landed {
		if l.PullRequest > 0 {
			pulls++
		}
	}
	more := ""
	if r.Change.MoreLanded {
		more = ", and more that is not listed"
	}
	lines := []string{fmt.Sprintf("*Goes out*: %s, %s%s", count(pulls, "pull request"), count(len(r.Change.Landed)-pulls, "commit"), more)}
	ordered := slices.Clone(r.Change.Landed)
	slices.SortStableFunc(ordered, func(a, b landed) int { return migrates(b) - migrates(a) })
	for i, l := range ordered {
		if i == shownLanded {
			lines = append(lines, fmt.Sprintf("• and %d more", len(ordered)-i))
			break
		}
		label := slack.Escape(cmp.Or(l.Label, short(l.Commit)), 20)
		switch {
		case l.PullRequest > 0 && strings.HasPrefix(l.Label, "#") && strings.HasPrefix(d.Repository, "https://github."):
			label = slack.Link(fmt.Sprintf("%s/pull/%d", d.Repository, l.PullRequest), l.Label)
		case l.PullRequest == 0:
			label = d.commit(l.Commit)
		}
		line := "• " + label + " " + slack.Escape(l.Title, 120)
		if migrates(l) == 1 {
			line += " (*migration*)"
		}
		lines = append(lines, line)
	}
	return lines
}

func migrates(l landed) int {
	if slices.Contains(l.Brings, "migration") {
		return 1
	}
	return 0
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

var severities = []string{"error", "warning", "info"}

// findings are the worst first, each with the items of post-mortems that asked for its rule, and the migrations behind them.
func findings(r changeReport) []string {
	open := slices.DeleteFunc(slices.Clone(r.Findings), func(f finding) bool { return f.Suppressed })
	slices.SortStableFunc(open, func(a, b finding) int {
		return slices.Index(severities, a.Severity) - slices.Index(severities, b.Severity)
	})
	counts := map[string]int{}
	for _, f := range open {
		counts[f.Severity]++
	}
	var parts []string
	for _, severity := range severities[:2] {
		if n := counts[severity]; n > 0 {
			parts = append(parts, count(n, severity))
		}
	}
	if n := counts["info"]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d info", n))
	}
	lines := []string{fmt.Sprintf("*pmcheck*: %s", slack.Escape(r.Verdict, 40))}
	if len(parts) > 0 {
		lines[0] += ", " + strings.Join(parts, ", ")
	}
	if n := len(r.Problems); n > 0 {
		lines[0] += "; not all could be checked: " + slack.Escape(r.Problems[0], 200)
	}
	var migrations []string
	for i, f := range open {
		for _, p := range f.CausedBy {
			if p.Path != "" && !slices.Contains(migrations, p.Path) {
				migrations = append(migrations, p.Path)
			}
		}
		switch {
		case i == shownFindings:
			lines = append(lines, fmt.Sprintf("• and %d more", len(open)-i))
		case i < shownFindings:
			line := fmt.Sprintf("• %s *%s*: %s", slack.Escape(f.Severity, 20), slack.Escape(f.Rule, 60), slack.Escape(f.Message, 300))
			if f.Location.Path != "" {
				line += fmt.Sprintf(" (%s:%d)", slack.Escape(f.Location.Path, 150), f.Location.Line)
			}
			for _, item := range f.ActionItems {
				line += " " + slack.Escape(item.Postmortem+"/"+item.ID, 60)
			}
			lines = append(lines, line)
		}
	}
	if len(migrations) > 0 {
		shown := migrations[:min(len(migrations), shownMigrations)]
		line := "Migrations behind it: " + slack.Escape(strings.Join(shown, ", "), 800)
		if n := len(migrations) - len(shown); n > 0 {
			line += fmt.Sprintf(" and %d more", n)
		}
		lines = append(lines, line)
	}
	return lines
}
