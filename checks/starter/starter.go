// Package starter writes the files with which a repository begins to use pmcheck: what was found in it in, files out.
package starter

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Found is what is known of a repository.
type Found struct {
	Repository  string // "owner/name" on its host; "" when the remote does not tell
	Branch      string // the default branch; "" when it is not known
	Paths       []string
	Databases   []Database
	Servers     []Server
	Postmortems string // the folder that holds post-mortem documents; "" for none

	// Redetect tells whether with this configuration the same migrations would be found as without any.
	Redetect func(config []byte) bool
}

// Database is one sequence of migrations.
type Database struct {
	Engine, Framework, Root string
	Migrations, Unread      int // ways up; files that are migrations and are not read
}

// Server is a version of PostgreSQL that a file names.
type Server struct{ Path, Version string }

// File is one to write.
type File struct {
	Path, Content string
	Why           string // what it is for, in a few words
}

// Snippet is text for a file that is there already, and that a person edits.
type Snippet struct {
	Path, Content string
}

// The paths of the files.
const (
	ConfigPath   = ".pmcheck.yml"
	WorkflowPath = ".github/workflows/pmcheck.yml"
	templateName = "template.md"
)

// Files are the files to write, and the snippets to add to others. ref is the version of the action to use: a tag or branch.
func Files(f Found, ref string) ([]File, []Snippet) {
	files := []File{
		{ConfigPath, f.config(), "what was found out, to correct and to complete"},
		{path.Join(f.postmortemFolder(), templateName), template, "to copy for each post-mortem; pmcheck does not read it as one"},
	}
	branch := f.Branch
	if branch == "" {
		branch = "main"
	}
	var snippets []Snippet
	if f.usesActions() {
		files = append(files, File{WorkflowPath, strings.ReplaceAll(workflow, "REF", ref), "judges each pull request"})
	}
	for _, s := range []Snippet{
		{".circleci/config.yml", strings.ReplaceAll(circleci, "BRANCH", branch)},
		{".gitlab-ci.yml", gitlab},
		{".pre-commit-config.yaml", strings.ReplaceAll(preCommit, "REF", ref)},
	} {
		if f.has(s.Path) {
			snippets = append(snippets, s)
		}
	}
	return files, snippets
}

func (f Found) has(file string) bool { return slices.Contains(f.Paths, file) }

// usesActions tells that GitHub Actions runs the repository's checks, or that nothing does yet and GitHub is where it lies.
func (f Found) usesActions() bool {
	for _, file := range f.Paths {
		if workflowFile.MatchString(file) {
			return true
		}
	}
	return f.Repository != "" && !f.has(".circleci/config.yml") && !f.has(".gitlab-ci.yml")
}

var workflowFile = regexp.MustCompile(`^\.github/workflows/[^/]+\.ya?ml$`)

// CI names the systems that run the repository's checks, with their files.
func (f Found) CI() []string {
	var systems []string
	if slices.ContainsFunc(f.Paths, workflowFile.MatchString) {
		systems = append(systems, "GitHub Actions (.github/workflows)")
	}
	for _, known := range [][2]string{{".circleci/config.yml", "CircleCI"}, {".gitlab-ci.yml", "GitLab CI"}, {".pre-commit-config.yaml", "pre-commit"}} {
		if f.has(known[0]) {
			systems = append(systems, known[1]+" ("+known[0]+")")
		}
	}
	return systems
}

func (f Found) postmortemFolder() string {
	if f.Postmortems != "" {
		return f.Postmortems
	}
	return "docs/postmortems"
}

// version is PostgreSQL's version when all files that name one agree; and where it is named, or which there are.
func (f Found) version() (version, where string) {
	var versions, places []string
	for _, s := range f.Servers {
		if !slices.Contains(versions, s.Version) {
			versions = append(versions, s.Version)
		}
		if !slices.Contains(places, s.Path) {
			places = append(places, s.Path)
		}
	}
	const most = 2
	if len(places) > most {
		places = append(places[:most:most], fmt.Sprintf("%d more", len(places)-most))
	}
	where = strings.Join(places, ", ")
	slices.Sort(versions)
	switch n, err := strconv.Atoi(strings.Join(versions, " ")); {
	case len(versions) == 0:
		return "", ""
	case err != nil:
		return "", "the containers have " + strings.Join(versions, " and ") + ": " + where
	case n < 12 || n > 18:
		return "", fmt.Sprintf("the containers have %d, which pmcheck does not know: %s", n, where)
	}
	return versions[0], where
}

