package report

import (
	"encoding/json"
	"io"
	"time"

	"github.com/pmcheck/pmcheck/checks/facts"
)

type jsonResult struct {
	Version   int            `json:"version"`
	Verdict   string         `json:"verdict"`
	Change    jsonChange     `json:"change"`
	Matrix    jsonMatrix     `json:"matrix"`
	Databases []jsonDatabase `json:"databases"`
	Live      *facts.Live    `json:"live,omitempty"`
	Analysis  jsonAnalysis   `json:"analysis"`
	Findings  []jsonFinding  `json:"findings"`
	Overrides []jsonOverride `json:"overrides,omitempty"`
	Summary   Summary        `json:"summary"`
	Problems  []string       `json:"problems"`
}

type jsonOverride struct {
	Rule     string `json:"rule"`
	Because  string `json:"because"`
	By       string `json:"by"`
	At       string `json:"at"` // RFC 3339, UTC
	URL      string `json:"url,omitempty"`
	Findings int    `json:"findings"`          // that it lets pass
	Problem  string `json:"problem,omitempty"` // why it lets none pass
}

type jsonChange struct {
	Base  string `json:"base"`
	Head  string `json:"head"`
	Stage string `json:"stage"`
	Dirty bool   `json:"dirty,omitempty"`

	Trusted    string       `json:"trusted,omitempty"`     // the commit of configuration, own rules and post-mortems, where that is not the base
	BaseSource string       `json:"base_source,omitempty"` // how the base was found
	BaseReason string       `json:"base_reason,omitempty"`
	BaseNotes  []string     `json:"base_notes,omitempty"`
	Landed     []jsonLanded `json:"landed,omitempty"` // before a deploy: what goes out, newest first
	MoreLanded bool         `json:"more_landed,omitempty"`
}

type jsonLanded struct {
	Commit      string   `json:"commit"`
	Label       string   `json:"label"`
	PullRequest int      `json:"pull_request,omitempty"`
	Title       string   `json:"title"`
	Brings      []string `json:"brings"`
}

type jsonMatrix struct {
	OldCodeNewSchema jsonCell     `json:"old_code_new_schema"`
	NewCodeOldSchema jsonCell     `json:"new_code_old_schema"`
	NewCodeNewSchema jsonCell     `json:"new_code_new_schema"`
	Coverage         jsonCoverage `json:"coverage"`
}

type jsonCell struct {
	Verdict string `json:"verdict"`
	Breaks  int    `json:"breaks"`
}

type jsonCoverage struct {
	Queries int `json:"queries"`
	Checked int `json:"checked"`
	Files   int `json:"files"`
}

type jsonDatabase struct {
	Name       string        `json:"name"`
	Engine     string        `json:"engine"`
	Version    string        `json:"version"`
	Layout     string        `json:"layout"`
	Root       string        `json:"root"`
	Migrations int           `json:"migrations"`
	Delta      []facts.Delta `json:"delta"`
}

type jsonAnalysis struct {
	Migrations  int             `json:"migrations"`
	Statements  int             `json:"statements"`
	NotAnalysed []facts.Problem `json:"not_analysed"`
}

type jsonFinding struct {
	Rule        string           `json:"rule"`
	Category    string           `json:"category"`
	Severity    string           `json:"severity"`
	Title       string           `json:"title"`
	Message     string           `json:"message"`
	Location    jsonPlace        `json:"location"`
	CausedBy    []jsonPlace      `json:"caused_by"`
	Related     []jsonRelated    `json:"related,omitempty"`
	Remedy      string           `json:"remedy"`
	Fingerprint string           `json:"fingerprint"`
	Suppressed  bool             `json:"suppressed,omitempty"`
	Reason      string           `json:"reason,omitempty"`
	Overridden  bool             `json:"overridden,omitempty"` // by an override, and not by a comment
	ActionItems []jsonActionItem `json:"action_items"`
	Landed      []jsonLanded     `json:"landed,omitempty"` // before a deploy: what brings its places, the migration's first
}

type jsonPlace struct {
	Path   string `json:"path"`
	Line   int    `json:"line"`
	Column int    `json:"column,omitempty"`
	Side   string `json:"side,omitempty"`
}

