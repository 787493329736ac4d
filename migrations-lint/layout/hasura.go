package layout

import (
	"path"
	"strings"
)

// Hasura: migrations/{database}/{unix milliseconds}_{name}/up.sql and down.sql; before version 3 of the configuration without the database's
// folder (hasura.io docs, "Manage Migrations", "Upgrading to Hasura Migrations Config v3"). Ordered by number. The server runs a migration's
// SQL in one transaction; there is no way out of it (hasura/graphql-engine issue 2939, still open).
var _ = register(framework{
	name:   "hasura",
	nested: true,
	claim: func(f *folder) claim {
		first := f.nestedWith("up.sql")
		if first == "" {
			return claim{}
		}
		for _, dir := range []string{path.Dir(f.path), path.Dir(path.Dir(f.path))} {
			p := path.Join(dir, "config.yaml")
			if f.survey.controls[p] && strings.Contains(string(f.survey.content(p)), "metadata_directory") {
				return claim{evidence: byControlFile, why: "folders with up.sql, and " + p + " is Hasura's"}
			}
		}
		if len(digits(first)) == 13 {
			return claim{evidence: byNames, why: "folders named with milliseconds and a name, with up.sql"}
		}
		return claim{}
	},
	parse:          parseUpDownFolder,
	compare:        byNumber,
	transaction:    InFile,
	transactionWhy: "Hasura runs each migration in a transaction",
})
