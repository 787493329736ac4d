package report

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Printable makes text of several lines safe to print on a terminal or in the log of a
// job, whatever repository it comes from; it keeps the lines.
func Printable(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = noCommand(clean(strings.ReplaceAll(line, "\t", "    ")))
	}
	return strings.Join(lines, "\n")
}

// noCommand makes a line safe to print where a runner of GitHub Actions reads the
// output: a line that begins with "::", and one that holds "##[" anywhere, is a command to it.
func noCommand(line string) string {
	line = strings.ReplaceAll(line, "##[", `##\[`)
	if rest := strings.TrimLeft(line, " \t"); strings.HasPrefix(rest, "::") {
		line = line[:len(line)-len(rest)] + `\` + rest
	}
	return line
}

// clean makes text from a repository safe to print: control characters, escape
// sequences, line breaks and marks that change the direction of writing become
// visible escapes, so that a file's name cannot forge a line of the report.
func clean(s string) string {
	safe := true
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] >= 0x7f {
			safe = false
			break
		}
	}
	if safe {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			fmt.Fprintf(&b, `\x%02x`, r)
		case directional(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// directional are the marks of Unicode's bidirectional algorithm, the line and
// paragraph separators, and the characters without width.
func directional(r rune) bool {
	return r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2060 && r <= 0x2069 || r == 0xfeff
}
