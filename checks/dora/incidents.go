package dora

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/postmortem"
)

// incidents finds the deployment behind each post-mortem, by what the document says and never by the time alone.
func (p *past) incidents(ctx context.Context) error {
	r := p.report
	ended := map[*Deployment][]*postmortem.Document{}
	for _, d := range p.options.Documents {
		began, day := p.began(d)
		in := Incident{ID: cmp.Or(d.ID, d.Path), Title: d.Title, Path: d.Path, Started: moment(d.StartedAt), Ended: moment(cmp.Or(d.ResolvedAt, d.MitigatedAt))}
		inside := r.within(began) || day && began.After(r.From) && began.AddDate(0, 0, -1).Before(r.To)
		by, because, unknown, err := p.cause(ctx, d, began)
		if err != nil {
			return err
		}
		in.Because = because
		if by != nil {
			ended[by] = append(ended[by], d)
			by.Failed = true
			by.Incidents = append(by.Incidents, in.ID)
			if inside = inside || r.within(by.Ended); r.within(by.Ended) {
				in.Deployment = by.Name
			}
		}
		if began.IsZero() && by == nil {
			r.gap(in.ID+" has no time and no date, so that nobody knows whether it began in this window", FailureRate, Recovery)
		}
		if !inside {
			continue
		}
		if unknown {
			r.gap(fmt.Sprintf("%s: %s", in.ID, because), FailureRate, Recovery)
		}
		r.Incidents = append(r.Incidents, in)
	}
	slices.SortStableFunc(r.Incidents, func(a, b Incident) int {
		var at, bt time.Time
		if a.Started != nil {
			at = *a.Started
		}
		if b.Started != nil {
			bt = *b.Started
		}
		return cmp.Or(at.Compare(bt), cmp.Compare(a.ID, b.ID))
	})
	p.rollbacks(ended)
	for _, d := range p.all {
		if d.Failed {
			p.recovery(d, ended[d])
		}
	}
	return nil
}

// began is when an incident did: as written, else when it was noticed, else the end of its day.
func (p *past) began(d *postmortem.Document) (at time.Time, day bool) {
	if t := moment(cmp.Or(d.StartedAt, d.DetectedAt)); t != nil {
		return *t, false
	}
	t, err := time.ParseInLocation(time.DateOnly, d.Date, p.report.zone)
	if err != nil {
		return time.Time{}, false
	}
	return t.AddDate(0, 0, 1), true
}

func moment(text string) *time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil
	}
	return &t
}

// cause is the deployment that a document names, nil for none; how that is known; and whether something is missing to know it.
func (p *past) cause(ctx context.Context, d *postmortem.Document, began time.Time) (by *Deployment, because string, unknown bool, err error) {
	if d.IntroducedBy != "" {
		id, err := p.repo.Commit(ctx, d.IntroducedBy)
		switch {
		case err == nil:
			return p.introduced(ctx, id, began)
		case !errors.Is(err, change.ErrUnknownRevision):
			return nil, "", false, err
		}
		because, unknown = fmt.Sprintf("introduced_by names %s, which is no commit of this clone", short(d.IntroducedBy)), true
	}
	if by := p.cited(d.Trigger); by != nil {
		return by, "its trigger names " + by.Name, false, nil
	}
	switch {
	case because != "":
	case d.Trigger == "":
		because, unknown = "it says neither introduced_by nor trigger, so that nobody knows whether a deployment caused it", true
	default:
		because = "its trigger names no deployment that is known, and it has no introduced_by"
	}
	return nil, because, unknown, nil
}

