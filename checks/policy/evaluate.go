package policy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// Evaluate has the rules judge the facts, those apart that run after the others.
// Findings are sorted by path, line and rule. The error joins what kept single
// rules from judging (each a [*PolicyError] where it has a place); the
// findings of all other rules stand beside it.
func (e *Engine) Evaluate(ctx context.Context, f *facts.Facts) ([]Finding, error) {
	findings, err := e.evaluate(ctx, f, false)
	return findings, errors.Join(append(slices.Clone(e.problems), err)...)
}

// EvaluateAfter is [Engine.Evaluate] for the rules that need to know what was suppressed. Of facts
// that were evaluated just before, only the findings and the suppressions may have become others.
func (e *Engine) EvaluateAfter(ctx context.Context, f *facts.Facts) ([]Finding, error) {
	return e.evaluate(ctx, f, true)
}

func (e *Engine) evaluate(ctx context.Context, f *facts.Facts, after bool) ([]Finding, error) {
	rules := e.applying(triggersOf(f), after)
	if len(rules) == 0 {
		return nil, nil
	}
	input, err := e.document(f, after)
	if err != nil {
		return nil, err
	}
	var findings []Finding
	var errs []error
	var mu sync.Mutex // of both
	var running sync.WaitGroup
	judge := func(rules []Rule) {
		more, moreErrs := e.judge(ctx, input, rules)
		mu.Lock()
		defer mu.Unlock()
		findings, errs = append(findings, more...), append(errs, moreErrs...)
	}
	locks, others, own := divide(rules)
	running.Go(func() { judge(locks) })
	judge(others)
	running.Wait()
	judge(own) // alone: how the heap grows is then theirs
	sortFindings(findings)
	fingerprint(findings)
	return findings, errors.Join(errs...)
}

// document is the input of the rules. What the rules before had is kept for those that run
// after them: making it costs as much as a third of judging.
func (e *Engine) document(f *facts.Facts, after bool) (*ast.Term, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if after && e.judged.facts == f {
		input := e.judged.input
		e.judged = judged{}
		return again(input, f, e.limits.facts)
	}
	input, err := document(f, e.options(), e.limits.facts)
	if err != nil {
		return nil, err
	}
	e.judged = judged{f, input}
	return input, nil
}

// judged is the facts that were evaluated last, and what they became.
type judged struct {
	facts *facts.Facts
	input *ast.Term
}

// applying are the rules that can have something to say.
func (e *Engine) applying(on map[string]bool, after bool) []Rule {
	var out []Rule
	for _, r := range e.rules {
		if r.After == after && e.Severity(r) != Off && slices.ContainsFunc(r.On, func(name string) bool { return on[name] }) {
			out = append(out, r)
		}
	}
	return out
}

// divide takes the built-in rules apart into two halves that cost about the same and
// share little of what they find out, and the project's own.
func divide(rules []Rule) (locks, others, own []Rule) {
	for _, r := range rules {
		switch {
		case r.Own:
			own = append(own, r)
		case slices.Contains(r.needs, "lib/locks.rego"):
			locks = append(locks, r)
		default:
			others = append(others, r)
		}
	}
	return locks, others, own
}

func (e *Engine) options() map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, r := range e.rules {
		if len(r.Options) > 0 {
			out[r.ID] = r.Options
		}
	}
	return out
}

// judge evaluates rules, all built in or all the project's own, as one program.
func (e *Engine) judge(ctx context.Context, input *ast.Term, rules []Rule) (findings []Finding, errs []error) {
	if len(rules) == 0 {
		return nil, nil
	}
	run := e.limits.run
	if rules[0].Own {
		run = e.limits.runOwn
	}
	var p *program
	err := run(ctx, func(topdown.Cancel) (err error) {
		p, err = e.program(rules)
		return err
	})
	switch {
	case err == nil:
	case len(rules) == 1:
		return nil, []error{e.failure(rules[0], err)}
	default: // which of them is to blame?
		for i := range rules {
			more, moreErrs := e.judge(ctx, input, rules[i:i+1])
			findings, errs = append(findings, more...), append(errs, moreErrs...)
		}
		return findings, errs
	}
	cache := topdown.NewVirtualCache() // what one rule finds out, the next need not
	for _, r := range rules {
		var value ast.Value
		shared := cache // work that is left behind keeps the one that it began with
		err := run(ctx, func(cancel topdown.Cancel) (err error) {
			value, err = p.value(ctx, findingsOf(r.ID), input, shared, cancel)
			return err
		})
		if err != nil {
			cache = topdown.NewVirtualCache() // who was left behind may still use the other
			errs = append(errs, e.failure(r, err))
			continue
		}
		more, moreErrs := e.findings(r, value)
		findings, errs = append(findings, more...), append(errs, moreErrs...)
	}
	return findings, errs
}

// failure names the rule and, where it is known, the place that an error comes from.
func (e *Engine) failure(r Rule, err error) error {
	var known *PolicyError
	if errors.As(err, &known) {
		return err
	}
	problem := &PolicyError{Rule: r.ID, Place: facts.Place{Path: r.Path, Line: r.Line}, Message: err.Error()}
	var compileErrors ast.Errors
	var runtime *topdown.Error
	switch {
	case errors.As(err, &compileErrors):
		return policyErrors(r.ID, r.Path, err)
	case errors.As(err, &runtime):
		problem.Message = runtime.Message
		if runtime.Location != nil {
			problem.Place.Path, problem.Place.Line, problem.Place.Column = runtime.Location.File, runtime.Location.Row, runtime.Location.Col
		}
	}
	return problem
}

// program is the program of these rules, which compiles once.
func (e *Engine) program(rules []Rule) (*program, error) {
	ids := make([]string, len(rules))
	for i, r := range rules {
		ids[i] = r.ID
	}
	key := strings.Join(ids, " ")
	e.mu.Lock()
	p, ok := e.programs[key]
	e.mu.Unlock()
	if ok {
		return p, nil
	}
	// Not locked: it may be left behind.
	var err error
	if rules[0].Own {
		p, err = e.compileOwn(rules)
	} else {
		p, err = link(ids)
	}
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.programs[key] = p
	e.mu.Unlock()
	return p, nil
}
