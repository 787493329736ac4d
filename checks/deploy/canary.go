package deploy

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Step is a step of a canary, in Argo Rollouts' words. One of the three is set.
type Step struct {
	SetWeight *int          // percent of the traffic that the new release gets from here on
	Pause     time.Duration // nothing is measured
	Analysis  []*Metric     // measured side by side
}

// String is the step on one line.
func (s Step) String() string {
	switch {
	case s.SetWeight != nil:
		return fmt.Sprintf("setWeight %d", *s.SetWeight)
	case s.Analysis != nil:
		var names []string
		for _, m := range s.Analysis {
			names = append(names, m.Name)
		}
		return "analysis of " + strings.Join(names, ", ")
	}
	return fmt.Sprintf("pause %s", s.Pause)
}

// Pending is a step that the canary did not come to.
const Pending Phase = "Pending"

// StepRecord is what became of a step.
type StepRecord struct {
	Step      string     `json:"step"` // as setWeight 10
	Weight    int        `json:"weight"`
	Phase     Phase      `json:"phase"`
	Message   string     `json:"message,omitempty"`
	StartedAt *time.Time `json:"started_at,omitempty"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
}

// StepChange is a step that begins (Running) or has ended, or the way back.
type StepChange struct {
	At      time.Time
	Number  int // from 1; 0 = traffic is taken back
	Of      int
	Step    string
	Phase   Phase
	Message string
}

// String is the change on one line.
func (s StepChange) String() string {
	text := s.Step
	if s.Number > 0 {
		text = fmt.Sprintf("step %d/%d  %s", s.Number, s.Of, s.Step)
	}
	if s.Message == "" {
		return text
	}
	return fmt.Sprintf("%s  %s  %s", text, s.Phase, s.Message)
}

// Check says what of g cannot be done, before anything is.
func (g *Gate) Check() error {
	if g.Traffic == nil {
		return nil
	}
	return g.Traffic.check()
}

// canary goes through the steps. When one does not succeed, traffic is taken back.
func (g *Gate) canary(ctx context.Context, r *GateRecord) {
	weight := 0
	for _, s := range g.Steps {
		if s.SetWeight != nil {
			weight = *s.SetWeight
		}
		r.Steps = append(r.Steps, StepRecord{Step: s.String(), Weight: weight, Phase: Pending})
	}
	shifted := false
	r.Verdict, r.Phase, r.Reason = Passed, Successful, "all metrics remained within their limits at each step"
	for i, s := range g.Steps {
		record := &r.Steps[i]
		started := time.Now().UTC()
		record.StartedAt, record.Phase = &started, Running
		g.observeStep(i+1, *record)
		shifted = shifted || s.SetWeight != nil
		verdict := g.step(ctx, s, i, r)
		ended := time.Now().UTC()
		record.EndedAt = &ended
		if verdict == Passed {
			record.Phase = Successful
			continue
		}
		g.observeStep(i+1, *record)
		r.Verdict, r.Phase = verdict, record.Phase
		r.Reason = fmt.Sprintf("step %d, %s: %s", i+1, record.Step, record.Message)
		break
	}
	if shifted && r.Verdict != Passed {
		r.Reason += "; " + g.takeBack(ctx, r)
	}
}

// step carries one step out, and notes what became of it when it did not succeed.
func (g *Gate) step(ctx context.Context, s Step, i int, r *GateRecord) Verdict {
	record := &r.Steps[i]
	switch {
	case s.SetWeight != nil:
		if err := g.Traffic.shift(ctx, *s.SetWeight, g.Output); err != nil {
			record.Phase, record.Message = FailedPhase, "traffic could not be shifted: "+err.Error()
			if ctx.Err() != nil {
				record.Phase = Error
				return Unmeasured
			}
			return Failed
		}
	case s.Analysis != nil:
		records := g.analyse(ctx, s.Analysis, i+1, record.Weight)
		r.Metrics = append(r.Metrics, records...)
		verdict, phase, reason := judge(records)
		if verdict != Passed {
			record.Phase, record.Message = phase, reason
		}
		return verdict
	default:
		if !wait(ctx, s.Pause) {
			record.Phase, record.Message = Error, endedOutside
			return Unmeasured
		}
	}
	return Passed
}

// takeBack gives all traffic to the old release again, also when the gate is ended from outside.
func (g *Gate) takeBack(ctx context.Context, r *GateRecord) string {
	started := time.Now().UTC()
	back := StepRecord{Step: "take traffic back", Phase: Running, StartedAt: &started}
	g.observeStep(0, back)
	err := g.Traffic.undo(context.WithoutCancel(ctx), g.Output)
	ended := time.Now().UTC()
	back.EndedAt, back.Phase, back.Message = &ended, Successful, "traffic was taken back"
	if err != nil {
		back.Phase, back.Message = FailedPhase, "TRAFFIC COULD NOT BE TAKEN BACK: "+err.Error()
		g.observeStep(0, back)
	}
	r.TakenBack = &back
	return back.Message
}

func (g *Gate) observeStep(number int, s StepRecord) {
	if g.ObserveStep != nil {
		g.ObserveStep(StepChange{At: time.Now(), Number: number, Of: len(g.Steps), Step: s.Step, Phase: s.Phase, Message: s.Message})
	}
}
