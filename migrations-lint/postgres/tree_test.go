package postgres

import (
	"strings"
	"testing"
)

// What Accepts takes is what Tree takes.
func TestAccepts(t *testing.T) {
	for sql, want := range map[string]bool{
		"SELECT 1":                     true,
		"SELECT $1; DELETE FROM users": true,
		"":                             false,
		"-- nothing":                   false,
		"SELECT FROM WHERE":            false,
		"SELECT '\x00'":                false,
		"SELECT '\xff'":                false,
		"SELECT " + strings.Repeat("(", 10_000) + "1" + strings.Repeat(")", 10_000): false,
	} {
		if got := Accepts(sql); got != want {
			t.Errorf("Accepts(%.40q) = %v", sql, got)
		}
		if tree, err := Tree(sql); (err == nil && len(tree.Stmts) > 0) != want {
			t.Errorf("Tree(%.40q): %v", sql, err)
		}
	}
}
