package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// TestCommandsAreThereOnce: cobra takes a command of the same name twice, and help shows both.
func TestCommandsAreThereOnce(t *testing.T) {
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		seen := map[string]bool{}
		for _, sub := range c.Commands() {
			if seen[sub.Name()] {
				t.Errorf("%s is there twice", sub.CommandPath())
			}
			seen[sub.Name()] = true
			look(sub)
		}
	}
	look(rootCommand(time.Now))
}

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
