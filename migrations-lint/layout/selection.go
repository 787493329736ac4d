package layout

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A chooser says which paths may hold migrations.
type chooser interface {
	chooses(path string) bool
	// placed is true where a person named the place: then habits of naming and the list of passed-over folders do not apply.
	placed() bool
}

type everyPath struct{}

func (everyPath) chooses(string) bool { return true }
func (everyPath) placed() bool        { return false }

// selection is one entry of `migrations:`.
type selection struct {
	pattern  string
	elements []string // of the pattern
	root     string   // the longest leading folder without a wildcard
	glob     bool
}

// selections are all entries of `migrations:`.
type selections []selection

func (all selections) placed() bool { return true }

func (all selections) chooses(p string) bool {
	return slices.ContainsFunc(all, func(sel selection) bool { return sel.chooses(p) })
}

func newSelection(pattern string) selection {
	pattern = path.Clean(strings.TrimPrefix(pattern, "/"))
	sel := selection{pattern: pattern, elements: strings.Split(pattern, "/")}
	sel.root = pattern
	for i, e := range sel.elements {
		if strings.ContainsAny(e, "*?[") {
			sel.glob = true
			sel.root = path.Clean(strings.Join(sel.elements[:i], "/"))
			break
		}
	}
	if strings.HasSuffix(sel.root, ".sql") {
		sel.root = path.Dir(sel.root)
	}
	sel.elements = slices.CompactFunc(sel.elements, func(a, b string) bool { return a == "**" && b == "**" })
	return sel
}

func checkPattern(pattern string) error {
	if strings.TrimSpace(pattern) == "" {
		return fmt.Errorf("`migrations:` has an empty entry: name a folder or a glob")
	}
	if _, err := path.Match(strings.ReplaceAll(pattern, "**", "*"), ""); err != nil {
		return fmt.Errorf("`migrations: %s` is not a glob: %w", pattern, err)
	}
	if clean := path.Clean(pattern); clean == ".." || strings.HasPrefix(clean, "../") {
		return fmt.Errorf("`migrations: %s` lies outside of the repository", pattern)
	}
	return nil
}

func (sel selection) placed() bool { return true }

func (sel selection) chooses(p string) bool {
	if !sel.glob {
		return sel.pattern == "." || p == sel.pattern || strings.HasPrefix(p, sel.pattern) && p[len(sel.pattern)] == '/'
	}
	return matchElements(sel.elements, p)
}

// covers says whether a folder lies in the selection.
func (sel selection) covers(folder string) bool {
	return sel.root == "." || folder == sel.root || strings.HasPrefix(folder, sel.root+"/")
}

// matchElements matches a path, or a folder above it, with a pattern's elements. `**` stands for any number of elements.
func matchElements(elements []string, p string) bool {
	for len(elements) > 0 {
		if elements[0] == "**" {
			rest := elements[1:]
			if len(rest) == 0 {
				return true
			}
			for {
				if matchElements(rest, p) {
					return true
				}
				i := strings.IndexByte(p, '/')
				if i < 0 {
					return false
				}
				p = p[i+1:]
			}
		}
		element, rest, more := strings.Cut(p, "/")
		if ok, err := path.Match(elements[0], element); err != nil || !ok {
			return false
		}
		elements = elements[1:]
		if !more {
			return len(elements) == 0
		}
		p = rest
	}
	return true // the pattern names a folder above this file
}
