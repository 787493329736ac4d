package postgres

import (
	"sort"
	"strings"
)

// quotedText is the text inside a string constant, and for an offset into it the
// offset into the source that the constant stands in. ok is false for constants
// with escapes, whose text the parser decodes.
func quotedText(src string, t token) (text string, at func(int) int, ok bool) {
	raw := src[t.start:t.end]
	switch {
	case strings.HasPrefix(raw, "$"):
		tag := strings.IndexByte(raw[1:], '$') + 2
		return raw[tag : len(raw)-tag], func(i int) int { return t.start + tag + i }, true
	case strings.HasPrefix(raw, "E'"), strings.HasPrefix(raw, "e'"):
		if strings.Contains(raw, `\`) {
			return "", nil, false
		}
		return unquote(raw[2:len(raw)-1], t.start+2)
	case strings.HasPrefix(raw, "'"):
		return unquote(raw[1:len(raw)-1], t.start+1)
	}
	return "", nil, false
}

// unquote takes the doubled quotes out of a constant's inside, which stands at base.
func unquote(raw string, base int) (text string, at func(int) int, ok bool) {
	if !strings.Contains(raw, "''") {
		return raw, func(i int) int { return base + i }, true
	}
	var b strings.Builder
	var pairs []int // offsets into the result behind which the source is one byte ahead
	for {
		i := strings.Index(raw, "''")
		if i < 0 {
			b.WriteString(raw)
			break
		}
		b.WriteString(raw[:i+1])
		pairs = append(pairs, b.Len())
		raw = raw[i+2:]
	}
	return b.String(), func(i int) int {
		return base + i + sort.SearchInts(pairs, i+1)
	}, true
}
