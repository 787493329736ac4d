package policy

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// hostile is an engine with one rule of the project's own, whose body is text, and small limits.
func hostile(t *testing.T, text string) *Engine {
	t.Helper()
	rule := "# METADATA\n# title: Hostile\n# description: Tries what it must not.\n# custom:\n#   severity: error\n" +
		"package pmcheck.rules[\"hostile\"]\n\n" + text + "\n"
	e, err := Load(Options{Own: map[string][]byte{".pmcheck/policies/hostile/rule.rego": []byte(rule)}})
	if err != nil {
		t.Fatal(err)
	}
	e.limits.ownTime, e.limits.heap = 500*time.Millisecond, 64<<20
	return e
}

const finding = `findings contains {"place": {"path": "a", "line": 1}, "message": sprintf("%v", [x])} if x := `

func TestRulesSeeNothingButTheFacts(t *testing.T) {
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	defer server.Close()
	t.Setenv("PMCHECK_SECRET", "xyzzy")

	for name, c := range map[string]struct{ text, want string }{
		"the network":               {finding + `http.send({"method": "get", "url": "` + server.URL + `"})`, "http.send cannot be called: rules have no network"},
		"the network, as a mock":    {finding + `count(input.uses) with http.send as 1`, "http.send cannot be called"},
		"names of hosts":            {finding + `net.lookup_ip_addr("localhost")`, "net.lookup_ip_addr cannot be called: rules have no network"},
		"a schema on the network":   {finding + `json.match_schema({}, {"$ref": "` + server.URL + `"})`, "json.match_schema cannot be called: a schema may name others on the network"},
		"the environment":           {finding + `opa.runtime().env`, "opa.runtime cannot be called: rules do not see the environment"},
		"the clock":                 {finding + `time.now_ns()`, "time.now_ns cannot be called: rules have no clock: input.now is the time of the check"},
		"chance":                    {finding + `rand.intn("a", 10)`, "rand.intn cannot be called"},
		"chance, as an identifier":  {finding + `uuid.rfc4122("a")`, "uuid.rfc4122 cannot be called"},
		"a function in an argument": {finding + `count([time.now_ns()])`, "time.now_ns cannot be called"},
		"a function in a call":      {finding + `f(http.send)` + "\n\nf(x) := x", "var http is unsafe"},
		"unbounded paths":           {finding + `graph.reachable_paths({}, {})`, "graph.reachable_paths cannot be called: its cost cannot be bounded"},
		"unbounded shifts":          {finding + `bits.lsh(1, 100000000)`, "bits.lsh cannot be called: its cost cannot be bounded"},
		"other policies":            {finding + `rego.parse_module("a", "package a")`, "rego.parse_module cannot be called"},
		"data":                      {finding + `data.secrets`, "there is no package secrets"},
	} {
		t.Run(name, func(t *testing.T) {
			findings, err := hostile(t, c.text).Evaluate(context.Background(), &facts.Facts{})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), ".pmcheck/policies/hostile/rule.rego:8") {
				t.Errorf("error %v, expected %s", err, c.want)
			}
			if len(findings) > 0 {
				t.Errorf("it found %+v", findings)
			}
		})
	}

	t.Run("a schema of METADATA on the network", func(t *testing.T) {
		rule := strings.Replace("# METADATA\n# title: Hostile\n# description: d\n# custom: {severity: error}\n# schemas:\n#   - input: {\"$ref\": \"URL/schema\"}\npackage pmcheck.rules[\"hostile\"]\n\n"+finding+"input.base\n", "URL", server.URL, 1)
		e, err := Load(Options{Own: map[string][]byte{"rule.rego": []byte(rule)}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Evaluate(context.Background(), &facts.Facts{}); err == nil {
			t.Error("no error")
		}
	})
	if n := requests.Load(); n > 0 {
		t.Errorf("%d requests were made", n)
	}
}

const hostileCase = "PMCHECK_TEST_HOSTILE"

// inChild runs one case in a process of its own: what cannot be stopped ends with it.
func inChild(t *testing.T, name string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	defer stop()
	c := exec.CommandContext(ctx, exe, "-test.run=^TestRulesEnd$", "-test.v")
	c.Env = append(os.Environ(), hostileCase+"="+name)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Whatever a rule does, judging ends soon after a limit is met, and says whose it was.
func TestRulesEnd(t *testing.T) {
	doubling := func(first, step string) string {
		text := "a0 := " + first + "\n\n"
		for i := range 40 {
			text += fmt.Sprintf("a%d := "+step+"\n\n", i+1, i, i)
		}
		return text + finding + "count(a40)"
	}
	for name, text := range map[string]string{
		"nested loops": finding + `count([1 |
	some a in numbers.range(1, 10000)
	some b in numbers.range(1, 10000)
	some c in numbers.range(1, 10000)
	a + b == c
])`,
		"a long range":                finding + `count(numbers.range(1, 100000000000))`,
		"a longer range":              finding + `count(numbers.range(1, 1e100))`,
		"doubled strings":             doubling(`"xxxxxxxxxxxxxxxx"`, `concat("", [a%d, a%d])`),
		"doubled strings, by sprintf": doubling(`"xxxxxxxxxxxxxxxx"`, `sprintf("%%s%%s", [a%d, a%d])`),
		"doubled arrays":              doubling(`[1]`, `array.concat(a%d, a%d)`),
		"nested arrays":               strings.Replace(doubling(`[1]`, `[a%d, a%d]`), "count(a40)", "json.marshal(a40)", 1),
		"doubled objects":             doubling(`{"a": 1}`, `json.unmarshal(concat("", ["[", json.marshal(a%d), ",", json.marshal(a%d), "]"]))`),
		"squared numbers":             strings.Replace(doubling(`12345678901234567890`, `a%d * a%d`), "count(a40)", "a40", 1),
		"numbers with an exponent":    finding + `1e1000000000 + 1`,
		"numbers read from text":      finding + `to_number("1e1000000000") * 3`,
		"numbers rounded":             finding + `ceil(to_number("1.5e1000000000"))`,
		"numbers formatted":           finding + `format_int(to_number("1e1000000000"), 2)`,
		"a remainder":                 finding + `to_number("1e1000000000") % 7`,
		"a regular expression":        finding + `regex.match("((((a{0,100}){0,100}){0,100}){0,100}){0,100}", "aaa")`,
		"a glob":                      finding + `glob.match("` + strings.Repeat("*a", 60) + `b", ["/"], "` + strings.Repeat("a", 4000) + `")`,
		"a wide format":               finding + `count(sprintf("%999999999d", [1]))`,
		"a set of products":           finding + `count({[a, b, c] | some a in numbers.range(1, 1000); some b in numbers.range(1, 1000); some c in numbers.range(1, 1000)})`,
	} {
		t.Run(name, func(t *testing.T) {
			if os.Getenv(hostileCase) != name {
				if os.Getenv(hostileCase) == "" {
					inChild(t, name)
				}
				return
			}
			e := hostile(t, text)
			f := manyStatements(5)
			start := time.Now()
			findings, err := e.Evaluate(context.Background(), f)
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
			hostile := false
			for _, found := range findings {
				hostile = hostile || found.Rule == "hostile"
			}
			if err == nil && !hostile {
				t.Error("it ended without a finding and without an error")
			}
			if err != nil && !strings.Contains(err.Error(), ".pmcheck/policies/hostile/rule.rego:") {
				t.Errorf("the error does not say whose it is: %v", err)
			}
			if len(findings) == 0 {
				t.Error("the findings of other rules are lost")
			}
			t.Logf("%s: %.200v", time.Since(start), err)
		})
	}
}