// config is the configuration. The databases are written out only where that finds the same migrations as no configuration
// does, so that nothing that was found is lost.
func (f Found) config() string {
	const head = `# What pmcheck init found in this repository. All of it may be left out: what does not stand here is
# found anew at each check. It is read from the base of a change, so an edit holds from the next one on.
version: 1

`
	const tail = `
# migrations-first when a deploy migrates before it starts the new code, code-first when after,
# unordered when both happen at once. It decides which half of the deploy matrix fails the check.
deploy: {order: migrations-first}

# The least severity that fails the check: error, warning or info.
fail_on: error

# Who may let the findings of a rule pass on a pull request, through the GitHub App: those with this
# permission on the repository (write, maintain or admin), and never for these rules.
# overrides: {permission: maintain, never: [truncates]}

# What a rule does not know about this project: ` + "`pmcheck rules`" + ` lists them.
# rules:
#   varchar-limit: {severity: warning}

`
	databases := ""
	for _, files := range []string{"", "/*.sql"} { // the second where folders inside hold other migrations
		for _, withFramework := range []bool{true, false} {
			if databases == "" || !f.Redetect([]byte(head+databases+tail)) {
				databases = f.databases(files, withFramework)
			}
		}
	}
	if databases != "" && !f.Redetect([]byte(head+databases+tail)) {
		databases = "# The databases are found by how their migrations lie.\n"
		if version, where := f.version(); version != "" {
			databases += "# For the version of PostgreSQL (" + clean(where) + ": " + version + ") give each one an entry:\n# databases:\n#   - {name: main, version: \"" + version + "\", migrations: a/folder}\n"
		}
	}
	if databases == "" {
		databases = `# No migrations were found. If there are some, say where:
# databases:
#   - name: main
#     engine: postgres
#     version: "17"
#     migrations: db/migrations
`
	}
	return head + databases + tail + "postmortems: [" + quote(path.Join(f.postmortemFolder(), "*.md")) + "]\n"
}

// databases is the list of databases; files is added to each folder.
func (f Found) databases(files string, withFramework bool) string {
	if len(f.Databases) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("databases:\n")
	version, where := f.version()
	for i, d := range f.Databases {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "  - name: %s\n", quote(f.name(i)))
		if d.Engine != "" {
			fmt.Fprintf(&b, "    engine: %s\n", d.Engine)
		}
		switch {
		case d.Engine != "postgres" && d.Engine != "":
		case version != "":
			fmt.Fprintf(&b, "    version: %q  # %s\n", version, clean(where))
		case where != "":
			fmt.Fprintf(&b, "    # version: \"17\"  # of the server in production; %s\n", clean(where))
		default:
			b.WriteString("    # version: \"17\"  # of the server in production: what a statement locks depends on it\n")
		}
		fmt.Fprintf(&b, "    migrations: %s  # %s\n", quote(d.Root+files), d.count())
		if d.Framework != "" && withFramework {
			fmt.Fprintf(&b, "    framework: %s\n", d.Framework)
		}
		if i == 0 {
			b.WriteString("    # code: [\"internal/**\", \"cmd/**\"]  # the code that uses it; by default all that is no test or example\n")
		}
	}
	return b.String()
}

// name is "main" for the only database; else the folder's name, or its whole path where two have the same.
func (f Found) name(i int) string {
	if len(f.Databases) == 1 {
		return "main"
	}
	short := func(root string) string {
		for {
			base := path.Base(root)
			if !slices.Contains([]string{"migrations", "migration", "migrate", "db", "versions", "sql"}, strings.ToLower(base)) || path.Dir(root) == "." {
				return base
			}
			root = path.Dir(root)
		}
	}
	name := short(f.Databases[i].Root)
	for j, other := range f.Databases {
		if j != i && short(other.Root) == name {
			return f.Databases[i].Root
		}
	}
	return name
}

func (d Database) count() string {
	text := fmt.Sprintf("%d migrations", d.Migrations)
	if d.Migrations == 1 {
		text = "1 migration"
	}
	switch {
	case d.Unread > 0 && d.Migrations == 0:
		text = fmt.Sprintf("%d migrations, none of them in SQL that pmcheck reads", d.Unread)
	case d.Unread > 0:
		text += fmt.Sprintf(", and %d that pmcheck does not read", d.Unread)
	}
	return text
}

// Describe is a database in one line, for people.
func (d Database) Describe() string {
	engine := map[string]string{"": "SQL, taken for PostgreSQL's,", "postgres": "PostgreSQL", "mysql": "MySQL", "sqlite": "SQLite"}[d.Engine]
	if d.Engine == "" && d.Migrations == 0 {
		engine = "migrations"
	}
	return fmt.Sprintf("%s in %s: %s, %s", engine, clean(d.Root), d.Framework, d.count())
}

// quote writes a text as YAML, in double quotes where it is not plain.
func quote(s string) string {
	if regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./-]*$`).MatchString(s) && strings.Trim(s, "0123456789.") != "" {
		return s
	}
	return strconv.Quote(s)
}

// clean is a path for a comment: one line, and nothing that a terminal obeys.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
