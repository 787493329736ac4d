package child

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/githubapp/checkrun"
	"github.com/pmcheck/pmcheck/checks/report"
)

// Main is the child's whole life: a question in, an answer out. It gives the exit status.
func Main(stdin io.Reader, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintln(stderr, err)
		return 1
	}
	var q question
	if err := json.NewDecoder(io.LimitReader(stdin, maxRequest+1024)).Decode(&q); err != nil {
		return fail(fmt.Errorf("read the request: %w", err))
	}
	l := q.Limits.withDefaults()
	if err := confine(l); err != nil {
		return fail(fmt.Errorf("set the limits: %w", err))
	}
	debug.SetMemoryLimit(l.Memory * 3 / 4)
	debug.SetMaxStack(int(min(l.Memory/4, 256<<20)))
	ctx, stop := context.WithTimeout(context.Background(), l.Time)
	defer stop()
	var r reply
	answer, err := judge(ctx, q.Request, func(step string) { fmt.Fprintln(stderr, stepMark+step) })
	if err != nil {
		r.Undone = err.Error()
	} else {
		r.Answer = answer
	}
	if err := json.NewEncoder(stdout).Encode(r); err != nil {
		return fail(fmt.Errorf("write the answer: %w", err))
	}
	return 0
}

// stepMark begins a line of standard error that says what is done next.
const stepMark = "step: "

// judge runs the check. The error is one that the question is not to blame for.
func judge(ctx context.Context, q Request, progress func(string)) (*Answer, error) {
	o := checks.Options{
		Repo: q.Repo, Base: q.Base, Head: q.Head, Trusted: q.Trusted, Stage: checks.PullRequest, Number: q.Number, Title: q.Title, Body: q.Body,
		Labels: q.Labels, Now: q.Now, Repository: q.Repository, Address: q.Address, Postmortems: true, Progress: progress,
	}
	for _, v := range q.Overrides {
		o.Overrides = append(o.Overrides, report.Override{Rule: v.Rule, Because: v.Because, By: v.By, At: v.At, URL: v.URL})
	}
	r, err := checks.Check(ctx, o)
	switch {
	case errors.Is(err, checks.ErrUse):
		return problem(err), nil
	case err != nil:
		return nil, err
	}
	progress("writing the report")
	return answer(r, q.DetailsURL)
}

// problem is the answer to a question that cannot be answered as it stands.
func problem(err error) *Answer {
	text := report.Printable(err.Error())
	return &Answer{Verdict: report.Undone, Problem: text, Title: report.OneLine("Could not check: "+text, maxTitle), Summary: report.Trouble(text)}
}

// maxTitle is in characters. GitHub shows about so many.
const maxTitle = 200

func answer(r *report.Result, details string) (*Answer, error) {
	a := &Answer{
		Verdict: r.Verdict, Title: report.OneLine(r.Headline(), maxTitle), Annotations: []checkrun.Annotation{}, Findings: map[string]int{}, Suppressed: map[string]int{},
		Permission: r.Overriding.Permission, Never: r.Overriding.Never, Missing: r.Missing,
	}
	if r.Nothing() {
		a.Verdict = NoSchemaChange
	}
	for _, f := range r.Findings {
		if f.Suppressed {
			a.Suppressed[f.Rule]++
		} else {
			a.Findings[f.Rule]++
		}
		a.carry(f)
	}
	slices.SortFunc(a.Items, func(x, y Item) int {
		return strings.Compare(x.Postmortem+"\x00"+x.ID, y.Postmortem+"\x00"+y.ID)
	})
	for _, n := range r.Annotations() {
		a.Annotations = append(a.Annotations, checkrun.Annotation{Path: n.Path, StartLine: n.StartLine, EndLine: n.EndLine, Level: n.Level, Title: n.Title, Message: n.Message})
	}
	var summary strings.Builder
	var document, page bytes.Buffer
	if err := errors.Join(report.Markdown(&summary, r, report.Options{Details: details}), report.JSON(&document, r), report.HTML(&page, r)); err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	a.Summary, a.JSON, a.HTML = summary.String(), document.Bytes(), page.Bytes()
	var err error
	if a.Postmortems, err = json.Marshal(slices.Concat([]facts.Postmortem{}, r.Postmortems)); err != nil {
		return nil, err
	}
	return a, nil
}

// carry notes the action items that a finding carries.
func (a *Answer) carry(f report.Finding) {
	for _, i := range f.ActionItems {
		at := slices.IndexFunc(a.Items, func(known Item) bool { return known.Postmortem == i.Postmortem && known.ID == i.ID })
		if at < 0 {
			at = len(a.Items)
			a.Items = append(a.Items, Item{
				Postmortem: i.Postmortem, PostmortemTitle: i.PostmortemTitle, ID: i.ID, Action: i.Action, Priority: i.Priority, Owner: i.Owner, Due: i.Due,
				Status: i.Status, Path: i.Path, Line: i.Line,
			})
		}
		item := &a.Items[at]
		if by, known := slices.BinarySearch(item.Rules, f.Rule); !known {
			item.Rules = slices.Insert(item.Rules, by, f.Rule)
		}
		if f.Suppressed {
			item.Suppressed++
		} else {
			item.Findings++
		}
	}
}
