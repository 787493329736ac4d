package deploy

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/html"

	"github.com/pmcheck/pmcheck/internal/browsertest"
)

var update = flag.Bool("update", false, "write the pages and the picture in testdata and docs anew")

// badCanary is a canary whose error rate rises at 50 %, after one measurement that was in doubt.
func badCanary(t *testing.T) *GateRecord {
	var rates, latencies []any
	for i := range 40 {
		noise := (7*i*i + 5*i) % 31 // in whole numbers, so that the page is the same on every machine
		rates = append(rates, float64(4000+250*noise)/1e6)
		latencies = append(latencies, float64(290+2*noise))
	}
	rates[13], latencies[5] = .034, errors.New("no whole answer within 10s")
	rates[16], rates[17] = .148, .252
	var r *GateRecord
	synctest.Test(t, func(t *testing.T) {
		errorRate, latency := metric(t, "result[0] < 0.02", "result[0] >= 0.05", rates...), metric(t, "result[0] < 500", "", latencies...)
		errorRate.Count, errorRate.FailureLimit, errorRate.InconclusiveLimit = 10, 1, 2
		latency.Name, latency.Count = "latency-p99-ms", 10
		latency.InitialDelay = time.Second // so that no two are measured at the same instant
		g := &Gate{Metrics: []*Metric{errorRate, latency}, Traffic: &Traffic{Shift: []string{"true"}, Timeout: time.Minute}}
		for _, weight := range []int{10, 50, 100} {
			g.Steps = append(g.Steps, Step{SetWeight: &weight}, Step{Pause: time.Minute}, Step{Analysis: g.Metrics})
		}
		r = g.Run(t.Context())
	})
	return r
}

// records are gates of every kind.
func records(t *testing.T) map[string]*GateRecord {
	one := func(success, failure string, results ...any) *GateRecord {
		var r *GateRecord
		synctest.Test(t, func(t *testing.T) {
			m := metric(t, success, failure, results...)
			m.Count, m.ConsecutiveErrorLimit = len(results), 0
			r = (&Gate{Metrics: []*Metric{m}}).Run(t.Context())
		})
		return r
	}
	hostile := badCanary(t)
	const nasty = "<script>alert(1)</script>\x1b[2J\u202e&amp;\"'`"
	hostile.Reason += nasty
	for i := range hostile.Metrics {
		m := &hostile.Metrics[i]
		m.Name, m.Reason, m.SuccessCondition, m.FailureCondition = m.Name+nasty, nasty, nasty, nasty
		m.Measurements[0].Message, m.Measurements[0].Value = nasty+strings.Repeat("wide", 100), nasty
	}
	hostile.Steps[5].Message, hostile.TakenBack.Message, hostile.TakenBack.Phase = nasty, nasty, FailedPhase
	many := one("result[0] < 0.02", "", slices.Repeat([]any{.01}, 3000)...)
	return map[string]*GateRecord{
		"canary": badCanary(t), "hostile": hostile, "passed": one("result[0] < 0.02", "", .01, .011, .009), "many": many,
		"several": one("all(result, # < 0.05)", "", []float64{.01, .02, .04}, []float64{.01, .03, .25}), "down": one("result[0] < 1", "", errors.New("connection refused")),
		"negative": one("result[0] > -5", "", -1.0, -2.5), "zero": one("result[0] < 1", "", 0.0), "huge": one("result[0] < 5", "", math.MaxFloat64), "nothing": {Verdict: Unmeasured}, "no limit": one("result[0] != 3", "", 5.0),
	}
}

