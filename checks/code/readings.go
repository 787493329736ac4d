package code

import (
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// readings keeps what texts came to: most are the same in old and new code. A nil one
// keeps nothing. It is safe for concurrent use.
type readings struct {
	mu   sync.Mutex
	kept map[string]text
}

// maxReadings bounds how many texts are kept.
const maxReadings = 50_000

// of is readPieces.
func (r *readings) of(pieces []piece) text {
	if r == nil || len(pieces) == 0 || !startsLikeSQL(pieces[0].text) {
		return readPieces(pieces)
	}
	key, first := readingKey(pieces), pieces[0].line
	r.mu.Lock()
	t, ok := r.kept[key]
	r.mu.Unlock()
	if ok {
		return t.shifted(first)
	}
	t = readPieces(pieces)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept == nil {
		r.kept = map[string]text{}
	}
	if len(r.kept) < maxReadings {
		r.kept[key] = t.shifted(-first)
	}
	return t
}

// readingKey is all that readPieces looks at, with lines as counted from the first.
func readingKey(pieces []piece) string {
	var b strings.Builder
	for _, p := range pieces {
		kind := byte('t')
		if p.hole != "" {
			kind = 'h'
		}
		b.WriteByte(kind)
		b.WriteString(strconv.Itoa(p.line - pieces[0].line))
		b.WriteByte(' ')
		b.WriteString(strconv.Itoa(len(p.text) + len(p.hole)))
		b.WriteByte(' ')
		b.WriteString(p.hole)
		if p.hole == "" {
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// shifted is a text whose lines are so many more.
func (t text) shifted(lines int) text {
	if len(t.lines) > 0 {
		moved := make([]lineMark, len(t.lines))
		for i, m := range t.lines {
			moved[i] = lineMark{m.offset, m.line + lines}
		}
		t.lines = moved
	}
	return t
}

// ahead reads texts in parallel that are asked for one by one soon, until done tells
// that there is no time left.
func (r *readings) ahead(texts [][]piece, done func() bool) {
	if r == nil || len(texts) < 2 {
		return
	}
	var wait sync.WaitGroup
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), len(texts)) {
		wait.Go(func() {
			// What goes wrong here goes wrong again where the text is asked for, and is said there.
			defer func() { _ = recover() }()
			for i := int(next.Add(1)) - 1; i < len(texts) && !done(); i = int(next.Add(1)) - 1 {
				r.of(texts[i])
			}
		})
	}
	wait.Wait()
}
