package checks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/policy"
	"github.com/pmcheck/pmcheck/checks/postmortem"
	"github.com/pmcheck/pmcheck/checks/report"
)

// What the replays of one check may cost. What goes beyond it is left out, and said.
const (
	maxReplays = 30
	replayTime = time.Minute
)

// A lesson is a post-mortem as both sides of a change have it.
type lesson struct{ was, is *postmortem.Document }

// side is what decides on one side of a change.
type side struct {
	config    *config.Config
	engine    *policy.Engine
	documents []facts.Postmortem
}

// A caught is a rule that fails a lesson's change.
type caught struct {
	rule   string
	linked bool // an item of the lesson's document names it, or it names the item
}

// forgotten are the lessons that the base's rules and configuration catch, and those of the head no longer. The head's rules
// are asked here alone, and decide nothing but this comparison.
func (r *run) forgotten(ctx context.Context, lessons []lesson, base, head []facts.Postmortem) []facts.RemovedItem {
	lessons = slices.DeleteFunc(slices.Clone(lessons), func(l lesson) bool { return l.was.IntroducedBy == "" })
	var out []facts.RemovedItem
	lessons = slices.DeleteFunc(lessons, func(l lesson) bool {
		gone := l.is.IntroducedBy == ""
		if gone {
			out = append(out, facts.RemovedItem{What: "introduced-by", Postmortem: l.was.ID, From: valid(l.was.IntroducedBy), Place: facts.Place{Path: l.is.Path, Line: l.is.Line}})
		}
		return gone
	})
	if len(lessons) == 0 {
		return out
	}
	before, err := r.sideOf(r.change.BaseTree(), base)
	if err != nil {
		r.leaveOut(lessons, fmt.Sprintf("the rules of the base cannot be read: %v", err))
		return out
	}
	after, err := r.sideOf(r.change.HeadTree(), head)
	if err != nil { // the finding about the configuration says it too
		r.leaveOut(lessons, fmt.Sprintf("the rules of this change cannot be read: %v", err))
		return out
	}
	r.Progress("replaying what the post-mortems are about")
	slices.SortStableFunc(lessons, func(a, b lesson) int { return strings.Compare(b.was.Date, a.was.Date) })
	if len(lessons) > maxReplays {
		r.leaveOut(lessons[maxReplays:], fmt.Sprintf("a check replays %d post-mortems at most, the newest", maxReplays))
		lessons = lessons[:maxReplays]
	}
	outer := ctx
	ctx, stop := context.WithTimeout(ctx, replayTime)
	defer stop()
	// The head's rules have a time of their own: they must not use up what the base's need.
	strangers, stopThem := context.WithTimeout(outer, replayTime)
	defer stopThem()
	for i, l := range lessons {
		lost, err := r.compare(ctx, strangers, l, before, after)
		switch {
		case outer.Err() != nil:
			return out
		case ctx.Err() != nil:
			r.leaveOut(lessons[i:], fmt.Sprintf("replays take no longer than %s", replayTime))
			return out
		case err != nil:
			if errors.Is(err, change.ErrUnknownRevision) && isCommit(l.was.IntroducedBy) {
				r.missing = append(r.missing, l.was.IntroducedBy)
			}
			r.leaveOut(lessons[i:i+1], err.Error())
		case lost != nil:
			out = append(out, *lost)
		}
	}
	return out
}

// isCommit tells that a text is the whole id of a commit, which can be fetched.
func isCommit(text string) bool {
	return (len(text) == 40 || len(text) == 64) && strings.Trim(text, "0123456789abcdef") == ""
}

// leaveOut says which lessons were not replayed.
func (r *run) leaveOut(lessons []lesson, why string) {
	var ids []string
	for _, l := range lessons {
		ids = append(ids, l.was.ID)
	}
	if more := len(ids) - 5; more > 0 {
		ids = append(ids[:5], fmt.Sprintf("%d more", more))
	}
	r.unplayed = append(r.unplayed, fmt.Sprintf("not replayed by the rules of this change: %s: %s", strings.Join(ids, ", "), oneLine(why, 300)))
}

// compare has both sides judge the change that a lesson is about. The error says why that could not be done.
func (r *run) compare(ctx, strangers context.Context, l lesson, before, after side) (*facts.RemovedItem, error) {
	replay, err := r.replay(ctx, l.was.IntroducedBy, before)
	if err != nil {
		return nil, err
	}
	was, _, _ := replay.by(ctx, before, l.was)
	if len(was) == 0 || ctx.Err() != nil {
		return nil, ctx.Err()
	}
	lost := &facts.RemovedItem{What: "replay", Postmortem: l.was.ID, From: valid(l.was.IntroducedBy), Place: facts.Place{Path: l.is.Path, Line: l.is.Line},
		CausedBy: r.deciding()}
	if l.is.IntroducedBy != l.was.IntroducedBy || !sameFacts(before.config, after.config) {
		again, err := r.replay(ctx, l.is.IntroducedBy, after)
		switch {
		case err != nil && ctx.Err() == nil && l.is.IntroducedBy != l.was.IntroducedBy: // the change took the commit away that could be replayed
			lost.To = valid(l.is.IntroducedBy)
			for _, c := range was {
				lost.Lost = append(lost.Lost, facts.LostRule{Rule: c.rule, Now: "unjudged"})
			}
			return lost, nil
		case err != nil:
			return nil, err
		}
		replay = again
	}
	is, findings, problems := replay.by(strangers, after, l.is)
	linked := func(c caught) bool { return c.linked }
	if !slices.ContainsFunc(was, linked) && len(is) > 0 || slices.ContainsFunc(is, linked) {
		return nil, nil
	}
	for _, c := range was {
		if !c.linked && slices.ContainsFunc(was, linked) {
			continue // what guarded the lesson is what is missed
		}
		if !slices.ContainsFunc(is, func(still caught) bool { return still.rule == c.rule }) {
			lost.Lost = append(lost.Lost, facts.LostRule{Rule: c.rule, Now: after.now(c.rule, findings, problems)})
		}
	}
	if len(lost.Lost) == 0 { // the rule still fails it, and the finding about the link says that no item names it
		return nil, nil
	}
	for _, c := range is {
		lost.Still = append(lost.Still, c.rule)
	}
	return lost, nil
}

