package code

import (
	"reflect"
	"testing"
)

// What is kept of a text is what reading it again comes to, wherever it stands.
func TestReadings(t *testing.T) {
	texts := func(line int) [][]piece {
		return [][]piece{
			{{text: "SELECT id\nFROM users\nWHERE id = $1", line: line, column: 3}},
			{{text: "SELECT id\n", line: line}, {hole: "from", line: line + 1}, {text: "\nWHERE id = 1", line: line + 4}},
			{{text: "SELECT id\n", line: line}, {hole: "where", line: line + 1}, {text: "\nWHERE id = 1", line: line + 4}},
			{{text: "SELECT id FROM users WHERE", line: line}},
			{{text: "users", line: line}},
			{{hole: "query", line: line}},
		}
	}
	kept := &readings{}
	kept.ahead(texts(7), func() bool { return false })
	if len(kept.kept) != 4 {
		t.Errorf("%d texts are kept", len(kept.kept))
	}
	for _, line := range []int{7, 1, 300} {
		for _, pieces := range texts(line) {
			if got, want := kept.of(pieces), readPieces(pieces); !reflect.DeepEqual(got, want) {
				t.Errorf("%q in line %d is read as\n%+v, not\n%+v", joined(pieces), line, got, want)
			}
		}
	}
}
