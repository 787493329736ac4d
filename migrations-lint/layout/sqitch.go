package layout

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// Sqitch: sqitch.plan names the changes in order; deploy/{change}.sql is the way up, revert/{change}.sql the way down, verify/ is no migration
// (sqitchers/sqitch lib/App/Sqitch/Plan.pm, _parse; lib/sqitchtutorial.pod). A change that is planned again after a tag is reworked: the script of
// its earlier place is {change}@{tag}.sql, with the first of the tags between that has a file (lib/App/Sqitch/Plan/Change.pm, _path_segments).
//
// psql runs a script statement by statement (lib/App/Sqitch/Engine/pg.pm); the scripts themselves say BEGIN and COMMIT. Its variables come
// from sqitch.conf, [deploy "variables"] (lib/sqitch-configuration.pod, lib/sqitch-deploy.pod), and from \set.
var _ = register(framework{
	name: "sqitch",
	claim: func(f *folder) claim {
		if !f.control("sqitch.plan") {
			return claim{}
		}
		// With top_dir set, the plan that counts lies there.
		if top := f.survey.sqitchConf(f.path)["core.top_dir"]; f.control("sqitch.conf") && path.Clean(top) != "." && f.control(path.Join(top, "sqitch.plan")) {
			return claim{}
		}
		return claim{evidence: byControlFile, why: "holds sqitch.plan"}
	},
	parse:          func(string) (migrationName, bool) { return migrationName{}, false },
	compare:        strings.Compare,
	list:           listSqitch,
	transaction:    Autocommit,
	transactionWhy: "Sqitch gives a script to the database's client, which runs each statement on its own",
	tags:           psqlTags | psqlBareTags,
	script:         sqitchScript,
})

// isSqitchPart says whether the folder holds the scripts of a plan above it.
func (f *folder) isSqitchPart() bool {
	return slices.Contains([]string{"deploy", "revert", "verify", "test"}, f.last()) && f.control("../sqitch.plan")
}

// planned is one change of a plan.
type planned struct {
	name string
	tags []string // that follow it, up to the next change
}

func parsePlan(text string) []planned {
	var plan []planned
	for l := range lines(text) {
		entry, _, _ := strings.Cut(l.text, "#")
		entry = strings.TrimSpace(entry)
		if entry == "" || entry[0] == '%' {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimSpace(strings.TrimLeft(entry, "+-")), " ")
		name, _, _ = strings.Cut(name, "\t")
		if tag, ok := strings.CutPrefix(name, "@"); ok {
			if len(plan) > 0 {
				last := &plan[len(plan)-1]
				last.tags = append(last.tags, tag)
			}
			continue
		}
		if entry[0] != '-' && name != "" {
			plan = append(plan, planned{name: name})
		}
	}
	return plan
}

func listSqitch(l *listing) error {
	for _, f := range l.folders {
		if !f.control("sqitch.plan") {
			continue // named in the configuration, and the plan is not there
		}
		conf := l.survey.sqitchConf(f.path)
		top := f.path
		if dir := conf["core.top_dir"]; dir != "" && l.survey.folders[path.Join(top, "deploy")] == nil {
			top = path.Join(top, dir)
		}
		deploy := path.Join(top, cmp.Or(conf["core.deploy_dir"], "deploy"))
		revert := path.Join(top, cmp.Or(conf["core.revert_dir"], "revert"))
		extension := "." + cmp.Or(conf["core.extension"], "sql")
		vars := values{"registry": "sqitch"}
		for key, value := range conf {
			if name, ok := strings.CutPrefix(key, "variables."); ok {
				vars[name] = value
			}
		}
		for name, value := range l.config.Placeholders {
			vars[name] = value
		}
		plan := parsePlan(string(l.survey.content(path.Join(f.path, "sqitch.plan"))))
		if l.db.Engine == "" {
			l.sqitchEngine(conf["core.engine"], plan, deploy, extension)
		}
		files := l.sqitchFiles(plan, deploy)
		for i, change := range plan {
			file := files[i]
			for _, half := range []struct {
				dir       string
				direction Direction
			}{{deploy, Up}, {revert, Down}} {
				p := path.Join(half.dir, file+extension)
				if !l.survey.hasSQL(p) {
					switch {
					case half.direction == Down:
					case extension != ".sql":
						l.unread(p, file, "scripts with the extension %s are not read", extension)
					default:
						l.unread(p, file, "sqitch.plan names this change, and its script is not there")
					}
					continue
				}
				m := l.migration(p, migrationName{version: file, title: change.name, direction: half.direction})
				m.values = vars
				m.variant.literal = m.engine != Postgres && m.engine != "cockroach" && m.engine != ""
				l.migrations = append(l.migrations, m)
			}
		}
	}
	return nil
}

