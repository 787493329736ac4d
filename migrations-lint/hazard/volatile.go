package hazard

import (
	_ "embed"
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// volatileNames are the functions in pg_catalog of which every overload is volatile, on
// any version from 14 to 18, a line each; the tests compare the list with the servers.
//
//go:embed volatile.txt
var volatileNames string

// stableNames are all other functions in pg_catalog.
//
//go:embed stable.txt
var stableNames string

var volatileBuiltin, stableBuiltin = nameSet(volatileNames), nameSet(stableNames)

func nameSet(text string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(text) {
		set[name] = true
	}
	return set
}

// valueFunctions are those that SQL calls without parentheses; none is volatile.
var valueFunctions = nameSet(`current_date current_time current_timestamp localtime localtimestamp current_role current_user
	user session_user current_catalog current_schema system_user`)

// stableExtension are functions of the extensions that PostgreSQL ships which are not
// volatile and which a column's default is likely to call.
var stableExtension = nameSet(`uuid_nil uuid_ns_dns uuid_ns_url uuid_ns_oid uuid_ns_x500 uuid_generate_v3 uuid_generate_v5
	crypt digest hmac encrypt decrypt hstore slice akeys avals unaccent similarity soundex metaphone levenshtein`)

// volatileCall is a function that the expression calls for each row anew, "" for none.
// A function that is not known counts as volatile, as the server does by default.
func (p *pricer) volatileCall(e *catalog.Expr) string {
	if e == nil {
		return ""
	}
	for _, f := range e.Functions {
		if p.volatile(f) {
			return f.String() + "()"
		}
	}
	return ""
}

func (p *pricer) volatile(f catalog.Name) bool {
	if f.Schema == "" || f.Schema == "pg_catalog" {
		if volatileBuiltin[f.Name] {
			return true
		}
		if stableBuiltin[f.Name] || valueFunctions[f.Name] {
			return false
		}
	}
	known := p.before.Functions(f)
	for _, found := range known {
		if found.Volatile != "stable" && found.Volatile != "immutable" {
			return found.Extension == "" || !stableExtension[f.Name]
		}
	}
	return len(known) == 0 && !stableExtension[f.Name]
}
