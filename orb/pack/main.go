// Command pack puts the orb's source tree into one file, as `circleci orb pack` does: every file of commands, jobs, executors
// and examples becomes the element of its name, and <<include(FILE)>> becomes that file's text. It is run in the repository's
// root and writes orb/orb.yml.
//
//	go run ./orb/pack
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

const header = "# The orb in one file, made from orb/src by `go run ./orb/pack`. Edit the source.\n"

func main() {
	packed, err := pack("orb/src")
	if err == nil {
		err = os.WriteFile("orb/orb.yml", packed, 0o666)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// kinds are the folders of elements, in the order in which they are written.
var kinds = []string{"executors", "commands", "jobs", "examples"}

// pack is the orb of a source tree as one YAML document.
func pack(src string) ([]byte, error) {
	orb, err := read(filepath.Join(src, "@orb.yml"))
	if err != nil {
		return nil, err
	}
	for _, kind := range kinds {
		files, err := filepath.Glob(filepath.Join(src, kind, "*.yml")) // sorted
		if err != nil {
			return nil, err
		}
		elements := &yaml.Node{Kind: yaml.MappingNode}
		for _, file := range files {
			element, err := read(file)
			if err != nil {
				return nil, err
			}
			if err := include(src, element); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			elements.Content = append(elements.Content, text(strings.TrimSuffix(filepath.Base(file), ".yml")), element)
		}
		if len(files) > 0 {
			orb.Content = append(orb.Content, text(kind), elements)
		}
	}
	var out bytes.Buffer
	out.WriteString(header)
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(orb); err != nil {
		return nil, err
	}
	return out.Bytes(), encoder.Close()
}

func text(value string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: value} }

func read(file string) (*yaml.Node, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if document.Kind != yaml.DocumentNode || document.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: expected a mapping", file)
	}
	return document.Content[0], nil
}

var included = regexp.MustCompile(`^<<\s*include\(([^)]+)\)\s*>>$`)

// include puts files in the place of the texts that name them. CircleCI would take "<<" in them for its own.
func include(src string, node *yaml.Node) error {
	for _, child := range node.Content {
		if err := include(src, child); err != nil {
			return err
		}
	}
	m := included.FindStringSubmatch(node.Value)
	if node.Kind != yaml.ScalarNode || m == nil {
		return nil
	}
	content, err := os.ReadFile(filepath.Join(src, filepath.FromSlash(m[1])))
	if err != nil {
		return err
	}
	if bytes.Contains(content, []byte("<<")) {
		return fmt.Errorf("%s holds \"<<\", which CircleCI takes for the beginning of an expression: write it in another way", m[1])
	}
	node.Value, node.Style = string(content), yaml.LiteralStyle
	return nil
}
