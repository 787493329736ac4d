// Package dora measures how a project delivers, by the five metrics of DORA (https://dora.dev/guides/dora-metrics/): from the
// deployments that a source knows, the history in git, and the post-mortems. It knows nothing of a change that is being judged.
package dora

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/checks/postmortem"
)

// An Outcome is how a run ended.
type Outcome string

// The outcomes. A run that was canceled or broke down is a failed one: what it deployed, in part or whole, is not known.
const (
	Succeeded Outcome = "succeeded"
	Failed    Outcome = "failed"
	Underway  Outcome = "underway"
)

// Run is an attempt to bring a commit to production.
type Run struct {
	Name    string    `json:"name"` // as people cite it: "pipeline 41", "v1.4", "deployment 7"
	Number  int64     `json:"-"`    // in that name; 0 = it has none
	Commit  string    `json:"commit"`
	Started time.Time `json:"-"` // zero = not known
	Ended   time.Time `json:"at"`
	Outcome Outcome   `json:"-"`
	URL     string    `json:"url,omitempty"`
}

// Found is what a source knows.
type Found struct {
	Runs  []Run    // of the window, and enough of what came before it to know what ran; in any order
	What  string   // what counts as a deployment: "successful runs of job deploy on main at CircleCI (gh/acme/orders)"
	Notes []string // what a reader has to know of these runs
	Gaps  []string // what the source could not give, so that deployments may be missing
	Tags  bool     // they are tags, which say nothing of when they were deployed, nor of rollbacks
}

// A Source knows which commits were deployed when. An error says that it could not be asked.
type Source interface {
	Runs(ctx context.Context, from, to time.Time) (*Found, error)
}

// Options say what is measured.
type Options struct {
	From, To   time.Time      // the window; To is not in it
	Zone       *time.Location // by which days, weeks and months are cut
	Targets    config.Targets
	Rework     []string               // patterns of titles and names of deployments that mend an incident
	Documents  []*postmortem.Document // nil where there are none
	Unread     []string               // post-mortems that could not be read whole, as sentences
	Repository string                 // owner/name for the heading; may be ""
	Pulls      Pulls                  // asked when squashed pull requests were begun; nil = nobody is
}

// Report are the figures, and all that they were computed from.
type Report struct {
	Version     int          `json:"version"` // of this form: 1
	Repository  string       `json:"repository"`
	From        time.Time    `json:"from"`
	To          time.Time    `json:"to"` // not in it
	TimeZone    string       `json:"time_zone"`
	Source      string       `json:"source"`  // what counts as a deployment
	Verdict     string       `json:"verdict"` // met | missed | unknown | none, where no target is set
	Metrics     []Metric     `json:"metrics"`
	Weeks       []Week       `json:"weeks"`
	Deployments []Deployment `json:"deployments"` // of the window, in order of time
	Incidents   []Incident   `json:"incidents"`   // that began in the window, or that one of its deployments caused
	NotCounted  NotCounted   `json:"not_counted"`
	Gaps        []Gap        `json:"gaps"`  // what is missing, so that a figure is not of the whole
	Notes       []string     `json:"notes"` // what the definitions leave out

	zone *time.Location
	tags bool // the deployments are tags
}

// Deployment is a run that brought something else to production than what was there.
type Deployment struct {
	Run
	Changes    []Change  `json:"changes"` // what it was the first to bring
	Unknown    bool      `json:"changes_unknown"`
	Rollback   bool      `json:"rollback"`
	Rework     string    `json:"rework,omitempty"` // why it is rework
	Failed     bool      `json:"failed"`
	Why        string    `json:"failed_because,omitempty"`
	Incidents  []string  `json:"incidents"`             // ids of post-mortems
	Recovery   *int64    `json:"recovery_seconds"`      // null = it did not fail, or that is not known
	NoRecovery string    `json:"no_recovery,omitempty"` // why it is not known
	recovered  time.Time // by a rollback
	order      int
}

// Change is a step of the deployed branch: a merged pull request, or a commit made on the branch itself.
type Change struct {
	Commit      string    `json:"commit"`
	Title       string    `json:"title"`
	PullRequest int       `json:"pull_request,omitempty"`
	Begun       time.Time `json:"begun"`        // when its first commit was made
	Lead        *int64    `json:"lead_seconds"` // to the end of the deployment; null where that lies before
	Squashed    bool      `json:"squashed"`     // its first commit is not known: Begun is when it was merged
}

// Incident is what a post-mortem is about.
type Incident struct {
	ID         string     `json:"id"`
	Title      string     `json:"title"`
	Path       string     `json:"path"`
	Started    *time.Time `json:"started_at"` // as the document says it
	Ended      *time.Time `json:"ended_at"`   // resolved, else mitigated
	Deployment string     `json:"deployment"` // that caused it; "" = none in the window
	Because    string     `json:"because"`    // how that is known, or why it is not
}

// NotCounted are runs of the window that are no deployments.
type NotCounted struct {
	Failed   int `json:"failed"`
	Reruns   int `json:"reruns"`   // of what was there already
	Underway int `json:"underway"` // not ended when the window did
}

// Gap is something that is missing.
type Gap struct {
	Text    string   `json:"text"`
	Affects []string `json:"affects"` // ids of metrics
}

