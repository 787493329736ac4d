package config

import (
	"fmt"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a container may have no time zones of its own

	"go.yaml.in/yaml/v3"

	"github.com/pmcheck/pmcheck/checks/config/yamltree"
)

// Dora says how a project's deployments are found for its DORA metrics, and what the project wants of them.
type Dora struct {
	TimeZone string // by which days, weeks and months are cut, an IANA name; "" = UTC
	Deploys  Deploys
	Targets  Targets
}

// Deploys name the deployments of the past. What is empty is taken from Deploy, unless another way is named here.
type Deploys struct {
	From        string   // circleci | github | tags; "" = by what is named
	Project     string   // the project's slug at CircleCI
	Job         string   // CircleCI's job that deploys
	Workflow    string   // CircleCI's workflow that deploys, or that the job is in
	Branch      string   // of those runs
	Environment string   // of GitHub's deployments
	Tags        []string // patterns of the tags that are set where a release goes out; one with "!" before it takes tags out
	Rework      []string // patterns of titles of changes, and of tags, that mend an incident; "*" is any text
}

// Targets are the figures that a project wants to reach.
type Targets struct {
	DeploymentFrequency *Rate         // at least
	LeadTime            time.Duration // at most; 0 = no target, as below
	ChangeFailureRate   *float64      // at most, a share of 1
	RecoveryTime        time.Duration // at most
	ReworkRate          *float64      // at most, a share of 1
}

// Rate is how often something happens.
type Rate struct {
	Times float64
	Per   string // day | week | month
}

func (r *reader) dora(key string, node *yaml.Node, to *Dora) {
	r.mapping(key, node, []field{
		{"time_zone", r.timeZone(&to.TimeZone)},
		{"deploys", func(key string, v *yaml.Node) {
			d := &to.Deploys
			r.mapping(key, v, []field{
				{"from", r.oneOf(&d.From, "circleci", "github", "tags")}, {"project", r.text(&d.Project)}, {"job", r.text(&d.Job)},
				{"workflow", r.text(&d.Workflow)}, {"branch", r.text(&d.Branch)}, {"environment", r.text(&d.Environment)},
				{"tags", r.tagPatterns(&d.Tags)}, {"rework", r.patterns(&d.Rework)},
			})
		}},
		{"targets", func(key string, v *yaml.Node) {
			t := &to.Targets
			r.mapping(key, v, []field{
				{"deployment_frequency", r.rate(&t.DeploymentFrequency)}, {"lead_time", r.duration(&t.LeadTime)},
				{"change_failure_rate", r.share(&t.ChangeFailureRate)}, {"recovery_time", r.duration(&t.RecoveryTime)},
				{"rework_rate", r.share(&t.ReworkRate)},
			})
		}},
	})
}

// tagPatterns reads a pattern of tags or a list of them.
func (r *reader) tagPatterns(to *[]string) func(string, *yaml.Node) {
	return func(key string, v *yaml.Node) {
		nodes := []*yaml.Node{v}
		if v.Kind == yaml.SequenceNode {
			nodes = v.Content
		}
		var patterns []string
		for _, node := range nodes {
			var pattern string
			if r.text(&pattern)(key, node); pattern == "" {
				continue
			}
			if err := CheckTagPattern(pattern); err != nil {
				r.problem(node.Line, "%s: %s", key, err)
				continue
			}
			patterns = append(patterns, pattern)
		}
		if len(patterns) > 0 && !slices.ContainsFunc(patterns, func(p string) bool { return p[0] != '!' }) {
			r.problem(v.Line, "%s: every pattern takes tags out: name those that are deployed too, as \"v*\"", key)
			return
		}
		*to = patterns
	}
}

// CheckTagPattern says what is wrong with a pattern of tags: "v*", or "!*-rc*" for those that do not count.
func CheckTagPattern(pattern string) error {
	text := strings.TrimPrefix(pattern, "!")
	if _, err := path.Match(text, ""); err != nil || text == "" || strings.HasPrefix(text, "-") || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return fmt.Errorf("%s is no pattern of tags: write one as \"v*\", or \"!*-rc*\" for tags that do not count", yamltree.Quote(pattern))
	}
	return nil
}

