package deploy

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/pmcheck/pmcheck/checks/config/yamltree"
)

// The limits of the steps of a canary.
const (
	maxSteps = 100
	maxArgs  = 100
)

// canary reads the steps, and how traffic is moved between them.
func (r *reader) canary(g *Gate, steps, traffic *yaml.Node) {
	measured := map[*Metric]bool{}
	var weights []*yaml.Node
	for _, item := range r.items(steps, "steps", maxSteps) {
		s := r.step(item, g.Metrics)
		if s.SetWeight != nil {
			weights = append(weights, item)
		}
		for _, m := range s.Analysis {
			measured[m] = true
		}
		g.Steps = append(g.Steps, s)
	}
	if traffic != nil {
		g.Traffic = r.traffic(traffic)
	}
	switch {
	case steps == nil && traffic != nil:
		r.problem(traffic.Line, "traffic without steps: nothing would be shifted")
	case steps == nil || len(r.problems) > 0:
	case len(measured) == 0:
		r.problem(steps.Line, "steps has no analysis: nothing would be measured")
	case len(weights) > 0 && g.Traffic == nil:
		r.problem(weights[0].Line, "setWeight needs traffic: {shift: [PROGRAM, ARGUMENT]}, the command that shifts it")
	case len(weights) == 0 && g.Traffic != nil:
		r.problem(traffic.Line, "traffic, but no step sets a weight")
	default:
		for _, m := range g.Metrics {
			if !measured[m] {
				r.problem(steps.Line, "no step measures the metric %s", yamltree.Quote(m.Name))
			}
		}
	}
}

func (r *reader) step(item *yaml.Node, metrics []*Metric) Step {
	f := r.fields(item, "a step", "setWeight", "pause", "analysis")
	if len(f) != 1 {
		if item.Kind == yaml.MappingNode && len(item.Content) != 2 {
			r.problem(item.Line, "a step: give one of setWeight, pause and analysis")
		}
		return Step{}
	}
	if node := f["setWeight"]; node != nil {
		weight := r.whole(node, "setWeight", 0, 0, 100)
		return Step{SetWeight: &weight}
	}
	if node := f["pause"]; node != nil {
		k := r.fields(node, "pause", "duration")
		if k["duration"] == nil && node.Kind == yaml.MappingNode {
			r.problem(node.Line, "pause without duration would wait for ever")
		}
		return Step{Pause: r.duration(k["duration"], "duration", 0, time.Millisecond)}
	}
	node := f["analysis"]
	if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" {
		return Step{Analysis: metrics}
	}
	names := r.fields(node, "analysis", "metrics")["metrics"]
	if names == nil {
		return Step{Analysis: metrics}
	}
	s := Step{}
	if names.Kind == yaml.SequenceNode && len(names.Content) == 0 {
		r.problem(names.Line, "metrics is empty: leave it out for all of them")
	}
	for _, n := range r.items(names, "metrics", maxMetrics) {
		name := r.text(n, "metrics")
		i := slices.IndexFunc(metrics, func(m *Metric) bool { return m.Name == name })
		switch {
		case i < 0:
			r.problem(n.Line, "there is no metric %s", yamltree.Quote(name))
		case slices.Contains(s.Analysis, metrics[i]):
			r.problem(n.Line, "the metric %s stands here twice", yamltree.Quote(name))
		default:
			s.Analysis = append(s.Analysis, metrics[i])
		}
	}
	return s
}

func (r *reader) traffic(node *yaml.Node) *Traffic {
	f := r.fields(node, "traffic", "shift", "undo", "timeout")
	t := &Traffic{
		Shift: r.command(f["shift"], "shift"), Undo: r.command(f["undo"], "undo"),
		Timeout: r.duration(f["timeout"], "timeout", DefaultTrafficTimeout, time.Millisecond),
	}
	if f["shift"] == nil && node.Kind == yaml.MappingNode {
		r.problem(node.Line, "traffic has no shift, the command that shifts it")
	}
	return t
}

// command reads a program and its arguments.
func (r *reader) command(node *yaml.Node, key string) []string {
	if node == nil {
		return nil
	}
	if node.Kind == yaml.ScalarNode {
		r.problem(node.Line, "%s: expected a list, the program and its arguments: [./traffic.sh, orders]; for a shell write [sh, -c, ...]", key)
		return nil
	}
	var argv []string
	for _, n := range r.items(node, key, maxArgs) {
		argument := r.text(n, key)
		if strings.ContainsRune(argument, 0) {
			r.problem(n.Line, "%s: an argument holds a null byte", key)
		}
		argv = append(argv, argument)
	}
	if len(argv) == 0 || argv[0] == "" {
		r.problem(node.Line, "%s names no program", key)
		return nil
	}
	return argv
}