type jsonRelated struct {
	jsonPlace
	Text string `json:"text"`
}

type jsonActionItem struct {
	Postmortem string `json:"postmortem"`
	ID         string `json:"id"`
	Action     string `json:"action"`
	Priority   string `json:"priority"`
	Owner      string `json:"owner"`
	Due        string `json:"due"`
	Status     string `json:"status"`
	Path       string `json:"path"`
	Line       int    `json:"line"`
}

// JSON writes the result in the documented form, indented, with a newline at its end.
func JSON(w io.Writer, r *Result) error {
	out := jsonResult{
		Version: Version,
		Verdict: r.Verdict,
		Live:    r.Live,
		Change:  changeJSON(r),
		Matrix: jsonMatrix{
			cellJSON(r.Matrix.OldCodeNewSchema), cellJSON(r.Matrix.NewCodeOldSchema), cellJSON(r.Matrix.NewCodeNewSchema),
			jsonCoverage{r.Matrix.Coverage.Queries, r.Matrix.Coverage.Checked, r.Matrix.Coverage.Files},
		},
		Databases: []jsonDatabase{},
		Analysis:  jsonAnalysis{r.Judged, r.Analysed, orEmpty(r.Missed)},
		Findings:  []jsonFinding{},
		Summary:   r.Summary(),
		Problems:  orEmpty(r.Problems),
	}
	for _, d := range r.Databases {
		out.Databases = append(out.Databases, jsonDatabase{d.Name, d.Engine, d.Version, d.Layout, d.Root, d.Read, orEmpty(d.Delta)})
	}
	for _, f := range r.Findings {
		out.Findings = append(out.Findings, findingJSON(f))
	}
	for _, o := range r.Overrides {
		out.Overrides = append(out.Overrides, jsonOverride{o.Rule, o.Because, o.By, o.At.UTC().Format(time.RFC3339), o.URL, o.Findings, o.Problem})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

func findingJSON(f Finding) jsonFinding {
	out := jsonFinding{
		Rule: f.Rule, Category: f.Category, Severity: f.Severity, Title: f.Title, Message: f.Message, Remedy: f.Remedy,
		Location: placeJSON(f.Location), CausedBy: []jsonPlace{}, Fingerprint: f.Fingerprint,
		Suppressed: f.Suppressed, Reason: f.Reason, Overridden: f.Overridden, ActionItems: []jsonActionItem{},
	}
	for _, p := range f.CausedBy {
		place := placeJSON(p)
		place.Side = p.Side // the head goes without saying
		out.CausedBy = append(out.CausedBy, place)
	}
	for _, related := range f.Related {
		out.Related = append(out.Related, jsonRelated{placeJSON(related.Place), related.Text})
	}
	for _, l := range f.Landed {
		out.Landed = append(out.Landed, landedJSON(l))
	}
	for _, a := range f.ActionItems {
		out.ActionItems = append(out.ActionItems, jsonActionItem{a.Postmortem, a.ID, a.Action, a.Priority, a.Owner, a.Due, a.Status, a.Path, a.Line})
	}
	return out
}

func changeJSON(r *Result) jsonChange {
	c := r.Change
	out := jsonChange{
		Base: c.Base, Head: c.Head, Stage: c.Stage, Dirty: c.Dirty, Trusted: r.Trusted,
		BaseSource: c.BaseSource, BaseReason: c.BaseReason, BaseNotes: r.BaseNotes, MoreLanded: c.MoreLanded,
	}
	for _, l := range c.Landed {
		out.Landed = append(out.Landed, landedJSON(l))
	}
	return out
}

func landedJSON(l facts.Landed) jsonLanded {
	return jsonLanded{l.Commit, l.Label, l.PullRequest, l.Title, orEmpty(l.Brings)}
}

func cellJSON(c facts.Cell) jsonCell { return jsonCell{c.Verdict, len(c.Breaks)} }

func placeJSON(p facts.Place) jsonPlace { return jsonPlace{p.Path, p.Line, p.Column, sideOf(p.Side)} }

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
