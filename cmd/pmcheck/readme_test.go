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
	var out, errs bytes.Buffer
	if status := run([]string{"demo"}, &out, &errs); status != exitFail {
		t.Fatalf("the demo ended with %d: %s", status, errs.String())
	}
	stands(t, "../../README.md", "demo", out.String())
}

// stands holds the place of that name in a document against what is printed, or with -update writes it there.
func stands(t *testing.T, path, name, printed string) {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n```\n", "```\n<!-- /"+name+" -->"
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(readme), begin)
	shown, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for what is printed between %q and %q", path, begin, end)
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+printed+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if shown != printed {
		t.Errorf("%s shows\n%s\nbut this is printed:\n%s\nrun go test ./cmd/pmcheck -run %s -update", path, shown, printed, t.Name())
	}
}
