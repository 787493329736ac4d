package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestManual has mandoc look through the manual pages.
func TestManual(t *testing.T) {
	dir := t.TempDir()
	var out, errs bytes.Buffer
	if status := run([]string{"man", dir}, &out, &errs); status != exitPass {
		t.Fatalf("status %d: %s", status, errs.String())
	}
	pages, err := filepath.Glob(filepath.Join(dir, "pmcheck*.1"))
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	needs(t, "mandoc")
	if out, err := exec.Command("mandoc", append([]string{"-Tlint", "-Wwarning"}, pages...)...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
