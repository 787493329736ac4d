// Package child judges one pull request in a process of its own, with limits on memory,
// time and output. Whatever a repository does to that process, the parent is unharmed.
//
// The child is the same program, run with [Command]. It is asked on standard input and
// answers on standard output. Its environment is empty but for PATH, HOME (an empty
// folder), LANG and what tells Go and git to be modest; it is given no credentials and
// needs no network. It sets its own limits before it reads a byte of the repository, and the
// parent measures it and its git processes together from outside: what it holds of memory,
// and for how long.
//
// Linux only: there it is a process group of its own that dies with the parent.
package child

import (
	"errors"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/checkrun"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// Command is the argument that makes a program the child: its main has to call [Main]
// when it is the first one, before anything else.
const Command = "judge-in-child"

// Request is what is to be judged.
type Request struct {
	Repo    string // folder of a bare repository
	Base    string // commit: the tip of the base branch, or what a merge group stands on
	Head    string // commit
	Trusted string // a revision whose configuration, own rules and post-mortems decide; "" is where head left base

	Number     int // of the pull request; 0 for a merge group
	Title      string
	Body       string
	Labels     []string
	Overrides  []job.Override
	Now        time.Time
	Repository string // OWNER/NAME
	Address    string // of the repository for a browser: https://github.com/OWNER/NAME; "" makes no links
	DetailsURL string // of the page with the whole report; "" makes no link
}

// Answer is what came of it.
type Answer struct {
	Verdict     string // pass | fail | error, as package report has them, or no-schema-change
	Title       string // one line of plain text, at most 200 characters
	Summary     string // Markdown, under 65,535 bytes
	Text        string // Markdown, under 65,535 bytes
	Annotations []checkrun.Annotation
	JSON        []byte // the report as --format json has it; nil with a Problem
	HTML        []byte // the report as a page; nil with a Problem

	Findings   map[string]int // by rule: those that are not suppressed
	Suppressed map[string]int // by rule: those that a comment or an override lets pass
	Items      []Item         // action items of post-mortems that findings carry

	Postmortems []byte // JSON, []facts.Postmortem: those of the trusted revision, as job.Verdict has them; nil with a Problem

	Permission string   // that one needs to override: write | maintain | admin; "" with a Problem
	Never      []string // rules that nobody may override

	Missing []string // ids of commits that Repo lacks, for post-mortems to be replayed

	Memory int64         // bytes that the child held in memory at most, its git processes aside
	CPU    time.Duration // that it and its git processes used

	// Problem says why the question cannot be answered as it stands: a configuration with mistakes, a revision that is
	// not there. To ask again changes nothing; somebody has to mend it. Title and Summary say it too.
	Problem string
}

// NoSchemaChange is the verdict on a change that no rule could be about.
const NoSchemaChange = "no-schema-change"

// Item is an action item of a post-mortem that findings of this change carry.
type Item struct {
	Postmortem, PostmortemTitle string
	ID, Action                  string
	Priority, Owner, Due        string
	Status                      string
	Path                        string
	Line                        int
	Rules                       []string // whose findings carry it, sorted
	Findings                    int      // that carry it and are not suppressed
	Suppressed                  int      // that carry it and are
}

// Limits bound one check. What is zero is [DefaultLimits]'.
type Limits struct {
	Memory int64         // bytes that the child and its git processes together may hold in memory
	Time   time.Duration // from start to answer
	CPU    time.Duration // of each of its processes
	Output int64         // bytes of the answer
}

// DefaultLimits are for a machine that runs a few checks at once.
func DefaultLimits() Limits {
	return Limits{Memory: 1536 << 20, Time: 5 * time.Minute, CPU: 5 * time.Minute, Output: 64 << 20}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	if l.Memory <= 0 {
		l.Memory = d.Memory
	}
	if l.Time <= 0 {
		l.Time = d.Time
	}
	if l.CPU <= 0 {
		l.CPU = d.CPU
	}
	if l.Output <= 0 {
		l.Output = d.Output
	}
	return l
}

// Why a check gave no answer. The error of [Run] wraps one of these, or the context's.
var (
	ErrMemory = errors.New("the check needs too much memory")
	ErrTime   = errors.New("the check takes too long")
	ErrOutput = errors.New("the report is too large")
	ErrCrash  = errors.New("the check crashed")
	// ErrUndone is an error of the check itself: an object is missing, git fails, the repository is larger than is read.
	ErrUndone = errors.New("the check could not be done")
)

// maxRequest bounds the question, which holds text that a stranger wrote.
const maxRequest = 8 << 20

// question is what goes to the child.
type question struct {
	Request Request
	Limits  Limits
}

// reply is what comes back: one of the two.
type reply struct {
	Answer *Answer `json:",omitempty"`
	Undone string  `json:",omitempty"`
}
