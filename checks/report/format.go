package report

import "io"

// Options are how a report is written. Forms that programs read heed Version
// alone: they always hold all that was found.
type Options struct {
	Color   bool   // text
	Quiet   bool   // text, Markdown, workflow commands: only findings that fail the check, and the verdict
	Verbose bool   // text: also what was read and why, and what the schema change is
	Width   int    // text: columns of the terminal; 0 = 100
	Details string // Markdown: the address of the whole report; "" where there is none
	Version string // pmcheck's own, for formats that name the program that wrote them
}

// Format is a form that a result is written in.
type Format struct {
	Name  string // as --format has it
	About string // who reads it
	Write func(io.Writer, *Result, Options) error
}

// Formats are all forms, in the order in which help lists them; the first is the default.
func Formats() []Format {
	return []Format{
		{"text", "for a person at a terminal", Text},
		{"json", "for programs: all that was found, in pmcheck's own documented form", plain(JSON)},
		{"sarif", "SARIF 2.1.0, for GitHub code scanning and editors", SARIF},
		{"junit", "JUnit XML, for the tests of CircleCI, GitLab and Jenkins", plain(JUnit)},
		{"github", "workflow commands of GitHub Actions, for annotations", GitHubCommands},
		{"gitlab", "Code Quality of GitLab", plain(GitLab)},
		{"rdjson", "Reviewdog Diagnostic Format", plain(RDJSON)},
		{"markdown", "for a comment, a check run or a job's summary; under 65,535 bytes", Markdown},
		{"html", "for a person with a browser: one page, with the locks drawn on a time line", plain(HTML)},
	}
}

// plain is the writer of a form that has no options.
func plain(write func(io.Writer, *Result) error) func(io.Writer, *Result, Options) error {
	return func(w io.Writer, r *Result, _ Options) error { return write(w, r) }
}