// deciding are the files of the change that decide about the next one.
func (r *run) deciding() []facts.Place {
	var places []facts.Place
	for _, f := range r.change.Files {
		switch {
		case f.Path != r.Config && !isPolicy(f.Path) || len(places) == 20:
		case f.Status == change.Deleted:
			places = append(places, facts.Place{Path: f.Path, Line: 1, Side: "base"})
		default:
			places = append(places, facts.Place{Path: f.Path, Line: 1})
		}
	}
	return places
}

// sideOf reads what decides in a tree. That of the trusted revision is read already.
func (r *run) sideOf(t *change.Tree, documents []facts.Postmortem) (side, error) {
	if t == r.change.TrustedTree() {
		return side{r.config, r.engine, documents}, nil
	}
	own, err := ownRules(t)
	if err != nil {
		return side{}, err
	}
	engine, err := policy.Load(policy.Options{Own: own})
	if err != nil {
		return side{}, err
	}
	content, err := t.Read(r.Config)
	c := config.Default()
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return side{}, err
	default:
		if c, err = config.Parse(r.Config, content, known(engine)); err != nil {
			return side{}, err
		}
	}
	return side{c, engine, documents}, engine.Configure(severities(c))
}

// sameFacts tells that two configurations state the same facts of a change.
func sameFacts(a, b *config.Config) bool {
	stated := func(c *config.Config) []any {
		databases := slices.Clone(c.Databases)
		for i := range databases {
			databases[i].Line = 0
		}
		return []any{databases, c.Pipeline, c.Runbooks, c.Postmortems}
	}
	return reflect.DeepEqual(stated(a), stated(b))
}

// A replay is what a lesson's change is and does; nil facts where no rule could be about it.
type replay struct {
	facts *facts.Facts
	now   time.Time
}

// replay states the facts of a commit, compared with what ran before it, as [ReplayLesson] does.
func (r *run) replay(ctx context.Context, commit string, s side) (*replay, error) {
	sub := &run{config: s.config, engine: s.engine, Options: Options{
		Repo: r.Repo, Base: commit + "^1", Head: commit, Trusted: r.change.Base, Stage: PullRequest, Config: r.Config, Now: r.Now,
		Progress: func(string) {}, replaying: true,
	}}
	var err error
	if sub.change, err = openChange(ctx, sub.Options); err != nil {
		return nil, err
	}
	defer sub.close()
	if err := sub.detect(); err != nil {
		return nil, err
	}
	if err := sub.observe(ctx); err != nil {
		return nil, err
	}
	if !sub.affected() {
		return &replay{now: r.Now}, nil
	}
	document, err := sub.facts(ctx)
	return &replay{document, r.Now}, err
}

// by has one side judge a replay: the rules that fail it, each once, all findings, and what kept rules from judging.
func (p *replay) by(ctx context.Context, s side, d *postmortem.Document) (by []caught, findings []policy.Finding, problems []string) {
	if p.facts == nil {
		return nil, nil, nil
	}
	document := *p.facts
	document.Settings = empty(s.config, s.engine, p.now).Settings
	document.Postmortems.Documents = s.documents
	document.Findings = []facts.Judged{}
	document.Suppressions = slices.Clone(p.facts.Suppressions)
	for i := range document.Suppressions {
		document.Suppressions[i].Used = []string{}
	}
	findings, problems = judge(ctx, s.engine, &document)
	for _, f := range findings {
		if failsLesson(f.Category, f.Severity, f.Suppressed, s.config.FailOn) && !slices.ContainsFunc(by, func(c caught) bool { return c.rule == f.Rule }) {
			by = append(by, caught{f.Rule, s.links(d, f.Rule)})
		}
	}
	return by, findings, problems
}

// failsLesson tells that a finding fails the change that an incident came from.
func failsLesson(category, severity string, suppressed bool, failOn string) bool {
	return !suppressed && report.Fails(severity, failOn) && !slices.Contains(aboutDocuments, category)
}

// links tells that an item of a document stands on a rule.
func (s side) links(d *postmortem.Document, rule string) bool {
	var cites []string
	for _, known := range s.engine.Rules() {
		if known.ID == rule {
			cites = known.ActionItems
		}
	}
	return slices.ContainsFunc(d.ActionItems, func(item postmortem.ActionItem) bool {
		return slices.Contains(item.EnforcedBy, rule) || slices.Contains(cites, d.ID+"/"+item.ID)
	})
}

// now says what became of a rule that failed a change and does so no longer: deleted, off, lowered, silent, or unjudged
// where it or what it shares could not be evaluated.
func (s side) now(id string, findings []policy.Finding, problems []string) string {
	for _, rule := range s.engine.Rules() {
		switch {
		case rule.ID != id:
		case s.engine.Severity(rule) == policy.Off:
			return "off"
		case slices.ContainsFunc(findings, func(f policy.Finding) bool { return f.Rule == id && !f.Suppressed }):
			return "lowered"
		case len(problems) > 0:
			return "unjudged"
		default:
			return "silent"
		}
	}
	if len(problems) > 0 {
		return "unjudged"
	}
	return "deleted"
}
