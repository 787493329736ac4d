package policy

import (
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
)

// allowed names the built-in functions that rules may call. All of them depend on
// their arguments alone, and either their cost follows their arguments' size or
// evaluation can be stopped within them.
var allowed = strings.Fields(`
	eq assign equal neq lt lte gt gte internal.member_2 internal.member_3
	plus minus mul div rem abs ceil floor round numbers.range numbers.range_step
	and or union intersection
	count sum max min sort
	array.concat array.flatten array.reverse array.slice
	object.filter object.get object.keys object.remove object.subset object.union object.union_n
	json.filter json.is_valid json.marshal json.remove json.unmarshal walk graph.reachable
	concat contains endswith format_int indexof indexof_n lower replace split sprintf startswith
	strings.any_prefix_match strings.any_suffix_match strings.count strings.replace_n strings.reverse strings.split_n
	substring trim trim_left trim_prefix trim_right trim_space trim_suffix upper internal.template_string
	regex.find_all_string_submatch_n regex.find_n regex.is_valid regex.match regex.replace regex.split
	glob.match glob.quote_meta semver.compare semver.is_valid units.parse_bytes
	is_array is_boolean is_null is_number is_object is_set is_string type_name to_number
	time.add_date time.clock time.date time.diff time.format time.parse_duration_ns time.parse_ns time.parse_rfc3339_ns time.weekday
	print internal.print
`)

// refused says why a function that a rule might well call is not allowed. A key
// that ends in "." stands for all functions that begin with it.
var refused = map[string]string{
	"http.send":             "rules have no network",
	"net.":                  "rules have no network",
	"providers.":            "rules have no network",
	"json.match_schema":     "a schema may name others on the network",
	"json.verify_schema":    "a schema may name others on the network",
	"opa.runtime":           "rules do not see the environment",
	"time.now_ns":           "rules have no clock: input.now is the time of the check, time.parse_rfc3339_ns(input.now) in nanoseconds",
	"rand.":                 "the same change must give the same findings",
	"uuid.":                 "the same change must give the same findings",
	"graph.reachable_paths": "its cost cannot be bounded",
	"bits.":                 "its cost cannot be bounded",
	"product":               "its cost cannot be bounded",
	"io.jwt.":               "rules need no cryptography",
	"crypto.":               "rules need no cryptography",
	"rego.":                 "rules judge facts, not Rego",
	"trace":                 "use print in tests",
}

// whyRefused is the reason why rules may not call a function, "" when they may.
func whyRefused(name string) string {
	if capabilities().allowed[name] {
		return ""
	}
	if why, ok := refused[name]; ok {
		return why
	}
	for prefix, why := range refused {
		if strings.HasSuffix(prefix, ".") && strings.HasPrefix(name, prefix) {
			return why
		}
	}
	return "it is not on the list of those that rules may call"
}

type capabilitySet struct {
	opa     *ast.Capabilities
	allowed map[string]bool
}

var capabilities = sync.OnceValue(func() capabilitySet {
	set := capabilitySet{
		opa: &ast.Capabilities{
			Features: []string{ast.FeatureRegoV1, ast.FeatureRegoV1Import, ast.FeatureKeywordsInRefs, ast.FeatureTemplateStrings},
			AllowNet: []string{}, // none; nil would be all
		},
		allowed: make(map[string]bool, len(allowed)),
	}
	for _, name := range allowed {
		set.opa.Builtins = append(set.opa.Builtins, ast.BuiltinMap[name])
		set.allowed[name] = true
	}
	return set
})
