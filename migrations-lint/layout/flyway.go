package layout

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Flyway: V{version}__{description}.sql, ordered by version part by part as numbers (1.10 after 1.9, an underscore is a dot);
// R__{description}.sql runs after them whenever it has changed, ordered by description; U{version}__ undoes, and B{version}__ is a
// baseline that only a new database runs, in place of all up to its version (flyway/flyway internal/resource/ResourceNameParser.java,
// api/MigrationVersion.java; Redgate's documentation, "Migrations", "Baseline migrations"). Folders below a location count as well.
//
// Each migration runs in a transaction. The side file X.sql.conf, or flyway.conf and flyway.toml, may say executeInTransaction=false
// (internal/sqlscript/SqlScriptMetadata.java; documentation, "Execute In Transaction Setting"). On PostgreSQL Flyway knows statements that
// cannot run in a transaction: a file of those alone runs without one, and a file that mixes them with others is refused unless
// `mixed` is set (internal/sqlscript/ParserSqlScript.java; PostgreSQLParser.java, detectCanExecuteInTransaction). Statements are sent one by one.
//
// ${name} is replaced everywhere, names do not depend on case (internal/parser/PlaceholderReplacingReader.java);
// placeholderReplacement=false in the side file stops that.
var _ = register(framework{
	name:           "flyway",
	claim:          claimFlyway,
	parse:          parseFlyway,
	compare:        byParts,
	adjust:         adjustFlyway,
	transaction:    InFile,
	transactionWhy: "Flyway runs each migration in a transaction",
	script:         flywayScript,
	tags:           dollarTags | inStrings | lowerNames,
})

func claimFlyway(f *folder) claim {
	if f.shapes&shapeVersioned == 0 {
		return claim{}
	}
	return claim{evidence: byNames, why: "files named V1__description.sql", root: flywayRoot(f.path)}
}

// flywayRoot is the location that Flyway scans: up to the element migration or migrations, and an engine's folder right below.
func flywayRoot(dir string) string {
	elements := strings.Split(dir, "/")
	for i, e := range elements {
		if !isMigrationFolder(e) {
			continue
		}
		end := i + 1
		if end < len(elements) && (engineOf(elements[end]) != "" || sharedNames[strings.ToLower(elements[end])]) {
			end++
		}
		return path.Join(elements[:end]...)
	}
	return dir
}

func parseFlyway(name string) (n migrationName, ok bool) {
	stem := name[:max(0, len(name)-len(".sql"))]
	if !strings.EqualFold(name[len(stem):], ".sql") || stem == "" {
		return n, false
	}
	version, title, _ := strings.Cut(stem[1:], "__")
	n = migrationName{version: version, title: strings.ReplaceAll(title, "_", " ")}
	switch stem[0] {
	case 'V', 'B':
		n.direction = Up
	case 'U':
		n.direction = Down
	case 'R':
		n.direction = Repeatable
		return n, version == ""
	default:
		return n, false
	}
	return n, version != "" && strings.Trim(version, "0123456789._") == "" && digits(version) != ""
}

// flywayConf is what a side file or a configuration file says; nil where it does not speak of it.
type flywayConf struct {
	inTransaction, mixed, replace *bool
	placeholders                  map[string]string
}

func adjustFlyway(l *listing) error {
	global := l.flywayGlobal()
	placeholders := values(global.placeholders).lowered()
	maps.Copy(placeholders, values(l.config.Placeholders).lowered())
	l.dropBaselines()
	for i := range l.migrations {
		m := &l.migrations[i]
		conf := flywayConf{}
		if side := m.Path + ".conf"; l.survey.controls[side] {
			conf = parseFlywayConf(string(l.survey.content(side)), "")
		}
		switch {
		case conf.inTransaction != nil && !*conf.inTransaction:
			m.Transaction, m.TransactionWhy = Autocommit, m.Path+".conf says executeInTransaction=false"
		case conf.inTransaction != nil:
			m.Transaction, m.TransactionWhy = InFile, m.Path+".conf says executeInTransaction=true"
		case global.inTransaction != nil && !*global.inTransaction:
			l.byDefault(m, Autocommit, "Flyway's configuration says executeInTransaction=false")
		default:
			m.variant.standalone = l.config.Transaction == ""
			m.variant.splits = global.mixed != nil && *global.mixed
		}
		m.variant.literal = conf.replace != nil && !*conf.replace || conf.replace == nil && global.replace != nil && !*global.replace
		m.values = placeholders
	}
	for _, extension := range []string{".java", ".kt", ".groovy"} {
		l.unreadCode(extension, "Java or Kotlin")
	}
	return nil
}

