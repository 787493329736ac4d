package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the program prints to the files that show it")

// The README shows what the demo really prints.
func TestReadmeShowsTheDemo(t *testing.T) {
	const path, begin, end = "../../README.md", "<!-- demo -->\n```\n", "```\n<!-- /demo -->"
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(readme), begin)
	shown, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the demo's output between %q and %q", path, begin, end)
	}
	var out, errs bytes.Buffer
	if status := run([]string{"demo"}, &out, &errs); status != exitFail {
		t.Fatalf("the demo ended with %d: %s", status, errs.String())
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+out.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if shown != out.String() {
		t.Errorf("README.md shows\n%s\nbut the demo prints\n%s\nrun go test ./cmd/pmcheck -run Readme -update", shown, out.String())
	}
}
