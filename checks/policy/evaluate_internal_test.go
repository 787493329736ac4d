package policy

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// filled sets every field below v to something, and every slice to one element.
func filled(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("some text of " + v.Type().String())
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(-12345678901)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		filled(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		filled(v.Index(0))
	case reflect.Struct:
		for i := range v.NumField() {
			filled(v.Field(i))
		}
	}
}

// What rules see is what `pmcheck facts` prints, but for lists that are null there.
func TestDocumentIsWhatJSONIs(t *testing.T) {
	full := facts.Facts{}
	filled(reflect.ValueOf(&full).Elem())
	options := map[string]map[string]any{"a": {"whole": 1, "text": "x", "list": []any{1.5, "y"}}, "b": {}}
	full.Settings.Rules = options
	odd := *manyStatements(10)
	odd.Change.Title = "\x00 \xff " + strings.Repeat("long ", 50)
	for name, f := range map[string]facts.Facts{"zero": {}, "full": full, "statements": odd} {
		t.Run(name, func(t *testing.T) {
			got, err := document(&f, nil, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			encoded = []byte(strings.NewReplacer(`:null`, `:[]`, `"rules":null`, `"rules":{}`).Replace(string(encoded)))
			want, err := ast.ValueFromReader(strings.NewReader(string(encoded)))
			if err != nil {
				t.Fatal(err)
			}
			if want.Compare(got.Value) != 0 {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

func TestDocumentHoldsTheRulesDefaults(t *testing.T) {
	defaults := map[string]map[string]any{"a": {"most": 3, "least": 1}, "b": {"label": ""}}
	f := facts.Facts{Settings: facts.Settings{Rules: map[string]map[string]any{"a": {"most": 5}, "c": {"x": true}}}}
	got, err := document(&f, defaults, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := got.Value.Find(ast.MustParseRef("input.settings.rules")[1:])
	if err != nil {
		t.Fatal(err)
	}
	if want := ast.MustParseTerm(`{"a": {"least": 1, "most": 5}, "b": {"label": ""}, "c": {"x": true}}`); want.Value.Compare(rules) != 0 {
		t.Errorf("rules are %v, expected %v", rules, want)
	}
	if len(f.Settings.Rules) != 2 || len(defaults["a"]) != 2 || defaults["a"]["most"] != 3 {
		t.Error("the caller's maps were changed")
	}
}

func TestFactsThatAreTooLarge(t *testing.T) {
	e, err := Load(Options{})
	if err != nil {
		t.Fatal(err)
	}
	e.limits.facts = 1 << 20
	f := manyStatements(5)
	f.Migrations[0].Statements[0].SQL = strings.Repeat("x", 1<<20)
	_, err = e.Evaluate(context.Background(), f)
	if err == nil || !strings.Contains(err.Error(), "the facts are larger than the 1 MB that rules can judge: split the change") {
		t.Errorf("error %v", err)
	}
}

func TestEvaluateEndsWithItsContext(t *testing.T) {
	e, err := Load(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if findings, err := e.Evaluate(ctx, manyStatements(500)); err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("%d findings, error %v", len(findings), err)
	}
}

func TestFingerprints(t *testing.T) {
	at := func(path string, line int) facts.Place { return facts.Place{Path: path, Line: line} }
	print := func(findings ...Finding) []string {
		fingerprint(findings)
		var out []string
		for _, f := range findings {
			out = append(out, f.Fingerprint)
		}
		return out
	}
	base := Finding{Rule: "a", Location: at("x.sql", 3), Message: "the lock of line 12 (x.sql:12) waits"}
	first := print(base)[0]

	moved := base
	moved.Location.Line, moved.Message = 9, "the lock of line 18 (x.sql:18)  waits"
	if print(moved)[0] != first {
		t.Error("a moved finding has another fingerprint")
	}
	subject := base
	subject.Subject = "public.orders"
	reworded := subject
	reworded.Message = "another message"
	if print(subject)[0] == first || print(subject)[0] != print(reworded)[0] {
		t.Error("a finding with a subject is the same finding when it is reworded, and another without")
	}
	for name, other := range map[string]Finding{
		"rule":    {Rule: "b", Location: base.Location, Message: base.Message},
		"path":    {Rule: "a", Location: at("y.sql", 3), Message: base.Message},
		"message": {Rule: "a", Location: base.Location, Message: "the lock of table t2 waits"},
	} {
		if print(other)[0] == first {
			t.Errorf("another %s, the same fingerprint", name)
		}
	}
	twice := print(base, base)
	if twice[0] != first || twice[1] == first {
		t.Errorf("equal findings have %v, the first must keep %s", twice, first)
	}
}

func TestFindingsAreSorted(t *testing.T) {
	at := func(path string, line int, rule, message string) Finding {
		return Finding{Rule: rule, Location: facts.Place{Path: path, Line: line}, Message: message}
	}
	want := []Finding{at("a", 9, "z", ""), at("b", 2, "z", ""), at("b", 10, "a", "1"), at("b", 10, "a", "2"), at("b", 10, "b", "")}
	got := slices.Clone(want)
	slices.Reverse(got)
	sortFindings(got)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("sorted: %+v", got)
	}
}

// counter counts what evaluation does.
type counter struct{ events int }

func (*counter) Enabled() bool { return true }

func (*counter) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

func (c *counter) TraceEvent(topdown.Event) { c.events++ }

// Judging four times the statements takes four times the steps, not sixteen.
func TestRulesTakeLinearTime(t *testing.T) {
	e, err := Load(Options{})
	if err != nil {
		t.Fatal(err)
	}
	steps := func(id string, n int) int {
		p, err := link([]string{id})
		if err != nil {
			t.Fatal(err)
		}
		input, err := document(manyStatements(n), e.options(), 64<<20)
		if err != nil {
			t.Fatal(err)
		}
		c := &counter{}
		if _, err := only(context.Background(), p.query(findingsOf(id), input, nil, topdown.NewCancel()).WithQueryTracer(c)); err != nil {
			t.Fatal(err)
		}
		return c.events
	}
	for _, r := range builtin() {
		few, many := steps(r.ID, 50), steps(r.ID, 200)
		if many > 6*few {
			t.Errorf("%s: %d steps for 50 statements, %d for 200", r.Path, few, many)
		}
	}
}

// What is kept for the rules that run after the others is what would be made anew.
func TestDocumentAgain(t *testing.T) {
	f := facts.Facts{Suppressions: []facts.Suppression{{Rules: []string{"truncates"}, Reason: "a cache"}}}
	first, err := document(&f, nil, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	f.Suppressions[0].Used = []string{"truncates"}
	f.Findings = []facts.Judged{{Rule: "truncates", Suppressed: true, CausedBy: []facts.Place{}}}
	got, err := again(first, &f, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	want, err := document(&f, nil, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Equal(want) || got.Equal(first) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if _, err := again(first, &f, 10); err == nil {
		t.Error("more than the limit is no error")
	}
}
