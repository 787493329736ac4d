package layout

import "path"

// Loose are SQL files that belong to no tool that is known: each is run as one
// query, in the order given.
func Loose(paths []string) Database {
	db := Database{Name: "files", Root: ".", Framework: "plain", Engine: Postgres, Why: "named one by one"}
	for _, p := range paths {
		db.Migrations = append(db.Migrations, Migration{
			Path: p, Name: path.Base(p), Direction: Up, Transaction: Implicit,
			TransactionWhy: "the tool is not known: one that sends a file as one query gets the server's implicit transaction",
			framework:      frameworkNamed("plain"), engine: Postgres,
		})
	}
	return db
}