// introduced is the last deployment, before an incident began, that brought a commit to where it had not been. After a rollback
// that may be the second one.
func (p *past) introduced(ctx context.Context, id string, began time.Time) (*Deployment, string, bool, error) {
	r, g := p.report, &p.history
	if _, ok := g.at[id]; !ok {
		newest := ""
		for _, d := range p.all {
			if p.have[d.Commit] && d.Outcome == Succeeded {
				newest = d.Commit
			}
		}
		if newest != "" {
			if earlier, err := p.repo.Contains(ctx, newest, id); err != nil || earlier {
				return nil, fmt.Sprintf("a deployment before the window brought %.9s", id), false, err
			}
		}
		return nil, fmt.Sprintf("no deployment that is known has %.9s: was it squashed or rebased? introduced_by should name the commit that was merged", id), true, nil
	}
	contains := g.descendants(id)
	var live, found, late *Deployment
	for _, d := range p.all {
		if g.has(contains, d.Commit) && (live == nil || !g.has(contains, live.Commit)) {
			switch {
			case !began.IsZero() && cmp.Or(zeroAs(d.Started, d.Ended), d.Ended).After(began):
				late = cmp.Or(late, d)
			case live != nil || d.first(r):
				found = d
			default:
				found = nil // with the first that is known, or before it
			}
		}
		if d.Outcome == Succeeded {
			live = d
		}
	}
	switch {
	case found != nil:
		return found, fmt.Sprintf("it brought %.9s", id), false, nil
	case late != nil:
		return nil, fmt.Sprintf("%s brought %.9s, after the incident had begun: correct started_at or introduced_by", late.Name, id), true, nil
	}
	return nil, fmt.Sprintf("%.9s went out with the first deployment that is known, or before it", id), false, nil
}

func zeroAs(t, other time.Time) time.Time {
	if t.IsZero() {
		return other
	}
	return t
}

var (
	citedNumber = regexp.MustCompile(`(?i)\b(?:deploy(?:ment)?|pipeline|release|rollout)\s+(?:no\.?\s*)?#?([0-9]{1,18})\b`)
	citedWord   = regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9._/+-]*`)
	commitLike  = regexp.MustCompile(`^[0-9a-f]{7,64}$`)
)

// cited is the deployment that a text names: by its number, its name, or its commit.
func (p *past) cited(text string) *Deployment {
	for _, match := range citedNumber.FindAllStringSubmatch(text, -1) {
		number, err := strconv.ParseInt(match[1], 10, 64)
		for _, d := range p.all {
			if err == nil && d.Number == number && number > 0 {
				return d
			}
		}
	}
	for _, word := range citedWord.FindAllString(text, -1) {
		word = strings.TrimRight(word, ".,")
		for _, d := range p.all {
			if d.Name == word || commitLike.MatchString(word) && strings.HasPrefix(d.Commit, word) {
				return d
			}
		}
	}
	return nil
}

// rollbacks fails what was taken back, where no post-mortem is about it.
func (p *past) rollbacks(documents map[*Deployment][]*postmortem.Document) {
	var last *Deployment // what is live
	for i, d := range p.all {
		if d.Outcome != Succeeded {
			continue
		}
		if d.Rollback && last != nil && !last.Rollback {
			back := 0 // where it goes back to: what came after that is taken back
			for j, earlier := range p.all[:i] {
				if earlier.Commit == d.Commit && earlier.Outcome == Succeeded {
					back = j + 1
				}
			}
			if !slices.ContainsFunc(p.all[back:i], func(e *Deployment) bool { return len(documents[e]) > 0 }) {
				last.Failed, last.recovered = true, d.Ended
				last.Why = d.Name + " took it back"
			}
		}
		last = d
	}
}

// recovery is how long it took until all was well after a deployment that failed.
func (p *past) recovery(d *Deployment, documents []*postmortem.Document) {
	from, to := d.Ended, d.recovered
	if len(documents) > 0 {
		d.Why = strings.Join(d.Incidents, ", ")
		from, to = time.Time{}, time.Time{}
		for i, doc := range documents {
			began := d.Ended
			if t := moment(doc.StartedAt); t != nil {
				began = *t
			}
			if i == 0 || began.Before(from) {
				from = began
			}
			end := moment(cmp.Or(doc.ResolvedAt, doc.MitigatedAt))
			if end == nil {
				d.NoRecovery = cmp.Or(doc.ID, doc.Path) + " says neither resolved_at nor mitigated_at"
				return
			}
			if end.After(to) {
				to = *end
			}
		}
	}
	if to.Before(from) {
		d.NoRecovery = "it ended before it began: correct the times of " + d.Why
		return
	}
	seconds := int64(to.Sub(from) / time.Second)
	d.Recovery = &seconds
}

func short(text string) string {
	if len(text) > 60 {
		return strings.ToValidUTF8(text[:60], "") + " ..."
	}
	return text
}
