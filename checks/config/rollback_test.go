package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestRollback(t *testing.T) {
	c, err := Parse(".pmcheck.yml", []byte("version: 1\ndeploy:\n  job: deploy\n  rollback: {by: pipeline, definition: d, branch: main, tag: '{version}', parameters: {to: '{commit}', quick: true, n: 3}}\n"), Known{})
	want := Rollback{By: "pipeline", Definition: "d", Branch: "main", Tag: "{version}", Parameters: map[string]any{"to": "{commit}", "quick": true, "n": int64(3)}}
	if err != nil || !reflect.DeepEqual(c.Rollback, want) || c.Deploy.Job != "deploy" {
		t.Fatalf("got %+v, %v", c, err)
	}
	for text, want := range map[string]string{
		"{by: hand}":             "by",
		"{by: command}":          "by", // nothing in a repository says what is run
		"{parameter: {}}":        "did you mean parameters?",
		"{parameters: x}":        `parameters: expected "name: value", got`,
		"{parameters: {a: 1.5}}": `parameter "a": expected text, true, false or a whole number`,
		"{parameters: {a: [b]}}": `parameter "a": expected text`,
		"{parameters: {a: }}":    `"a" has no value`,
	} {
		if _, err := Parse(".pmcheck.yml", []byte("version: 1\ndeploy: {rollback: "+text+"}\n"), Known{}); err == nil || !strings.Contains(err.Error(), ".pmcheck.yml:2: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