// sqitchFiles names the script of each change of a plan, without its extension.
func (l *listing) sqitchFiles(plan []planned, deploy string) []string {
	files := make([]string, len(plan))
	next := map[string]int{} // where a name is planned again
	for i := len(plan) - 1; i >= 0; i-- {
		name := plan[i].name
		files[i] = name
		if again, ok := next[name]; ok {
			files[i] = l.reworked(plan[i:again], deploy)
		}
		next[name] = i
	}
	return files
}

// reworked names the script of the first of some changes by the first tag among them that has a file.
func (l *listing) reworked(changes []planned, deploy string) string {
	name, first := changes[0].name, ""
	for _, p := range changes {
		for _, tag := range p.tags {
			file := name + "@" + tag
			first = cmp.Or(first, file)
			if l.survey.hasSQL(path.Join(deploy, file+".sql")) {
				return file
			}
		}
	}
	return cmp.Or(first, name)
}

// hasSQL says whether the survey saw an SQL file.
func (s *survey) hasSQL(p string) bool {
	f := s.folders[path.Dir(p)]
	return f != nil && f.holds(path.Base(p))
}

// holds says whether the folder has an SQL file of a name.
func (f *folder) holds(base string) bool {
	_, ok := slices.BinarySearch(f.sql, base)
	return ok
}

// sqitchEngine takes the engine from the settings, or from the first line that sqitch writes: -- Deploy project:change to pg.
func (l *listing) sqitchEngine(set string, plan []planned, deploy, extension string) {
	if e := engineOf(set); e != "" {
		l.db.Engine, l.db.EngineWhy = e, "sqitch.conf says "+set
		return
	}
	for _, change := range plan {
		p := path.Join(deploy, change.name+extension)
		if !l.survey.hasSQL(p) {
			continue
		}
		first, _, _ := strings.Cut(string(l.survey.content(p)), "\n")
		if _, name, ok := strings.Cut(first, " to "); ok && strings.HasPrefix(first, "--") {
			if e := engineOf(strings.TrimSpace(name)); e != "" {
				l.db.Engine, l.db.EngineWhy = e, p+" says "+string(e)
			}
		}
		return
	}
}

// sqitchConf reads the nearest sqitch.conf: "section.key", and "variables.name" for those of the deploy command.
func (s *survey) sqitchConf(dir string) map[string]string {
	conf := map[string]string{}
	for dir := range upwards(dir) {
		p := path.Join(dir, "sqitch.conf")
		if !s.controls[p] {
			continue
		}
		section := ""
		for line := range lines(string(s.content(p))) {
			text := strings.TrimSpace(line.text)
			if strings.HasPrefix(text, "[") {
				section = strings.Trim(text, "[] ")
				if section == `deploy "variables"` || section == `core "variables"` {
					section = "variables"
				}
				continue
			}
			if key, value, ok := strings.Cut(text, "="); ok && text[0] != '#' && text[0] != ';' {
				conf[section+"."+strings.TrimSpace(key)] = strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
		break
	}
	return conf
}

// sqitchScript takes the values that the script itself gives to variables.
func sqitchScript(b *builder) error {
	cloned := false
	for l := range lines(b.src) {
		fields := strings.Fields(l.text)
		if len(fields) < 3 || fields[0] != `\set` {
			continue
		}
		if !cloned {
			vars := values{}
			for name, value := range b.values {
				vars[name] = value
			}
			b.values, cloned = vars, true
		}
		if value := fields[2]; !strings.ContainsAny(value, ":`") {
			b.values[fields[1]] = strings.Trim(value, "'")
		}
	}
	return nil
}
