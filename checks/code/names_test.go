package code

import (
	"fmt"
	"strings"
	"testing"
)

func TestNamesSelect(t *testing.T) {
	n := NewNames([]string{"public.order_items", "users", "categories", "tag", "orders"}, []string{"legacy_name"})
	tests := []struct {
		text string
		want bool
	}{
		{"SELECT 1 FROM order_items", true},
		{"orderItems.find()", true},
		{"type OrderItem struct", true},
		{"ORDER_ITEMS", true},
		{"order items", false},
		{"tableUsersByID", true},
		{"a User's", true},
		{"the user's", false},
		{"user_id", true},
		{"userid", false},
		{"class Category", true},
		{"tag", true},
		{"tags", true},
		{"stage", false},
		{"getTag(1)", true},
		{"ORDER BY a", false},
		{"class Order < ApplicationRecord", true},
		{"order", false},
		{"legacy_name", false},
		{"", false},
	}
	for _, tt := range tests {
		if got := n.in(tt.text); got != tt.want {
			t.Errorf("%q names something: %v, want %v", tt.text, got, tt.want)
		}
		if got, _ := n.scan([]byte(tt.text)); got != tt.want {
			t.Errorf("a file of %q is selected: %v, want %v", tt.text, got, tt.want)
		}
	}
	if (&Names{}).in("users") || NewNames(nil, nil).in("users") {
		t.Error("no names select something")
	}
	if !AllNames().in("") {
		t.Error("all names do not select everything")
	}
}

func TestMentions(t *testing.T) {
	tests := []struct{ name, path, content, want string }{
		{"a field", "a.go", "package a\ntype Customer struct {\n\tLegacyName string\n}", "2 Customer, 3 LegacyName"},
		{"initials", "a.rb", "class Customer\n  LEGACY_NAME = :legacyName\n", "1 Customer, 2 LEGACY_NAME, 2 legacyName"},
		{"a longer name", "a.py", "legacy_name_2 = xlegacy_name", ""},
		{"an object's key, without its table", "a.ts", "db('x').where({ legacy_name: false })", "1 legacy_name"},
		{"a line comment", "a.go", "// legacy_name\n", ""},
		{"a block comment", "a.ts", "/* customers\n legacyName */ legacyName", "2 legacyName"},
		{"a docstring", "a.py", "def f():\n    \"\"\"legacy_name\"\"\"\n", ""},
		{"a comment's mark in a string", "a.js", "f(\"http://\", legacyName)", "1 legacyName"},
		{"twice on a line", "a.js", "legacyName = legacyName", "1 legacyName"},
		{"NUL", "a.js", "\x00legacyName", "1 legacyName"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := &memory{files: map[string]string{tt.path: tt.content}, reads: map[string]int{}}
			var got []string
			for _, mention := range findIn(t, m, NewNames([]string{"customers"}, []string{"legacy_name"})).Mentions {
				got = append(got, fmt.Sprint(mention.Line, " ", mention.Name))
			}
			if strings.Join(got, ", ") != tt.want {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}