// The ids of the metrics.
const (
	Frequency   = "deployment_frequency"
	LeadTime    = "lead_time"
	FailureRate = "change_failure_rate"
	Recovery    = "recovery_time"
	ReworkRate  = "rework_rate"
)

// Measure computes the figures of a window.
func Measure(ctx context.Context, repo *change.Repo, source Source, o Options) (*Report, error) {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	found, err := source.Runs(ctx, o.From, o.To)
	if err != nil {
		return nil, err
	}
	r := &Report{Version: 1, Repository: o.Repository, From: o.From.In(o.Zone), To: o.To.In(o.Zone), TimeZone: o.Zone.String(), Source: found.What,
		Notes: append([]string{}, found.Notes...), Gaps: []Gap{}, Incidents: []Incident{}, Deployments: []Deployment{}, zone: o.Zone, tags: found.Tags}
	for _, gap := range found.Gaps {
		r.gap(gap, Frequency, LeadTime, FailureRate, Recovery, ReworkRate)
	}
	for _, text := range o.Unread {
		r.gap(text, FailureRate, Recovery, ReworkRate)
	}
	p := &past{report: r, repo: repo, options: o}
	if err := p.line(ctx, found.Runs); err != nil {
		return nil, err
	}
	p.claim()
	if o.Pulls != nil {
		p.askPulls(ctx, o.Pulls)
	}
	if err := p.incidents(ctx); err != nil {
		return nil, err
	}
	if err := p.rework(ctx); err != nil {
		return nil, err
	}
	p.count()
	r.measure(o, len(found.Runs) > 0)
	return r, nil
}

func (r *Report) gap(text string, affects ...string) {
	r.Gaps = append(r.Gaps, Gap{Text: text, Affects: affects})
}

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func (r *Report) within(t time.Time) bool { return !t.Before(r.From) && t.Before(r.To) }

// past is what is known of the time until the end of the window.
type past struct {
	report  *Report
	repo    *change.Repo
	options Options

	all     []*Deployment // in order of time; runs that failed are among them, and count when an incident was theirs
	have    map[string]bool
	before  []string // commits that were deployed before the first of all
	history graph
}

// line puts the runs in order of time, leaves reruns out, and reads the history between them.
func (p *past) line(ctx context.Context, runs []Run) error {
	r := p.report
	runs = slices.Clone(runs)
	slices.SortStableFunc(runs, func(a, b Run) int { return cmp.Or(a.Ended.Compare(b.Ended), a.Started.Compare(b.Started)) })
	live, reruns := "", 0
	var ids []string
	for _, run := range runs {
		if run.Ended.IsZero() || !run.Ended.Before(r.To) {
			if !run.Started.IsZero() && run.Started.Before(r.To) {
				r.NotCounted.Underway++
			}
			continue
		}
		run.Ended = run.Ended.In(r.zone)
		switch {
		case run.Outcome == Succeeded && run.Commit == live && live != "":
			if r.within(run.Ended) {
				reruns++
			}
			continue
		case run.Outcome == Succeeded && run.Ended.Before(r.From):
			// What ran when the window began is the first; what was deployed before that was deployed already.
			if live != "" {
				p.before = append(p.before, live)
			}
			live, p.all = run.Commit, nil
		case run.Outcome == Succeeded:
			live = run.Commit
		case run.Ended.Before(r.From):
			continue
		}
		p.all = append(p.all, &Deployment{Run: run, Changes: []Change{}, Incidents: []string{}, order: len(p.all)})
		ids = append(ids, run.Commit)
	}
	r.NotCounted.Reruns = reruns
	var err error
	if p.have, err = p.repo.Have(ctx, append(ids, p.before...)); err != nil {
		return err
	}
	var tips, without []string
	lacking := 0
	for _, d := range p.all {
		switch {
		case p.have[d.Commit] && d.first(r):
			without = append(without, d.Commit)
		case p.have[d.Commit]:
			tips = append(tips, d.Commit)
		case d.Outcome == Succeeded:
			lacking++
		}
	}
	for _, id := range p.before {
		if p.have[id] {
			without = append(without, id)
		}
	}
	if lacking > 0 {
		r.gap(fmt.Sprintf("%s of a commit that this clone lacks: what they brought is not known; `git fetch --tags --unshallow`, or fetch their branch", counted(lacking, "deployment is", "deployments are")),
			LeadTime, FailureRate, Recovery, ReworkRate)
	}
	commits, err := p.repo.History(ctx, tips, without)
	if err != nil {
		return err
	}
	p.history = newGraph(commits)
	if p.history.cut {
		r.gap("the clone is shallow and ends within the history that was deployed: `git fetch --unshallow`", LeadTime, FailureRate, Recovery, ReworkRate)
	}
	return nil
}

// first tells that a deployment is what ran when the window began.
func (d *Deployment) first(r *Report) bool { return d.Outcome == Succeeded && d.Ended.Before(r.From) }

// count puts the deployments of the window into the report.
func (p *past) count() {
	r := p.report
	for _, d := range p.all {
		switch {
		case !r.within(d.Ended):
		case d.Outcome == Succeeded || d.Failed:
			r.Deployments = append(r.Deployments, *d)
		default:
			r.NotCounted.Failed++
		}
	}
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
