package layout

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// find is one database's folders, as claimed by a framework.
type find struct {
	framework *framework
	root      string
	why       string
	folders   []*folder
}

// finds lets every framework judge every folder, and groups what one framework claims for one root.
func (s *survey) finds() []find {
	var out []find
	at := map[string]int{}
	for _, f := range s.sorted() {
		if !s.chooser.placed() && ignoredBy(f.path) != "" {
			continue
		}
		fw, c := f.judge()
		if fw == nil {
			continue
		}
		root := cmp.Or(c.root, f.path)
		key := fw.name + "\x00" + root
		if i, ok := at[key]; ok {
			out[i].folders = append(out[i].folders, f)
			continue
		}
		at[key] = len(out)
		out = append(out, find{framework: fw, root: root, why: fw.name + ": " + c.why, folders: []*folder{f}})
	}
	return joinShared(out)
}

func (s *survey) sorted() []*folder {
	out := make([]*folder, 0, len(s.folders))
	for _, f := range s.folders {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b *folder) int { return strings.Compare(a.path, b.path) })
	return out
}

// judge returns the framework with the strongest claim.
func (f *folder) judge() (*framework, claim) {
	var (
		best  claim
		owner *framework
	)
	if len(f.sql) == 0 && len(f.nested) == 0 && !f.control("sqitch.plan") || f.isSqitchPart() {
		return nil, best
	}
	if f.shapes == shapeNamed && !f.isHabitual() && !isChangelogFolder(f.path) && !f.control("sqitch.plan") && !f.survey.chooser.placed() {
		return nil, best
	}
	for _, fw := range frameworks() {
		if c := fw.claim(f); c.evidence > best.evidence {
			best, owner = c, fw
		}
	}
	return owner, best
}

// joinShared gives the files of a folder beside engines' folders (common/, shared/) to each of these engines.
func joinShared(finds []find) []find {
	joined := map[int]bool{}
	for i, f := range finds {
		if !sharedNames[strings.ToLower(path.Base(f.root))] {
			continue
		}
		for j := range finds {
			o := &finds[j]
			if o.framework == f.framework && path.Dir(o.root) == path.Dir(f.root) && engineOf(path.Base(o.root)) != "" {
				o.folders = append(o.folders, f.folders...)
				joined[i] = true
			}
		}
	}
	var out []find
	for i, f := range finds {
		if !joined[i] {
			out = append(out, f)
		}
	}
	return out
}

// placedFinds are the finds in a place that a person named. Where no framework claims a folder, or fw is forced, all SQL
// there is taken.
func (s *survey) placedFinds(fw *framework, engine Engine) []find {
	found := s.finds()
	if fw != nil {
		found = slices.DeleteFunc(found, func(f find) bool { return f.framework != fw })
	}
	if engine != "" && len(found) > 1 {
		found = slices.DeleteFunc(found, func(f find) bool {
			e, _ := s.engine(f.root, f.folders)
			return e != "" && e != engine
		})
	}
	if len(found) > 0 {
		return found
	}
	if fw == nil {
		fw = frameworkNamed("plain")
	}
	whole := find{framework: fw, why: fw.name + ": named in the configuration"}
	for _, f := range s.sorted() {
		if len(f.sql) > 0 && !fw.nested || fw.nested && len(f.nested) > 0 {
			whole.folders = append(whole.folders, f)
		}
	}
	if len(whole.folders) == 0 {
		return nil
	}
	whole.root = whole.folders[0].path
	return []find{whole}
}

// listing is the state while one database's files are listed.
type listing struct {
	survey     *survey
	framework  *framework
	config     *Config
	folders    []*folder
	db         *Database
	migrations []Migration
}

