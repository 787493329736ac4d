package layout

import "strings"

// morph: {version}_{name}.up.sql and .down.sql as golang-migrate has them, each in a transaction unless the file begins with
// `-- morph:nontransactional` (mattermost/morph drivers/postgres/postgres.go, nonTransactionalPrefix; models/migration.go).
// Without the transaction the file is sent as one query.
var _ = register(framework{
	name: "morph",
	claim: func(f *folder) claim {
		if f.has(shapeNumbered|shapeUpDown) && f.goModule("github.com/mattermost/morph") {
			return claim{evidence: byDependency, why: "numbered .up.sql and .down.sql files, and go.mod requires morph"}
		}
		return claim{}
	},
	parse:          parseUpDown,
	compare:        byNumber,
	transaction:    InFile,
	transactionWhy: "morph runs each file in a transaction",
	tags:           goTags,
	script: func(b *builder) error {
		const directive = "-- morph:nontransactional"
		if strings.HasPrefix(b.src, directive) {
			b.directive(0, directive, "no transaction")
			b.transaction(Implicit, "morph:nontransactional: the file is sent as one query")
		}
		return nil
	},
})
