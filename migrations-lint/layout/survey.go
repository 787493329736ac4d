package layout

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// survey is what one walk over the paths of a tree keeps: folders that may hold migrations, and the control files
// (manifests, locks, plans, side files, dumps) of the whole tree. Contents are read later, and few.
type survey struct {
	tree     Tree
	chooser  chooser
	folders  map[string]*folder
	controls map[string]bool
	byBase   map[string][]string // control files by base name
	topmost  map[string][]string // a few control files of a base name
	contents map[string][]byte
	modules  map[string]map[string]bool // what each go.mod requires
	err      error                      // the first failed read
}

// folder is one folder with files that may be migrations.
type folder struct {
	survey *survey
	path   string   // "." for the top of the tree
	sql    []string // base names of SQL files, in the tree's order
	code   []string // base names of files that look like migrations in another language
	nested []string // base names of sub-folders that hold up.sql, down.sql or migration.sql
	shapes shape
	heads  [][]byte // the beginnings of a few files, once read
	read   bool
	signs  map[string]bool // which words the first files in another language hold, once looked for
}

// shape is what the names of a folder's SQL files look like.
type shape uint8

const (
	shapeNumbered  shape = 1 << iota // starts with a digit
	shapeUpDown                      // holds .up. or .down.
	shapeVersioned                   // V1__x, R__x, U1__x, B1__x
	shapeNested                      // has sub-folders with up.sql or migration.sql
	shapeNamed                       // any other name
)

// maxHead is how much of a file is searched for directives and signs of an engine.
const maxHead = 64 << 10

func newSurvey(tree Tree, paths []string, chooser chooser) *survey {
	s := &survey{
		tree: tree, chooser: chooser,
		folders:  map[string]*folder{},
		controls: map[string]bool{},
		byBase:   map[string][]string{},
		topmost:  map[string][]string{},
		contents: map[string][]byte{},
		modules:  map[string]map[string]bool{},
	}
	_, all := chooser.(everyPath)
	last := &folder{path: "\x00"}
	for _, p := range paths {
		slash := strings.LastIndexByte(p, '/')
		base := p[slash+1:]
		kind := classify(p, base)
		if kind == otherFile {
			continue
		}
		if kind == controlFile {
			s.controls[p] = true
			s.byBase[base] = append(s.byBase[base], p)
			if base == "sqitch.plan" && chooser.chooses(p) {
				s.folder(path.Dir(p))
			}
			continue
		}
		if kind == sqlFile && isDump(base) {
			s.controls[p] = true
		}
		if !all && !chooser.chooses(p) || path.Clean(p) != p {
			continue // git holds clean paths only
		}
		dir := "."
		switch {
		case slash > 0:
			dir = p[:slash]
		case slash == 0:
			dir = "/"
		}
		if last.path != dir {
			last = s.folder(dir)
		}
		if kind == codeFile {
			last.code = append(last.code, base)
			continue
		}
		last.sql = append(last.sql, base)
		last.shapes |= shapeOf(base)
		if base == "up.sql" || base == "down.sql" || base == "migration.sql" {
			parent := s.folder(path.Dir(dir))
			parent.shapes |= shapeNested
			if name := path.Base(dir); dir != "." && (len(parent.nested) == 0 || parent.nested[len(parent.nested)-1] != name) {
				parent.nested = append(parent.nested, name)
			}
		}
	}
	return s
}

func (s *survey) folder(dir string) *folder {
	f := s.folders[dir]
	if f == nil {
		f = &folder{survey: s, path: dir}
		s.folders[dir] = f
	}
	return f
}

type fileKind uint8

const (
	otherFile fileKind = iota
	sqlFile
	codeFile
	controlFile
)

// classify runs once for each path of a tree, so it looks at few bytes and allocates nothing.
func classify(p, base string) fileKind {
	if len(base) < 4 {
		return otherFile
	}
	if tail := base[len(base)-3:]; tail == "sql" || tail == "SQL" {
		if dot := strings.LastIndexByte(base, '.'); dot <= 0 {
			return otherFile
		}
		return sqlFile
	}
	switch base {
	case "go.mod", "Cargo.toml", "package.json", "pom.xml", "build.gradle", "build.gradle.kts",
		"atlas.sum", "sqitch.plan", "sqitch.conf", "tern.conf", "dbconfig.yml", "diesel.toml", "metadata.toml",
		"migration_lock.toml", "_journal.json", "snapshot.json", "schema.prisma", "config.toml", "config.yaml", "databases.yaml",
		"flyway.conf", "flyway.toml", "alembic.ini", "env.py", "script.py.mako", "manage.py":
		return controlFile
	}
	if strings.HasSuffix(base, ".sql.conf") {
		return controlFile
	}
	if looksLikeCode(p, base) {
		return codeFile
	}
	return otherFile
}

func shapeOf(base string) shape {
	var sh shape
	switch c := base[0]; {
	case c >= '0' && c <= '9':
		sh = shapeNumbered
	case (c == 'V' || c == 'U' || c == 'B') && base[1] >= '0' && base[1] <= '9' && strings.Contains(base, "__"),
		c == 'R' && strings.HasPrefix(base, "R__"):
		sh = shapeVersioned
	default:
		sh = shapeNamed
	}
	if strings.Contains(base, ".up.") || strings.Contains(base, ".down.") {
		sh |= shapeUpDown
	}
	return sh
}

// last returns the folder's own name.
func (f *folder) last() string { return path.Base(f.path) }

// has says whether all of a set of shapes occur.
func (f *folder) has(sh shape) bool { return f.shapes&sh == sh }