// databases lists what was found, and the migrations in other languages.
func (s *survey) databases(cfg *Config, finds []find) ([]Database, error) {
	var out []Database
	for _, f := range finds {
		main := Database{Name: f.root, Root: f.root, Framework: f.framework.name, Why: f.why, Baseline: s.baseline(f.root)}
		for _, db := range s.perEngine(cfg, f, main) {
			l := &listing{survey: s, framework: f.framework, config: cfg, folders: f.folders, db: &db}
			list := f.framework.list
			if list == nil {
				list = (*listing).byName
			}
			if err := list(l); err != nil {
				return nil, err
			}
			if f.framework.adjust != nil {
				if err := f.framework.adjust(l); err != nil {
					return nil, err
				}
			}
			db.Migrations = l.migrations
			if len(db.Migrations) > 0 || len(db.Unread) > 0 || s.chooser.placed() {
				out = append(out, db)
			}
		}
	}
	out = s.withCode(out)
	slices.SortStableFunc(out, func(a, b Database) int { return strings.Compare(a.Root, b.Root) })
	for _, f := range finds {
		for _, folder := range f.folders {
			if s.err == nil {
				s.err = folder.survey.err
			}
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	return out, nil
}

// perEngine gives a database its engine. Where file names tell copies for several engines apart, it returns a database for each; the
// first keeps the root as its name, so that it stays the same when another engine comes.
func (s *survey) perEngine(cfg *Config, f find, db Database) []Database {
	placed := cfg.Engine != "" && len(cfg.Migrations) > 0
	if f.framework.engines != nil && !placed {
		engines := f.framework.engines(f.folders)
		slices.SortFunc(engines, func(a, b Engine) int {
			return cmp.Or(cmp.Compare(a.rank(), b.rank()), strings.Compare(string(a), string(b)))
		})
		var out []Database
		for i, e := range engines {
			db.Engine, db.EngineWhy = e, "files are named for "+string(e)
			if i > 0 {
				db.Name = f.root + ":" + string(e)
			}
			out = append(out, db)
		}
		if len(out) > 0 {
			return out
		}
	}
	db.Engine, db.EngineWhy = s.engine(f.root, f.folders)
	if placed || cfg.Engine != "" && db.Engine == "" {
		db.Engine, db.EngineWhy = cfg.Engine, "named in the configuration"
	}
	return []Database{db}
}

// byName lists files by their names alone.
func (l *listing) byName() error {
	for _, f := range l.folders {
		if !l.framework.nested {
			for _, base := range f.sql {
				l.add(path.Join(f.path, base), base)
			}
			continue
		}
		for _, n := range f.nested {
			for _, base := range f.sub(n).sql {
				l.add(path.Join(f.path, n, base), n+"/"+base)
			}
		}
	}
	l.sort()
	return nil
}

// add takes a file if the framework would.
func (l *listing) add(p, name string) {
	n, ok := l.framework.parse(name)
	if !ok {
		return
	}
	l.migrations = append(l.migrations, l.migration(p, n))
	if l.framework.halves {
		n.direction = Down
		l.migrations = append(l.migrations, l.migration(p, n))
	}
}

// migration makes one migration with the framework's defaults.
func (l *listing) migration(p string, n migrationName) Migration {
	m := Migration{
		Path: p, Version: n.version, Name: n.title, Direction: n.direction,
		Transaction: l.framework.transaction, TransactionWhy: l.framework.transactionWhy,
		framework: l.framework, engine: l.db.Engine, values: l.config.Placeholders,
	}
	if l.config.Transaction != "" {
		m.Transaction, m.TransactionWhy = l.config.Transaction, "named in the configuration"
	} else if m.Transaction == Implicit && m.engine != Postgres && m.engine != "" && m.engine != "cockroach" {
		m.Transaction = Autocommit
		m.TransactionWhy += "; " + string(m.engine) + " has no implicit transaction around several statements"
	}
	return m
}

// byDefault changes a listed migration's transaction, unless the configuration named one.
func (l *listing) byDefault(m *Migration, tx Transaction, why string) {
	if l.config.Transaction == "" {
		m.Transaction, m.TransactionWhy = tx, why
	}
}

// sort orders by version, then name; the way down follows its way up, and repeatable ones come last.
func (l *listing) sort() {
	versions := func(a, b Migration) int {
		if a.Direction == Repeatable || b.Direction == Repeatable {
			return cmp.Compare(rank(a.Direction), rank(b.Direction))
		}
		return l.framework.compare(a.Version, b.Version)
	}
	slices.SortStableFunc(l.migrations, func(a, b Migration) int {
		return cmp.Or(versions(a, b), strings.Compare(a.Version, b.Version), strings.Compare(a.Name, b.Name),
			cmp.Compare(rank(a.Direction), rank(b.Direction)), strings.Compare(a.Path, b.Path))
	})
	// A way down may be called otherwise than its way up: where a version has one of each, up comes first.
	for i := 0; i+1 < len(l.migrations); i++ {
		m := l.migrations[i : i+2]
		if m[0].Direction == Down && m[1].Direction == Up && versions(m[0], m[1]) == 0 &&
			(i == 0 || l.migrations[i-1].Direction != Up || versions(l.migrations[i-1], m[0]) != 0) {
			m[0], m[1] = m[1], m[0]
		}
	}
}

func rank(d Direction) int {
	switch d {
	case Repeatable:
		return 2
	case Down:
		return 1
	}
	return 0
}

// unread reports a file of the database that is not read.
func (l *listing) unread(p, version, format string, args ...any) {
	l.db.Unread = append(l.db.Unread, Unread{Path: p, Framework: l.framework.name, Version: version, Reason: fmt.Sprintf(format, args...)})
}

// unreadCode reports the folder's files in another language.
func (l *listing) unreadCode(extension, language string) {
	for _, f := range l.folders {
		for _, base := range f.code {
			if strings.HasSuffix(base, extension) && !strings.HasSuffix(base, "_test"+extension) {
				l.unread(path.Join(f.path, base), codeVersion(base), "written in %s: seen, not read yet", language)
			}
		}
	}
}

// baselineNames are the usual names of a dump of the whole schema, the surest first.
var baselineNames = []string{"structure.sql", "schema.sql", "dump.sql", "baseline.sql"}

// baseline finds the dump that belongs to a root: in it, beside it, or above the folder of an engine.
func (s *survey) baseline(root string) string {
	var dirs []string
	for dir := range upwards(root) {
		if n := len(dirs); n > 1 && engineOf(path.Base(dirs[n-2])) == "" {
			break
		}
		dirs = append(dirs, dir)
	}
	// A root called animals_migrate has its own animals_structure.sql; the plain names are the main database's.
	prefix := ""
	if name := path.Base(root); strings.HasSuffix(name, "_migrate") {
		prefix = strings.TrimSuffix(name, "migrate")
	}
	for _, dir := range dirs {
		for _, name := range baselineNames {
			if p := path.Join(dir, prefix+name); s.controls[p] {
				return p
			}
		}
	}
	return ""
}

// isDump says whether a file's name is that of a dump, or ends in one.
func isDump(base string) bool {
	return slices.ContainsFunc(baselineNames, func(name string) bool { return strings.HasSuffix(base, name) })
}