func gateHTML(t *testing.T, r *GateRecord) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.HTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The page that docs/gate.png shows; -update takes both anew.
func TestGatePage(t *testing.T) {
	const golden, picture = "testdata/gate.html", "../../docs/gate.png"
	page := gateHTML(t, badCanary(t))
	if *update {
		if err := os.WriteFile(golden, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		shown := browsertest.New(t).Open(t, []byte(page), browsertest.View{Width: 1280, Height: 1640})
		browsertest.Ask[int](t, shown, `document.querySelectorAll("details").forEach(d => d.open = false), 1`)
		if err := os.WriteFile(picture, shown.Screenshot(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || string(want) != page {
		t.Errorf("%s is not what is made now (%v): go test ./checks/deploy -run TestGatePage -update", golden, err)
	}
	content, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	if config, err := png.DecodeConfig(bytes.NewReader(content)); err != nil || config.Width != 1280 || len(content) > 250_000 {
		t.Errorf("%s: %d pixels wide, %d bytes: %v; want 1280 and 250,000 at most", picture, config.Width, len(content), err)
	}
	if doc, err := os.ReadFile("../../docs/deploy-gates.md"); err != nil || !strings.Contains(string(doc), "(gate.png)") {
		t.Errorf("docs/deploy-gates.md does not show gate.png: %v", err)
	}
}

func TestGatePageSays(t *testing.T) {
	all := records(t)
	for name, want := range map[string][]string{
		"canary": {"Fail", "The new release is not well", "step 6, analysis of error-rate, latency-p99-ms: error-rate: Failed: failed (2) &gt; failureLimit (1); at last: value [0.252]; traffic was taken back",
			"setWeight 10", ">10 %<", ">50 %<", "success &lt; 0.02", "failure &gt;= 0.05", "step 3, 10 %", "limit: failure &gt;= 0.05", "values from 0.004", "1 inconclusive", "no whole answer within 10s", "take traffic back"},
		"passed":   {"Pass", "All metrics remained within their limits", "3 measurements, values from 0.009 to 0.011; 3 successful; limit: success &lt; 0.02."},
		"down":     {"Not measured", "No number was measured", "connection refused"},
		"several":  {"[0.01 0.03 0.25]"},
		"many":     {"2625 successful measurements are left out of the picture", "2800 more successful measurements are left out of the table"},
		"hostile":  {`\u001b[2J\u202e`, "&lt;script&gt;", `role="alert"`},
		"no limit": {"1 measurement, values from 5 to 5; 1 successful."},
	} {
		page := gateHTML(t, all[name])
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("%s: the page does not say %q", name, text)
			}
		}
	}
	shift := badCanary(t)
	shift.Steps[3].Phase = FailedPhase
	if page := gateHTML(t, shift); !strings.Contains(page, "Traffic could not be shifted") {
		t.Error("the page does not say that traffic could not be shifted")
	}
}

// Every page is well-formed, needs nothing from elsewhere, and can be read without eyes.
func TestGatePageIsWellFormed(t *testing.T) {
	for name, r := range records(t) {
		page := gateHTML(t, r)
		if _, err := json.Marshal(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(page, "NaN") || strings.Contains(page, "Inf%") || len(page) > 1<<20 {
			t.Errorf("%s: %d bytes, with numbers that are none", name, len(page))
		}
		root, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		ids, targets := map[string]bool{}, []string{}
		policy, style := "", ""
		for n := range root.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			has := map[string]string{}
			for _, a := range n.Attr {
				has[a.Key] = a.Val
				if a.Key == "href" || a.Key == "src" || a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("%s: <%s> has %s=%q", name, n.Data, a.Key, a.Val)
				}
			}
			if id := has["id"]; id != "" {
				if ids[id] {
					t.Errorf("%s: the id %q is there twice", name, id)
				}
				ids[id] = true
			}
			targets = append(targets, strings.Fields(has["aria-labelledby"])...)
			switch n.Data {
			case "script", "link", "img", "iframe", "object", "form", "base", "a":
				t.Errorf("%s: the page has a <%s>", name, n.Data)
			case "svg":
				if has["aria-hidden"] != "true" && has["role"] != "img" {
					t.Errorf("%s: a picture that is neither hidden nor named", name)
				}
			case "th":
				if has["scope"] == "" {
					t.Errorf("%s: a header without scope", name)
				}
			case "meta":
				if has["http-equiv"] != "" {
					policy = has["content"]
				}
			case "style":
				style = n.FirstChild.Data
			}
		}
		for _, target := range targets {
			if !ids[target] {
				t.Errorf("%s: nothing has the id %q", name, target)
			}
		}
		sum := sha256.Sum256([]byte(style))
		if want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.HasPrefix(policy, want) {
			t.Errorf("%s: the policy is %q, want %q", name, policy, want)
		}
	}
}

// The page has the colours of the reports.
func TestGatePageColours(t *testing.T) {
	report, err := os.ReadFile("../report/page.css")
	if err != nil {
		t.Fatal(err)
	}
	colours := regexp.MustCompile(`--[a-z-]+: #[0-9a-f]+`).FindAllString(gateStyle, -1)
	if len(colours) < 20 {
		t.Errorf("only %d colours", len(colours))
	}
	for _, c := range colours {
		if !strings.Contains(string(report), c+";") {
			t.Errorf("%s is not a report's", c)
		}
	}
}

// In a real browser: the page asks for nothing, has nothing to complain of, fits a phone, and shows what was measured where it was.
func TestGatePageInABrowser(t *testing.T) {
	t.Parallel()
	browser := browsertest.New(t)
	all := records(t)
	open := func(name string, view browsertest.View) *browsertest.Page {
		page := browser.Open(t, []byte(gateHTML(t, all[name])), view)
		browsertest.Ask[int](t, page, `document.querySelectorAll("details").forEach(d => d.open = true), 1`)
		if wide, room := browsertest.Ask[int](t, page, "document.scrollingElement.scrollWidth"), browsertest.Ask[int](t, page, "document.documentElement.clientWidth"); wide > room || room != view.Width {
			t.Errorf("%s: the page is %d pixels wide, on a screen of %d", name, wide, room)
		}
		if requests, console := page.Requests(), page.Console(); len(requests)+len(console) > 0 {
			t.Errorf("%s: the page asks for %q; the browser complains: %q", name, requests, console)
		}
		if background := browsertest.Ask[string](t, page, "getComputedStyle(document.body).backgroundColor"); (background == "rgb(255, 255, 255)") == view.Dark {
			t.Errorf("%s: the page's background is %s", name, background)
		}
		return page
	}
	open("hostile", browsertest.View{Width: 360, Height: 740, Phone: true, Dark: true})
	page := open("canary", browsertest.View{Width: 360, Height: 740, Phone: true})
	middle := func(selector string) float64 {
		return browsertest.Ask[float64](t, page, `(() => { const r = document.querySelector(`+fmt.Sprintf("%q", "#metric-1 .chart "+selector)+`).getBoundingClientRect(); return r.top + r.height / 2 })()`)
	}
	good, failed, limit, success := middle(".mark.good"), middle(".mark.bad"), middle("line.limit.bad"), middle("line.limit.good")
	if doubt := middle(".mark.doubt"); !(failed < limit && limit < doubt && doubt < success && success < good) {
		t.Errorf("from the top: failed %.0f, limit of failure %.0f, in doubt %.0f, limit of success %.0f, good %.0f", failed, limit, doubt, success, good)
	}
}

// The examples of the documentation are read as they stand there.
func TestDocumentedGates(t *testing.T) {
	doc, err := os.ReadFile("../../docs/deploy-gates.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(metrics:.*?)```").FindAllStringSubmatch(string(doc), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d gates", len(blocks))
	}
	steps, ok := strings.CutPrefix(blocks[1][1], "metrics: [...]\n")
	for _, text := range []string{blocks[0][1], blocks[0][1] + steps} {
		if g, err := ReadGate("gate.yml", []byte(text), func(name string) (string, bool) { return "x", name != "DD_SITE" }); err != nil || len(g.Metrics) != 3 || !ok {
			t.Errorf("%v\n%s", err, text)
		}
	}
}
