package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/pmcheck/pmcheck/checks/report"
)

// outputFlags choose how and where a result is printed.
type outputFlags struct {
	formats        []string
	output         string
	color          string
	quiet, verbose bool
}

// formatNames are the formats that a result can be written in, the default first.
func formatNames() []string {
	var names []string
	for _, f := range report.Formats() {
		names = append(names, f.Name)
	}
	return names
}

func (f *outputFlags) add(c *cobra.Command) {
	names := formatNames()
	c.Flags().StringArrayVar(&f.formats, "format", nil, fmt.Sprintf("%s; several times as `FORMAT=FILE` (default: %s)", strings.Join(names, ", "), names[0]))
	c.Flags().StringVarP(&f.output, "output", "o", "", "write the report to this file instead of standard output")
	c.Flags().StringVar(&f.color, "color", "auto", "auto, always or never; NO_COLOR is heeded")
	c.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "only what fails the check, and the verdict (text, markdown, github)")
	c.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "also why files were taken as migrations, what was not analysed, what the schema change is")
	var completions []cobra.Completion
	for _, format := range report.Formats() {
		completions = append(completions, cobra.CompletionWithDesc(format.Name, format.About))
	}
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(completions, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("color", cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp))
}

// destination is one format and the file that it goes to; "" is standard output.
type destination struct {
	format report.Format
	file   string
}

// writer checks the flags before any work is done, and gives the function that prints a result.
func (f *outputFlags) writer(c *cobra.Command) (func(*report.Result) error, error) {
	formats := report.Formats()
	var to []destination
	for _, value := range f.formats {
		name, file, _ := strings.Cut(value, "=")
		i := slices.IndexFunc(formats, func(f report.Format) bool { return f.Name == name })
		if i < 0 {
			return nil, usagef("--format %q: expected one of %s", name, strings.Join(formatNames(), ", "))
		}
		to = append(to, destination{formats[i], file})
	}
	if len(to) == 0 {
		to = []destination{{format: formats[0]}}
	}
	plain := 0
	for i := range to {
		if to[i].file == "" {
			to[i].file = f.output
			plain++
		}
	}
	if plain > 1 {
		return nil, usagef("--format is given %d times without a file: write FORMAT=FILE for all but one", plain)
	}
	if f.output != "" && plain == 0 {
		return nil, usagef("--output has no format left to write: every --format names its own file")
	}
	for i, d := range to {
		if d.file != "" && slices.ContainsFunc(to[:i], func(other destination) bool { return other.file == d.file }) {
			return nil, usagef("--format: two formats go to %s, and the second would replace the first", d.file)
		}
	}
	if !slices.Contains([]string{"auto", "always", "never"}, f.color) {
		return nil, usagef("--color %q: expected auto, always or never", f.color)
	}
	if f.quiet && f.verbose {
		return nil, usagef("--quiet and --verbose: choose one")
	}
	return func(r *report.Result) error {
		var failed []error
		for _, d := range to {
			if err := f.write(c.OutOrStdout(), d, r); err != nil {
				failed = append(failed, err)
			}
		}
		return errors.Join(failed...)
	}, nil
}

// asText tells that the report on standard output is for a person.
func (f *outputFlags) asText() bool {
	return f.output == "" && (len(f.formats) == 0 || slices.Contains(f.formats, formatNames()[0]))
}

func (f *outputFlags) write(stdout io.Writer, d destination, r *report.Result) error {
	var b bytes.Buffer
	if err := d.format.Write(&b, r, f.options(stdout, d)); err != nil {
		return fmt.Errorf("write the report as %s: %w", d.format.Name, err)
	}
	if d.file == "" {
		_, err := stdout.Write(b.Bytes())
		return err
	}
	if err := os.WriteFile(d.file, b.Bytes(), 0o666); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func (f *outputFlags) options(stdout io.Writer, d destination) report.Options {
	o := report.Options{Quiet: f.quiet, Verbose: f.verbose, Color: f.color == "always", Version: version()}
	file, ok := stdout.(*os.File)
	if d.file != "" || !ok || !term.IsTerminal(int(file.Fd())) {
		return o
	}
	if f.color == "auto" {
		o.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	if width, _, err := term.GetSize(int(file.Fd())); err == nil {
		o.Width = min(width, 140)
	}
	return o
}

// progress shows the step underway on a terminal, and nothing anywhere else.
type progress struct{ w io.Writer }

func progressOn(w io.Writer) progress {
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return progress{w}
	}
	return progress{}
}

func (p progress) step(what string) {
	if p.w != nil {
		fmt.Fprintf(p.w, "\r\x1b[K%s ...", strings.Map(printable, what))
	}
}

func (p progress) done() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

func printable(r rune) rune {
	if r < 0x20 || r >= 0x7f && r < 0xa0 {
		return '?'
	}
	return r
}
