package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manCommand writes the manual pages, for a release.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "Write the manual pages into a folder",
		Example: "  pmcheck man /usr/local/share/man/man1",
		Hidden:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name the folder to write to: pmcheck man DIR")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return err
			}
			if err := writeManual(c.Root(), args[0]); err != nil {
				return fmt.Errorf("write the manual pages: %w", err)
			}
			return nil
		},
	}
}

// writeManual writes a page for a command and for each below it.
func writeManual(c *cobra.Command, dir string) error {
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			if err := writeManual(sub, dir); err != nil {
				return err
			}
		}
	}
	name := strings.ReplaceAll(c.CommandPath(), " ", "-")
	date := cmp.Or(short(releaseDate, len(time.DateOnly)), time.Now().UTC().Format(time.DateOnly))
	header := &doc.GenManHeader{Title: strings.ToUpper(name), Section: "1", Source: "pmcheck " + version(), Manual: "User Commands"}
	c.DisableAutoGenTag = true
	var page bytes.Buffer
	if err := doc.GenMan(c, header, &page); err != nil {
		return err
	}
	// Flags come with a tab that an indented paragraph has no need of, and the date without its day.
	text := strings.ReplaceAll(page.String(), "\n\t", "\n")
	text = pageDate.ReplaceAllString(text, "${1}"+date+"${2}")
	return os.WriteFile(filepath.Join(dir, name+".1"), []byte(text), 0o666)
}

// pageDate finds the date in a page's title line.
var pageDate = regexp.MustCompile(`(?m)^(\.TH "[^"]*" "1" ")[^"]*(")`)
