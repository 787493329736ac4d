// Package judge compares what the catalog holds after a script with what a real
// PostgreSQL server holds after the same script.
package judge

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Description is a database's objects by kind and name ("column public.users.id"),
// each with what is compared of it as attributes.
type Description map[string]Attributes

// Attributes are values by name. A value of "?" is one that the catalog does not
// claim to know.
type Attributes map[string]string

const unknown = "?"

// Result is a comparison's outcome.
type Result struct {
	Compared    int      // objects that are on either side
	Unknown     int      // attributes that the catalog does not claim to know
	Differences []string // one line for each object that differs
}

// Compare compares a server's description with a catalog's.
func Compare(server, catalog Description) Result {
	var res Result
	names := slices.Collect(maps.Keys(server))
	for name := range catalog {
		if _, both := server[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	res.Compared = len(names)
	for _, name := range names {
		s, onServer := server[name]
		c, inCatalog := catalog[name]
		switch {
		case !inCatalog:
			res.Differences = append(res.Differences, fmt.Sprintf("%s: only on the server: %s", name, s))
		case !onServer:
			res.Differences = append(res.Differences, fmt.Sprintf("%s: only in the catalog: %s", name, c))
		default:
			var differs []string
			for _, key := range slices.Sorted(maps.Keys(s)) {
				switch {
				case c[key] == unknown:
					res.Unknown++
				case s[key] != c[key]:
					differs = append(differs, fmt.Sprintf("%s is %q on the server, %q in the catalog", key, s[key], c[key]))
				}
			}
			if len(differs) > 0 {
				res.Differences = append(res.Differences, name+": "+strings.Join(differs, "; "))
			}
		}
	}
	return res
}

func (a Attributes) String() string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(a)) {
		if a[key] != "" {
			parts = append(parts, key+"="+a[key])
		}
	}
	return strings.Join(parts, " ")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