// sub returns the folder of one nested migration.
func (f *folder) sub(name string) *folder { return f.survey.folders[path.Join(f.path, name)] }

// control says whether a control file lies at a path relative to the folder.
func (f *folder) control(rel string) bool { return f.survey.controls[path.Join(f.path, rel)] }

// directive says whether one of the sampled files holds a line that line accepts, and in how many of how many.
func (f *folder) directive(line func(string) bool) (hits, samples int) {
	for _, head := range f.samples() {
		samples++
		for text := range bytes.Lines(head) {
			if line(string(trimLine(text))) {
				hits++
				break
			}
		}
	}
	return hits, samples
}

func trimLine(line []byte) []byte {
	return bytes.TrimRight(bytes.TrimPrefix(line, bom), "\r\n")
}

// samples returns the beginnings of at most three files, no ways down: first, middle, last.
func (f *folder) samples() [][]byte {
	if f.read {
		return f.heads
	}
	f.read = true
	var names []string
	for _, n := range f.sql {
		if (f.shapes&^shapeNamed == 0 || shapeOf(n) != shapeNamed) && !strings.Contains(n, ".down.") {
			names = append(names, n)
		}
	}
	for _, n := range f.nested {
		for _, file := range []string{"up.sql", "migration.sql"} {
			if sub := f.sub(n); sub != nil && sub.holds(file) {
				names = append(names, n+"/"+file)
			}
		}
	}
	if n := len(names); n > 3 {
		names = []string{names[0], names[n/2], names[n-1]}
	}
	for _, name := range names {
		head := f.survey.content(path.Join(f.path, name))
		f.heads = append(f.heads, head[:min(len(head), maxHead)])
	}
	return f.heads
}

// content reads a file once. The first failure is kept, and returned by databases.
func (s *survey) content(p string) []byte {
	if c, ok := s.contents[p]; ok {
		return c
	}
	c, err := s.tree.Read(p)
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("read %s: %w", p, err)
	}
	s.contents[p] = c
	return c
}

// manifests returns the paths of the named manifest in the folder and above it, nearest first. If there is none, it returns
// those elsewhere in the tree: a repository of several modules may keep migrations outside of all of them.
func (f *folder) manifests(base string) []string {
	var out []string
	for dir := range upwards(f.path) {
		if p := path.Join(dir, base); f.survey.controls[p] {
			out = append(out, p)
		}
	}
	if len(out) > 0 {
		return out
	}
	return f.survey.elsewhere(base)
}

// elsewhere returns a few manifests of the tree, the topmost first.
func (s *survey) elsewhere(base string) []string {
	if found, ok := s.topmost[base]; ok {
		return found
	}
	const enough = 20
	found := slices.DeleteFunc(slices.Clone(s.byBase[base]), func(p string) bool { return ignoredBy(p) != "" })
	slices.SortStableFunc(found, func(a, b string) int { return cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")) })
	s.topmost[base] = found[:min(len(found), enough)]
	return s.topmost[base]
}

// goModule says whether the Go code around the folder requires a module, of any major version, directly.
func (f *folder) goModule(module string) bool {
	for _, p := range f.manifests("go.mod") {
		if f.survey.direct(p)[module] {
			return true
		}
	}
	return false
}

// direct returns the modules that a go.mod requires for itself, without the suffix of a major version.
func (s *survey) direct(p string) map[string]bool {
	if modules, ok := s.modules[p]; ok {
		return modules
	}
	modules := map[string]bool{}
	for line := range strings.Lines(string(s.content(p))) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require"))
		if len(fields) < 2 || strings.Contains(line, "// indirect") {
			continue
		}
		module := fields[0]
		if i := strings.LastIndex(module, "/v"); i > 0 && digits(module[i+2:]) == module[i+2:] {
			module = module[:i]
		}
		modules[module] = true
	}
	s.modules[p] = modules
	return modules
}

// crate says whether the Rust code around the folder depends on a crate.
func (f *folder) crate(name string) bool {
	for _, p := range f.manifests("Cargo.toml") {
		for line := range strings.Lines(string(f.survey.content(p))) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "dependencies."+name+"]") {
				return true
			}
			if rest, ok := strings.CutPrefix(line, name); ok && (strings.HasPrefix(strings.TrimSpace(rest), "=") || strings.HasPrefix(rest, ".")) {
				return true
			}
		}
	}
	return false
}

// npmVersion returns the version range of an npm package that the nearest package.json around the folder asks for.
func (f *folder) npmVersion(name string) (version string, ok bool) {
	quoted := `"` + name + `"`
	for _, p := range f.manifests("package.json") {
		for line := range strings.Lines(string(f.survey.content(p))) {
			rest, found := strings.CutPrefix(strings.TrimSpace(line), quoted)
			if !found {
				continue
			}
			rest = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(rest), ":"))
			if strings.HasPrefix(rest, `"`) {
				version, _, _ = strings.Cut(rest[1:], `"`)
				return version, true
			}
		}
	}
	return "", false
}

// atLeast says whether an npm version range starts at major.minor or later. A range without a number counts as new.
func atLeast(version string, major, minor string) bool {
	i := strings.IndexAny(version, "0123456789")
	if i < 0 {
		return true
	}
	gotMajor := digits(version[i:])
	rest := strings.TrimPrefix(version[i+len(gotMajor):], ".")
	gotMinor := digits(rest)
	if gotMinor == "" && byNumber(gotMajor, major) == 0 {
		return true
	}
	return cmp.Or(byNumber(gotMajor, major), byNumber(gotMinor, minor)) >= 0
}
