package lint

import (
	"bytes"
	"sort"
)

// lines finds the line and column of offsets in one file.
type lines struct {
	path   string
	size   int
	starts []int
}

func newLines(path string, content []byte) *lines {
	l := &lines{path: path, size: len(content), starts: []int{0}}
	for at := 0; ; {
		next := bytes.IndexByte(content[at:], '\n')
		if next < 0 {
			return l
		}
		at += next + 1
		l.starts = append(l.starts, at)
	}
}

func (l *lines) at(offset int) (line, column int) {
	offset = max(0, min(offset, l.size))
	i := sort.SearchInts(l.starts, offset+1) - 1
	return i + 1, offset - l.starts[i] + 1
}

// place is the place of the bytes from start to end.
func (l *lines) place(start, end int) Place {
	line, column := l.at(start)
	endLine, _ := l.at(max(start, end-1))
	return Place{Path: l.path, Line: line, Column: column, EndLine: endLine}
}
