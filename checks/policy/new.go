package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Dir is where a project keeps its own rules.
const Dir = ".pmcheck/policies"

// New writes a rule for a project to begin with, and its tests, which pass, to
// Dir/ID in the project's directory. It gives the paths of the two files, relative
// to the directory, and overwrites nothing.
func New(directory, id string) ([]string, error) {
	if !ruleID.MatchString(id) {
		return nil, fmt.Errorf("rule id %q: use lower-case words joined by hyphens, such as no-enum-types", id)
	}
	if slices.ContainsFunc(builtin(), func(r Rule) bool { return r.ID == id }) {
		return nil, fmt.Errorf("pmcheck has a rule %s already: choose another id, or set its severity in .pmcheck.yml", id)
	}
	folder := filepath.Join(directory, filepath.FromSlash(Dir), id)
	if _, err := os.Lstat(folder); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = fmt.Errorf("%s exists already", folder)
		}
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	var paths []string
	for name, text := range map[string]string{"rule.rego": newRule, "rule_test.rego": newTest} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(strings.ReplaceAll(text, "RULE-ID", id)), 0o644); err != nil {
			return nil, err
		}
		paths = append(paths, Dir+"/"+id+"/"+name)
	}
	slices.Sort(paths)
	return paths, nil
}

const newRule = `# METADATA
# title: A table has no column id
# description: |
#   What the rule objects to, and why: the incident that it would have prevented.
# custom:
#   severity: warning # error | warning | info | off
#   remedy: What to do in general, in one sentence.
#   on: [create_table] # kinds of statements, without one of which the rule is not asked; leave it out to be asked always
#   bad: |
#     CREATE TABLE carts (note text);
#   good: |
#     CREATE TABLE carts (id bigint PRIMARY KEY, note text);
# schemas:
#   - input: schema.facts
package pmcheck.rules["RULE-ID"]

import data.pmcheck.lib.finding

# The input is what ` + "`pmcheck facts`" + ` prints.
findings contains finding.on(statement, message, remedy) if {
	some migration in input.migrations
	migration.status == "added"
	some statement in migration.statements
	statement.kind == "create_table"
	not has_id(statement)
	message := sprintf("table %s has no column id", [statement.relation])
	remedy := sprintf("ALTER TABLE %s ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;", [statement.relation])
}

has_id(statement) if {
	some column in statement.defines
	column.name == "id"
}
`

const newTest = `package pmcheck.rules["RULE-ID_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["RULE-ID"] as rule

test_objects_to_a_table_without_id if {
	carts := fixtures.statement({"kind": "create_table", "relation": "carts", "defines": [{"name": "note"}]})
	some found in rule.findings with input as fixtures.running([carts])
	found.message == "table carts has no column id"
}

test_silent_on_a_table_with_id if {
	carts := fixtures.statement({"kind": "create_table", "relation": "carts", "defines": [{"name": "id"}]})
	count(rule.findings) == 0 with input as fixtures.running([carts])
}
`