// TimeZone finds the zone of an IANA name. "" is UTC. "Local" is none: figures must not depend on the machine.
func TimeZone(name string) (*time.Location, bool) {
	if name == "Local" {
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}

func (r *reader) timeZone(to *string) func(string, *yaml.Node) {
	return func(key string, v *yaml.Node) {
		var name string
		if r.text(&name)(key, v); name == "" {
			return
		}
		if _, ok := TimeZone(name); !ok {
			r.problem(v.Line, "%s: %s is no time zone: write it as Europe/Berlin, America/New_York or UTC", key, yamltree.Quote(name))
			return
		}
		*to = name
	}
}

// scalar is a value's text; "" and a problem where it has none.
func (r *reader) scalar(key string, v *yaml.Node, expected string) string {
	if v.Kind != yaml.ScalarNode || null(v) || strings.TrimSpace(v.Value) == "" {
		r.problem(v.Line, "%s: expected %s, got %s", key, expected, yamltree.Describe(v))
		return ""
	}
	return strings.TrimSpace(v.Value)
}

var rateForm = regexp.MustCompile(`^([0-9]{1,6}(?:\.[0-9]{1,3})?) *(?:/|per) *(day|week|month)$`)

func (r *reader) rate(to **Rate) func(string, *yaml.Node) {
	const expected = "a rate such as 5/week; per day, week or month"
	return func(key string, v *yaml.Node) {
		text := r.scalar(key, v, expected)
		if text == "" {
			return
		}
		match := rateForm.FindStringSubmatch(text)
		if match != nil {
			if n, err := strconv.ParseFloat(match[1], 64); err == nil && n > 0 {
				*to = &Rate{n, match[2]}
				return
			}
		}
		r.problem(v.Line, "%s: expected %s, got %s", key, expected, yamltree.Describe(v))
	}
}

var (
	durationForm = regexp.MustCompile(`^(?:[0-9]{1,5} *[wdhm] *)+$`)
	durationPart = regexp.MustCompile(`([0-9]+) *([wdhm])`)
)

// duration reads a time such as 90m, 4h, "1d 12h" or 2w, in which a day has 24 hours.
func (r *reader) duration(to *time.Duration) func(string, *yaml.Node) {
	const expected = "a time such as 90m, 4h, 2d or 1w"
	return func(key string, v *yaml.Node) {
		text := r.scalar(key, v, expected)
		if text == "" {
			return
		}
		var sum time.Duration
		if durationForm.MatchString(text) && len(text) < 40 {
			for _, part := range durationPart.FindAllStringSubmatch(text, -1) {
				n, _ := strconv.Atoi(part[1])
				sum += time.Duration(n) * map[string]time.Duration{"w": 7 * 24 * time.Hour, "d": 24 * time.Hour, "h": time.Hour, "m": time.Minute}[part[2]]
			}
		}
		if sum <= 0 {
			r.problem(v.Line, "%s: expected %s, got %s", key, expected, yamltree.Describe(v))
			return
		}
		*to = sum
	}
}

var shareForm = regexp.MustCompile(`^([0-9]{1,3}(?:\.[0-9]{1,3})?) *%$`)

// share reads a share in percent. A bare number is refused: 15 and 0.15 would both be guesses.
func (r *reader) share(to **float64) func(string, *yaml.Node) {
	const expected = "a share such as 15%"
	return func(key string, v *yaml.Node) {
		text := r.scalar(key, v, expected)
		if text == "" {
			return
		}
		if match := shareForm.FindStringSubmatch(text); match != nil {
			if n, err := strconv.ParseFloat(match[1], 64); err == nil && n <= 100 {
				n = math.Round(n*1000) / 100_000
				*to = &n
				return
			}
		}
		r.problem(v.Line, "%s: expected %s, got %s", key, expected, yamltree.Describe(v))
	}
}
