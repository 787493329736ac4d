// Package policies holds the built-in rules and the libraries that they share, in Rego.
package policies

import "embed"

// Files are the rules (<category>/<rule-id>/rule.rego) and the libraries (lib/*.rego).
//
//go:embed lib/*.rego */*/rule.rego
var Files embed.FS
