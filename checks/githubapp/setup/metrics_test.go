package setup

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/pmcheck/pmcheck/checks/githubapp"
	"github.com/pmcheck/pmcheck/checks/githubapp/metrics"
)

// metric is one that /metrics exports.
type metric struct {
	name, kind, help string
	labels           []string
}

// exported are all metrics of the App: those that it has from the start, and those that appear once something has happened.
func exported(t *testing.T) []metric {
	t.Helper()
	m := metrics.New("test")
	m.Delivery("pull_request", "opened", "accepted", time.Second)
	m.Verdict("success", time.Second, time.Second)
	m.Call("GET /app", 200)
	m.Remaining(1, 1)
	m.Fetch("ok", time.Second)
	m.Kill("memory")
	m.Findings("old-code-breaks", 1)
	m.Retry("github")
	m.Reconciled("no check run")
	m.Redelivered()
	happened := httptest.NewRecorder()
	m.Handler().ServeHTTP(happened, httptest.NewRequest("GET", "/metrics", nil))

	config := healthy(t).config
	config.Listen = "127.0.0.1:0"
	config.WebhookSecrets = []githubapp.Secret{githubapp.Secret("secret")}
	config.MirrorSpace, config.MirrorLimit, config.CheckTime, config.Reconcile = 1<<30, 1<<30, time.Minute, time.Hour
	ctx, stop := context.WithCancel(t.Context())
	app, err := githubapp.New(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { // it closes its database where it stops
		stop()
		if err := app.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}()
	start := httptest.NewRecorder()
	app.Handler().ServeHTTP(start, httptest.NewRequest("GET", "/metrics", nil))

	found := map[string]*metric{}
	label := regexp.MustCompile(`([a-z_]+)="`)
	lines := bufio.NewScanner(strings.NewReader(happened.Body.String() + start.Body.String()))
	for lines.Scan() {
		line := lines.Text()
		var name, rest string
		switch {
		case strings.HasPrefix(line, "# HELP "):
			name, rest, _ = strings.Cut(strings.TrimPrefix(line, "# HELP "), " ")
			if found[name] == nil {
				found[name] = &metric{name: name}
			}
			found[name].help = rest
			continue
		case strings.HasPrefix(line, "# TYPE "):
			name, rest, _ = strings.Cut(strings.TrimPrefix(line, "# TYPE "), " ")
			found[name].kind = rest
			continue
		}
		name = line[:strings.IndexAny(line+" ", "{ ")]
		for _, suffix := range []string{"_bucket", "_sum", "_count", ""} {
			m := found[strings.TrimSuffix(name, suffix)]
			if m == nil || !strings.HasSuffix(name, suffix) {
				continue
			}
			for _, l := range label.FindAllStringSubmatch(line, -1) {
				if !slices.Contains(m.labels, l[1]) {
					m.labels = append(m.labels, l[1])
				}
			}
			break
		}
	}
	var all []metric
	for _, m := range found {
		all = append(all, *m)
	}
	slices.SortFunc(all, func(a, b metric) int { return strings.Compare(a.name, b.name) })
	if len(all) < 20 {
		t.Fatalf("only %d metrics are exported", len(all))
	}
	return all
}

var (
	metricInQuery = regexp.MustCompile(`\b(?:pmcheck|process|go)_[a-z0-9_]+`)
	labelsInQuery = regexp.MustCompile(`[{,]\s*([a-z_]+)\s*=|by \(([a-z_, ]+)\)`)
)

// wantQuery wants that a query names only metrics and labels that are exported.
func wantQuery(t *testing.T, where, query string, all []metric) {
	t.Helper()
	names := metricInQuery.FindAllString(query, -1)
	if len(names) == 0 && !strings.HasPrefix(query, "up{") {
		t.Errorf("%s asks for nothing: %s", where, query)
	}
	labels := []string{"job", "instance"} // Prometheus adds them
	for _, name := range names {
		i := slices.IndexFunc(all, func(m metric) bool {
			if m.kind == "histogram" {
				return name == m.name+"_bucket" || name == m.name+"_sum" || name == m.name+"_count"
			}
			return name == m.name
		})
		if i < 0 {
			t.Errorf("%s: %s is not exported", where, name)
			continue
		}
		labels = append(labels, all[i].labels...)
	}
	for _, found := range labelsInQuery.FindAllStringSubmatch(query, -1) {
		for l := range strings.SplitSeq(found[1]+found[2], ",") {
			if !slices.Contains(labels, strings.TrimSpace(l)) {
				t.Errorf("%s: nothing in %s has the label %s", where, query, l)
			}
		}
	}
}

func TestDashboard(t *testing.T) {
	all := exported(t)
	var dashboard struct {
		Panels []struct {
			ID      int
			Type    string
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct {
				Expr  string
				RefID string `json:"refId"`
			}
		}
		Templating struct{ List []struct{ Name string } }
	}
	if err := json.Unmarshal(readDeploy(t, "grafana-dashboard.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	ids := map[int]bool{}
	used := map[string]bool{}
	for i, p := range dashboard.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d %q has no title, or another one's id", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, q := range dashboard.Panels[:i] {
			a, b := p.GridPos, q.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("%q lies over %q", p.Title, q.Title)
			}
		}
		if p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%q is wider than the page", p.Title)
		}
		if p.Type == "row" {
			continue
		}
		if len(p.Targets) == 0 {
			t.Errorf("%q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			wantQuery(t, p.Title, target.Expr, all)
			for _, name := range metricInQuery.FindAllString(target.Expr, -1) {
				used[strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")] = true
			}
		}
	}
	for _, m := range all {
		if strings.HasPrefix(m.name, "pmcheck_") && !used[m.name] {
			t.Errorf("%s is not shown", m.name)
		}
	}
}

func TestAlerts(t *testing.T) {
	all := exported(t)
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(readDeploy(t, "alerts.yml"), &rules); err != nil {
		t.Fatal(err)
	}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			wantQuery(t, r.Alert, r.Expr, all)
			if r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.Labels["severity"] == "" {
				t.Errorf("%s says too little", r.Alert)
			}
		}
	}
	if len(rules.Groups) == 0 {
		t.Error("there are no alerts")
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Log("promtool is not installed: the expressions are not parsed")
		return
	}
	if out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", filepath.Join(deploy, "alerts.yml")).CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

// metricsTable is what the document says of the App's own metrics.
func metricsTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| metric | labels | |\n|---|---|---|\n")
	for _, m := range exported(t) {
		if !strings.HasPrefix(m.name, "pmcheck_") {
			continue
		}
		var labels []string
		for _, l := range m.labels {
			if l != "le" {
				labels = append(labels, "`"+l+"`")
			}
		}
		slices.Sort(labels)
		fmt.Fprintf(&b, "| `%s` (%s) | %s | %s |\n", m.name, m.kind, strings.Join(labels, ", "), m.help)
	}
	return b.String()
}