// dropBaselines keeps a baseline migration only where the migrations that it replaces are gone.
func (l *listing) dropBaselines() {
	isBaseline := func(m Migration) bool { return path.Base(m.Path)[0] == 'B' }
	last := -1
	for i, m := range l.migrations {
		if isBaseline(m) {
			last = i
		}
	}
	if last < 0 {
		return
	}
	version := l.migrations[last].Version
	replaced := slices.ContainsFunc(l.migrations, func(m Migration) bool {
		return !isBaseline(m) && m.Direction == Up && byParts(m.Version, version) <= 0
	})
	i := -1
	l.migrations = slices.DeleteFunc(l.migrations, func(m Migration) bool {
		i++
		return isBaseline(m) && (replaced || i != last)
	})
}

// flywayGlobal reads flyway.conf and flyway.toml above the migrations.
func (l *listing) flywayGlobal() flywayConf {
	for dir := range upwards(l.folders[0].path) {
		if p := path.Join(dir, "flyway.toml"); l.survey.controls[p] {
			return parseFlywayTOML(l.survey.content(p))
		}
		if p := path.Join(dir, "flyway.conf"); l.survey.controls[p] {
			return parseFlywayConf(string(l.survey.content(p)), "flyway.")
		}
	}
	return flywayConf{}
}

func parseFlywayConf(text, prefix string) flywayConf {
	conf := flywayConf{placeholders: map[string]string{}}
	for l := range lines(text) {
		key, value, ok := strings.Cut(l.text, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		key, ok = strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		yes := strings.EqualFold(value, "true")
		switch key {
		case "executeInTransaction":
			conf.inTransaction = &yes
		case "mixed":
			conf.mixed = &yes
		case "placeholderReplacement":
			conf.replace = &yes
		default:
			if name, ok := strings.CutPrefix(key, "placeholders."); ok {
				conf.placeholders[name] = value
			}
		}
	}
	return conf
}

// parseFlywayTOML ignores a file that is not TOML, as its settings then hold for nobody.
func parseFlywayTOML(content []byte) flywayConf {
	var file struct {
		Flyway struct {
			ExecuteInTransaction   *bool             `toml:"executeInTransaction"`
			Mixed                  *bool             `toml:"mixed"`
			PlaceholderReplacement *bool             `toml:"placeholderReplacement"`
			Placeholders           map[string]string `toml:"placeholders"`
		} `toml:"flyway"`
	}
	if err := toml.Unmarshal(content, &file); err != nil {
		return flywayConf{}
	}
	return flywayConf{inTransaction: file.Flyway.ExecuteInTransaction, mixed: file.Flyway.Mixed, replace: file.Flyway.PlaceholderReplacement,
		placeholders: file.Flyway.Placeholders}
}

// flywayOutside matches the beginnings of statements that Flyway does not run in a transaction on PostgreSQL.
var flywayOutside = regexp.MustCompile(`^((CREATE|DROP) (DATABASE|TABLESPACE|SUBSCRIPTION)|ALTER SYSTEM|(CREATE|DROP)( UNIQUE)? INDEX CONCURRENTLY|` +
	`REINDEX( VERBOSE)? (SCHEMA|DATABASE|SYSTEM)|VACUUM|DISCARD ALL)\b`)

func flywayScript(b *builder) error {
	m := b.m
	if !m.variant.standalone || m.engine != Postgres && m.engine != "" {
		return nil
	}
	b.after = func() {
		outside, inside := 0, 0
		for _, st := range statements(b.out.Text, m.engine) {
			if flywayOutside.MatchString(st.words) {
				outside++
			} else {
				inside++
			}
		}
		switch {
		case outside == 0:
		case inside == 0:
			b.transaction(Autocommit, "Flyway runs a file of statements that cannot run in a transaction without one")
		case m.variant.splits:
			b.transaction(Autocommit, "mixed is set: Flyway runs a file with a statement that cannot run in a transaction without one")
		default:
			b.transaction(InFile, "Flyway refuses a file that mixes statements that can run in a transaction with others that cannot")
		}
	}
	return nil
}
