package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// contract is the documented form. Its members may be joined by others; none may
// go, or become something else, without a new Version.
const contract = `{
  "version": 1, "verdict": "fail",
  "change": {"base": "sha", "head": "sha", "stage": "local"},
  "matrix": {
    "old_code_new_schema": {"verdict": "breaks", "breaks": 1},
    "new_code_old_schema": {"verdict": "works", "breaks": 0},
    "new_code_new_schema": {"verdict": "works", "breaks": 0},
    "coverage": {"queries": 430, "checked": 412}
  },
  "findings": [{
    "rule": "old-code-breaks", "severity": "error", "message": "text",
    "location": {"path": "internal/store/users.go", "line": 42, "side": "base"},
    "caused_by": [{"path": "migrations/0002_drop_legacy_name.up.sql", "line": 1}],
    "remedy": "text", "fingerprint": "text",
    "action_items": [{
      "postmortem": "PM-2026-001", "id": "AI-1", "action": "text", "priority": "P0",
      "owner": "DevOps team", "due": "2026-12-05", "status": "in_progress", "path": "docs/postmortems/2026-001.md", "line": 14
    }]
  }],
  "summary": {"error": 1, "warning": 0, "info": 0, "suppressed": 0}
}`

func TestJSONKeepsTheContract(t *testing.T) {
	var want, got any
	if err := json.Unmarshal([]byte(contract), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(encoded(t, incident()), &got); err != nil {
		t.Fatal(err)
	}
	for _, missing := range lacks("", want, got) {
		t.Error(missing)
	}
	for name, want := range map[string]any{"version": 1.0, "verdict": "fail", "summary": map[string]any{"error": 1.0, "warning": 2.0, "info": 0.0, "suppressed": 0.0}} {
		if diff := cmp.Diff(want, got.(map[string]any)[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// lacks lists what got does not have of want's members, or has as something else.
func lacks(path string, want, got any) []string {
	if fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
		return []string{fmt.Sprintf("%s is a %T, want a %T", path, got, want)}
	}
	var out []string
	switch want := want.(type) {
	case map[string]any:
		for name, value := range want {
			is, ok := got.(map[string]any)[name]
			if !ok {
				out = append(out, path+"."+name+" is missing")
				continue
			}
			out = append(out, lacks(path+"."+name, value, is)...)
		}
	case []any:
		if len(got.([]any)) == 0 {
			return []string{path + " is empty"}
		}
		out = append(out, lacks(path+"[0]", want[0], got.([]any)[0])...)
	}
	return out
}

func TestJSON(t *testing.T) {
	golden(t, "incident.json", string(encoded(t, incident())))
	golden(t, "deploy.json", string(encoded(t, deploy())))
	undone := change(suppressed(dropsData(), "kept in the archive"))
	undone.Verdict, undone.Problems = Undone, []string{"rule my-rule: stopped after 5s"}
	undone.Missed = []facts.Problem{{Place: facts.Place{Path: "migrations/0003_drop.up.sql", Line: 1}, Kind: "syntax", Reason: "syntax error", SQL: "SELEC <1>"}}
	golden(t, "undone.json", string(encoded(t, undone)))
}

// Who reads the JSON never meets null where a list is promised.
func TestJSONOfNothing(t *testing.T) {
	got := encoded(t, &Result{Verdict: Pass, FailOn: "error"})
	if bytes.Contains(got, []byte("null")) {
		t.Errorf("a result without anything holds null:\n%s", got)
	}
}

func TestJSONRoundTrip(t *testing.T) {
	for name, r := range map[string]*Result{"incident": incident(), "hostile": hostile(), "thousand": thousand(), "nothing": {}} {
		first := encoded(t, r)
		var read jsonResult
		d := json.NewDecoder(bytes.NewReader(first))
		d.DisallowUnknownFields()
		if err := d.Decode(&read); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		second, err := json.Marshal(read)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var a, b any
		if err := json.Unmarshal(first, &a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(second, &b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("%s: what is read differs from what was written (-written +read):\n%s", name, diff)
		}
		if len(read.Findings) != len(r.Findings) {
			t.Errorf("%s: %d findings are read, want %d", name, len(read.Findings), len(r.Findings))
		}
	}
}

func TestJSONIsText(t *testing.T) {
	got := string(encoded(t, hostile()))
	for _, r := range got {
		if r < 0x20 && r != '\n' {
			t.Fatalf("the JSON holds %U", r)
		}
	}
	if !strings.HasSuffix(got, "}\n") {
		t.Error("the JSON does not end in a line's end")
	}
}

func encoded(t *testing.T, r *Result) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := JSON(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFails(t *testing.T) {
	for _, tt := range []struct {
		severity, failOn string
		want             bool
	}{
		{"error", "error", true}, {"warning", "error", false}, {"info", "error", false},
		{"error", "warning", true}, {"warning", "warning", true}, {"info", "warning", false},
		{"error", "info", true}, {"info", "info", true}, {"off", "info", false}, {"error", "", false},
	} {
		if got := Fails(tt.severity, tt.failOn); got != tt.want {
			t.Errorf("Fails(%q, %q) = %v", tt.severity, tt.failOn, got)
		}
	}
}
