package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// The limits of a command that moves traffic.
const (
	DefaultTrafficTimeout = 2 * time.Minute

	trafficGrace  = 5 * time.Second // from the end of its time until it is killed
	maxOutputLine = 4096            // bytes
	maxOutput     = 64 << 10        // bytes that are shown of one run
)

// weightVariable tells a command the share of the traffic, in percent.
const weightVariable = "PMCHECK_WEIGHT"

// Traffic moves traffic between the old release and the new one. Its commands are
// programs with their arguments; no shell reads them.
type Traffic struct {
	Shift   []string      // the weight follows as the last argument
	Undo    []string      // nil = Shift with the weight 0
	Timeout time.Duration // of one run
}

// check says which command cannot be run, before any traffic is moved.
func (t *Traffic) check() error {
	for _, c := range []struct {
		key  string
		argv []string
	}{{"shift", t.Shift}, {"undo", t.Undo}} {
		if len(c.argv) == 0 {
			continue
		}
		if _, err := exec.LookPath(c.argv[0]); err != nil {
			return fmt.Errorf("traffic.%s cannot be run: %w", c.key, err)
		}
	}
	return nil
}

func (t *Traffic) shift(ctx context.Context, weight int, show func(string)) error {
	return t.run(ctx, append(append([]string{}, t.Shift...), strconv.Itoa(weight)), weight, show)
}

func (t *Traffic) undo(ctx context.Context, show func(string)) error {
	if t.Undo == nil {
		return t.shift(ctx, 0, show)
	}
	return t.run(ctx, t.Undo, 0, show)
}

// run ends the command with all that it has begun when its time is up. show gets what
// it prints, line by line.
func (t *Traffic) run(ctx context.Context, argv []string, weight int, show func(string)) error {
	limited, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	c := exec.CommandContext(limited, argv[0], argv[1:]...)
	c.Env = append(os.Environ(), weightVariable+"="+strconv.Itoa(weight))
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGTERM) }
	c.WaitDelay = trafficGrace
	out := &lines{show: show}
	c.Stdout, c.Stderr = out, out // one writer: os/exec does not call it twice at once
	err := c.Run()
	out.flush()
	if limited.Err() != nil && c.Process != nil {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // what it left behind
	}
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay): // it has ended well, and something that it began goes on
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s was ended from outside", argv[0])
	case limited.Err() != nil:
		return fmt.Errorf("%s did not end within %s", argv[0], t.Timeout)
	case c.ProcessState != nil:
		return fmt.Errorf("%s ended with %s", argv[0], c.ProcessState)
	}
	return fmt.Errorf("%s cannot be run: %w", argv[0], err)
}

// lines cuts what is written into lines, within bounds.
type lines struct {
	show  func(string)
	line  []byte
	shown int
}

func (l *lines) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		text, rest, ended := bytes.Cut(p, []byte("\n"))
		l.line = append(l.line, text[:min(len(text), maxOutputLine-len(l.line))]...)
		if ended {
			l.end()
		}
		p = rest
	}
	return written, nil
}

func (l *lines) flush() {
	if len(l.line) > 0 {
		l.end()
	}
}

func (l *lines) end() {
	if l.shown <= maxOutput && l.show != nil {
		if l.shown += len(l.line) + 1; l.shown > maxOutput {
			l.line = []byte("... more output is left out")
		}
		l.show(string(bytes.TrimSuffix(l.line, []byte("\r"))))
	}
	l.line = l.line[:0]
}
