package layout

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Liquibase, formatted SQL: a file whose first line is `--liquibase formatted sql`, cut into changesets by `--changeset author:id attributes`; a
// changelog of XML, YAML or JSON includes the files in its order, and includeAll takes them by name (Liquibase documentation, "Formatted
// SQL changelog", "include", "includeAll"). Each changeset runs in a transaction unless it says runInTransaction:false, and its statements are sent
// one by one unless it says splitStatements:false. `--rollback SQL` lines and /* liquibase rollback */ blocks are its way down; changesets go
// back in reverse order. dbms: restricts a changeset to engines. ${name} is a changelog parameter.
var _ = register(framework{
	name: "liquibase",
	claim: func(f *folder) claim {
		c := f.claimDirective(isLiquibaseHeader, "--liquibase formatted sql")
		if c.evidence > 0 {
			c.root = liquibaseRoot(f)
		}
		return c
	},
	parse: func(name string) (migrationName, bool) {
		n, ok := parsePlain(name)
		if !ok {
			n = migrationName{version: strings.TrimSuffix(name, ".sql"), direction: Up}
		}
		n.direction = Up
		return n, strings.HasSuffix(name, ".sql")
	},
	compare:        strings.Compare,
	halves:         true,
	list:           listLiquibase,
	transaction:    InFile,
	transactionWhy: "Liquibase runs each changeset in a transaction",
	tags:           dollarTags | inStrings,
	script:         liquibaseScript,
})

func isLiquibaseHeader(line string) bool {
	rest, ok := strings.CutPrefix(strings.TrimSpace(line), "--")
	return ok && strings.HasPrefix(strings.ToLower(strings.TrimSpace(rest)), "liquibase formatted sql")
}

// listLiquibase orders files as the changelogs name them, and those that no changelog names by path.
func listLiquibase(l *listing) error {
	type file struct {
		folder *folder
		path   string
	}
	var files []file
	for _, f := range l.folders {
		for _, base := range f.sql {
			files = append(files, file{f, path.Join(f.path, base)})
		}
	}
	order := l.survey.changelogOrder(l.db.Root)
	at := map[string]int{}
	for _, f := range files {
		at[f.path] = len(order.names)
		for _, i := range order.byBase[path.Base(f.path)] {
			if name := order.names[i]; f.path == name || strings.HasSuffix(f.path, "/"+name) {
				at[f.path] = i
				break
			}
		}
	}
	slices.SortStableFunc(files, func(a, b file) int {
		return cmp.Or(cmp.Compare(at[a.path], at[b.path]), strings.Compare(a.path, b.path))
	})
	for _, f := range files {
		l.add(f.path, path.Base(f.path))
	}
	return nil
}

var changelogEntry = regexp.MustCompile(`[\w./-]+\.(?:sql|xml|ya?ml|json)\b`)

// changelogOrder is the SQL files that changelogs name, in their order.
type changelogOrder struct {
	names  []string
	byBase map[string][]int // places in names
}

// changelogOrder reads the changelogs under a root, depth first.
func (s *survey) changelogOrder(root string) changelogOrder {
	var logs []string
	for _, f := range s.sorted() {
		if f.path != root && !strings.HasPrefix(f.path, root+"/") {
			continue
		}
		for _, base := range f.code {
			logs = append(logs, path.Join(f.path, base))
		}
	}
	// A master changelog includes the others.
	slices.SortStableFunc(logs, func(a, b string) int {
		if x, y := isMaster(a), isMaster(b); x != y {
			if x {
				return -1
			}
			return 1
		}
		return 0
	})
	order := changelogOrder{byBase: map[string][]int{}}
	seen := map[string]bool{}
	var walk func(log string)
	walk = func(log string) {
		if seen[log] {
			return
		}
		seen[log] = true
		for _, name := range changelogEntry.FindAllString(string(s.content(log)), -1) {
			name = strings.TrimPrefix(path.Clean(name), "/")
			if strings.HasSuffix(name, ".sql") {
				order.byBase[path.Base(name)] = append(order.byBase[path.Base(name)], len(order.names))
				order.names = append(order.names, name)
				continue
			}
			for _, other := range logs {
				if other == name || strings.HasSuffix(other, "/"+name) {
					walk(other)
				}
			}
		}
	}
	for _, log := range logs {
		walk(log)
	}
	return order
}

func isMaster(p string) bool {
	base := path.Base(p)
	return strings.Contains(base, "master") || strings.Contains(base, "root")
}

// changeset is one part of a formatted file.
type changeset struct {
	line       line // its --changeset line
	start, end int  // its SQL
	noTx       bool
	whole      bool   // splitStatements:false
	delimiter  string // endDelimiter, "" for a semicolon
	foreign    bool   // for another engine
	rollback   []Span
}

func liquibaseScript(b *builder) error {
	sets := b.changesets()
	if len(sets) == 0 {
		if b.m.Direction == Down {
			b.absent()
		}
		return nil
	}
	if b.m.Direction == Down {
		b.liquibaseDown(sets)
		return nil
	}
	b.blank(0, sets[0].line.start)
	outside := 0
	for i, set := range sets {
		effect := "a changeset starts"
		if set.noTx {
			effect += ", without a transaction"
			outside++
		}
		if set.foreign {
			effect += ", for another engine"
			b.blank(set.start, set.end)
		}
		b.directive(set.line.start, set.line.text, effect)
		tx := b.m.Transaction
		if set.noTx {
			tx = Autocommit
		}
		if !set.foreign {
			b.cutChangeset(set, tx, i)
		}
	}
	if outside == len(sets) {
		b.transaction(Autocommit, "runInTransaction:false")
	}
	regions := len(b.out.Statements)
	b.after = func() {
		out := &b.out
		spans := out.Statements[:regions:regions]
		out.Statements = nil
		for _, region := range spans {
			if region.Unit >= 0 && sets[region.Unit].whole {
				out.Statements = append(out.Statements, region)
				continue
			}
			for _, st := range statements(out.Text[region.Start:region.End], b.m.engine) {
				out.Statements = append(out.Statements, Span{Start: region.Start + st.start, End: region.Start + st.end,
					Transaction: region.Transaction, Unit: region.Unit})
			}
		}
	}
	return nil
}

