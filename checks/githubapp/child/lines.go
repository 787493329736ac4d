package child

import (
	"strings"
	"sync"
)

// lastLines keeps the end of what a child says on standard error, and what it says first of why it ends: a stack may follow that.
type lastLines struct {
	limit int

	mu      sync.Mutex
	kept    string // whole lines
	partial string // the line that is still growing
	first   string // the first line that a Go program ends with
	doing   string // the last step
}

// Write never fails.
func (l *lastLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.partial + string(p)
	for {
		line, rest, whole := strings.Cut(text, "\n")
		if !whole {
			break
		}
		text = rest
		l.take(line)
	}
	l.partial = text[max(0, len(text)-l.limit):]
	return len(p), nil
}

func (l *lastLines) take(line string) {
	if step, ok := strings.CutPrefix(line, stepMark); ok {
		l.doing = step
		return
	}
	if l.first == "" && (strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") || strings.HasPrefix(line, "runtime:")) {
		l.first = line
	}
	l.kept += line + "\n"
	l.kept = l.kept[max(0, len(l.kept)-l.limit):]
}

// step is what the child did last.
func (l *lastLines) step() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.doing
}

// String is the end of what it said.
func (l *lastLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first + "\n" + l.kept + l.partial
}

// why is the line that says why the child ended, "" where none does.
func (l *lastLines) why() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first != "" {
		return l.first
	}
	lines := strings.Split(strings.TrimSpace(l.kept+l.partial), "\n")
	return lines[len(lines)-1]
}
