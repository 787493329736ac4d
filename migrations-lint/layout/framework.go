package layout

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// framework is one migration tool. A file of this package declares one and registers it; nothing else names it.
type framework struct {
	name string

	// claim judges whether a folder holds this framework's migrations.
	claim func(f *folder) claim

	// parse reads the name of a file; ok is false for a file that the framework passes over.
	// For frameworks with a folder per migration the name is "FOLDER/FILE".
	parse func(name string) (n migrationName, ok bool)
	// compare orders two versions; equal versions are ordered by file name.
	compare func(a, b string) int
	// halves is true where one file holds both directions.
	halves bool
	// nested is true where each migration is a folder.
	nested bool
	// engines returns the engines that files in the folders are named for, where names tell copies for several engines apart.
	engines func(folders []*folder) []Engine
	// list replaces the listing by parse and compare, for frameworks with a plan or journal.
	list func(l *listing) error
	// adjust may change the migrations once they are listed, from side files.
	adjust func(l *listing) error

	transaction    Transaction
	transactionWhy string

	// script cuts and marks one migration's SQL; nil leaves the file as it is.
	script func(b *builder) error
	// tags are the kinds of placeholders that the framework, or what usually runs before it, replaces.
	tags tagSyntax
}

// migrationName is what a file's name says.
type migrationName struct {
	version, title string
	direction      Direction
}

// evidence says how sure a claim is. The strongest claim on a folder wins.
type evidence int

const (
	noEvidence    evidence = iota
	byHabit                // numbered SQL files in a folder called migrations
	byFolder               // the folder where this framework looks
	byNames                // file names that this framework uses
	byDependency           // names that fit, and the project requires the framework
	byControlFile          // the framework's own lock, plan, journal or configuration lies there
	byDirective            // the framework's directive is in the files
)

// claim is a framework's judgement of a folder.
type claim struct {
	evidence evidence
	why      string // a sentence without its subject: "holds atlas.sum"
	root     string // the database's root, when it is not the folder itself
}

// claimDirective claims a folder if one of its sampled files holds a line.
func (f *folder) claimDirective(line func(string) bool, shown string) claim {
	hits, samples := f.directive(line)
	if hits == 0 {
		return claim{}
	}
	return claim{evidence: byDirective, why: fmt.Sprintf("`%s` stands in %d of the %d files that were read", shown, hits, samples)}
}

var registered []*framework

// register is called from package-level variables, so that a framework's file is all there is to add.
func register(fw framework) *framework {
	registered = append(registered, &fw)
	return &fw
}

// frameworks returns all frameworks sorted by name, so that no outcome depends on the order of files.
var frameworks = sync.OnceValue(func() []*framework {
	sorted := slices.Clone(registered)
	slices.SortFunc(sorted, func(a, b *framework) int { return strings.Compare(a.name, b.name) })
	return sorted
})

func frameworkNamed(name string) *framework {
	name = strings.ToLower(strings.TrimSpace(name))
	switch name {
	case "migrate":
		name = "golang-migrate"
	case "sql", "numbered":
		name = "plain"
	}
	for _, fw := range frameworks() {
		if fw.name == name {
			return fw
		}
	}
	return nil
}

// byNumber compares two runs of digits as numbers of any size.
func byNumber(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// byParts compares versions of numbers between dots or underscores: 1.10 comes after 1.9, and 1.0 equals 1.
func byParts(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a = firstPart(a)
		y, b = firstPart(b)
		if c := byNumber(x, y); c != 0 {
			return c
		}
	}
	return 0
}

func firstPart(s string) (part, rest string) {
	if i := strings.IndexAny(s, "._"); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// digits returns the run of digits that s starts with.
func digits(s string) string {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i]
}

// numbered parses DIGITS SEPARATOR TITLE EXTENSION, as many tools name a file.
func numbered(name, separator, extension string) (n migrationName, ok bool) {
	stem, ok := strings.CutSuffix(name, extension)
	if !ok {
		return n, false
	}
	n.version = digits(stem)
	if n.version == "" {
		return n, false
	}
	n.title, ok = strings.CutPrefix(stem[len(n.version):], separator)
	n.direction = Up
	return n, ok
}
