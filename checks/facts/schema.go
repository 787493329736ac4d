package facts

import _ "embed"

//go:embed schema.json
var schema []byte

// Schema is the JSON Schema (draft 7, the newest that OPA's type checker reads)
// of [Facts]. It is generated from the structs and their comments; the caller
// must not change it.
func Schema() []byte { return schema }