// cutChangeset notes the pieces between the changeset's own delimiters; what stands between semicolons is cut later.
func (b *builder) cutChangeset(set changeset, tx Transaction, unit int) {
	if set.delimiter == "" || set.delimiter == ";" {
		b.span(set.start, set.end, tx, unit)
		return
	}
	start := set.start
	for l := range lines(b.src[set.start:set.end]) {
		trimmed := strings.TrimRight(l.text, " \t")
		if !strings.HasSuffix(trimmed, set.delimiter) {
			continue
		}
		end := set.start + l.start + len(trimmed) - len(set.delimiter)
		b.blank(end, end+len(set.delimiter))
		b.span(start, end, tx, unit)
		start = set.start + l.next
	}
	if start < set.end {
		b.span(start, set.end, tx, unit)
	}
}

// liquibaseDown keeps the rollbacks, last changeset first.
func (b *builder) liquibaseDown(sets []changeset) {
	b.blank(0, len(b.text))
	slices.Reverse(sets)
	for i, set := range sets {
		if set.foreign {
			continue
		}
		tx := b.m.Transaction
		if set.noTx {
			tx = Autocommit
		}
		for _, r := range set.rollback {
			copy(b.text[r.Start:r.End], b.src[r.Start:r.End])
			b.directive(r.Start, strings.TrimSpace(b.src[r.Start:r.End]), "a rollback")
			b.span(r.Start, r.End, tx, i)
		}
	}
	b.out.Absent = len(b.out.Statements) == 0
	if !b.out.Absent && !slices.ContainsFunc(b.out.Statements, func(s Span) bool { return s.Transaction != Autocommit }) {
		b.transaction(Autocommit, "runInTransaction:false")
	}
}

// changesets cuts a formatted file.
func (b *builder) changesets() []changeset {
	var sets []changeset
	inBlock := false
	for l := range lines(b.src) {
		text := strings.TrimSpace(l.text)
		if inBlock {
			if before, _, ends := strings.Cut(b.src[l.start:l.end], "*/"); ends {
				inBlock = false
				b.rollback(sets, l.start, l.start+len(before))
			} else {
				b.rollback(sets, l.start, l.end)
			}
			continue
		}
		if rest, ok := strings.CutPrefix(text, "--"); ok {
			word, args, _ := strings.Cut(strings.TrimSpace(rest), " ")
			switch strings.ToLower(word) {
			case "changeset":
				if n := len(sets); n > 0 {
					sets[n-1].end = l.start
				}
				sets = append(sets, b.changesetOf(l, args))
			case "rollback":
				at := l.start + strings.Index(strings.ToLower(b.src[l.start:l.end]), "rollback") + len("rollback")
				b.rollback(sets, at, l.end)
			}
			continue
		}
		if rest, ok := strings.CutPrefix(text, "/*"); ok && strings.HasPrefix(strings.TrimSpace(rest), "liquibase rollback") {
			inBlock = !strings.Contains(text, "*/")
		}
	}
	if n := len(sets); n > 0 {
		sets[n-1].end = len(b.src)
	}
	return sets
}

// rollback gives a stretch of the file to the last changeset's way down.
func (b *builder) rollback(sets []changeset, start, end int) {
	text := strings.TrimSpace(b.src[start:end])
	if len(sets) == 0 || text == "" || strings.EqualFold(text, "empty") || strings.EqualFold(text, "not required") {
		return
	}
	set := &sets[len(sets)-1]
	if n := len(set.rollback); n > 0 && strings.TrimSpace(b.src[set.rollback[n-1].End:start]) == "" {
		set.rollback[n-1].End = end // the next line of a block
		return
	}
	set.rollback = append(set.rollback, Span{Start: start, End: end})
}

func (b *builder) changesetOf(l line, attributes string) changeset {
	set := changeset{line: l, start: l.next}
	for field := range strings.FieldsSeq(attributes) {
		key, value, _ := strings.Cut(field, ":")
		value = strings.Trim(value, `"`)
		switch strings.ToLower(key) {
		case "runintransaction":
			set.noTx = strings.EqualFold(value, "false")
		case "splitstatements":
			set.whole = strings.EqualFold(value, "false")
		case "enddelimiter":
			set.delimiter = strings.TrimPrefix(value, `\n`)
		case "dbms":
			set.foreign = !forEngine(value, b.m.engine)
		}
	}
	return set
}

// forEngine reads dbms:postgresql,h2 or dbms:!mysql.
func forEngine(dbms string, engine Engine) bool {
	if engine == "" {
		return true
	}
	matches := true
	for name := range strings.SplitSeq(dbms, ",") {
		name = strings.TrimSpace(name)
		if not, ok := strings.CutPrefix(name, "!"); ok {
			if engineOf(not) == engine {
				return false
			}
			continue
		}
		if engineOf(name) == engine || name == "all" {
			return true
		}
		matches = false
	}
	return matches
}
