package code

import (
	"bytes"
	"path"
	"strings"
)

// ectoSchemas reads Ecto's schemas: hexdocs.pm/ecto/Ecto.Schema.html.
type ectoSchemas struct{}

func (ectoSchemas) name() string { return "ecto" }

func (ectoSchemas) reads(name string) bool { return path.Ext(name) == ".ex" }

func (ectoSchemas) may(content []byte) bool { return bytes.Contains(content, []byte("schema \"")) }

func (ectoSchemas) group(name string) string { return name }

func (ectoSchemas) extract(files []*file, s *sink) {
	for _, f := range files {
		tree, err := elixirGrammar.parse(s.ctx, f.path, f.content)
		if err != nil {
			s.unread(f.path, err.Error())
			continue
		}
		tree.root.walk(func(n *node) bool {
			if c := elixirCall(n); c != nil && c.name == "schema" && c.receiver == nil && len(c.args) == 1 && c.args[0].kind == "string" {
				ectoSchema(n, c).hand(f, s)
				return false
			}
			return true
		})
	}
}

func ectoSchema(n *node, c *call) model {
	m := model{name: bareName(c.args[0]), table: bareName(c.args[0])}
	m.line, m.column = n.file.place(n.start)
	m.endLine, _ = n.file.place(max(n.start, n.end-1))
	key := modelColumn{name: "id", line: m.line, omitted: true}
	for p := n.parent; p != nil; p = p.parent {
		if elixirTitle(p) != "" {
			m.name = elixirTitle(p)
			key.name = ectoPrimaryKey(p, key.name)
			break
		}
	}
	body := n.first("do_block")
	for _, item := range body.items() {
		field := elixirCall(item)
		if field == nil || len(field.args) == 0 && field.name != "timestamps" {
			continue
		}
		line := lineOf(item)
		column := modelColumn{line: line}
		if len(field.args) > 0 {
			column.name = strings.TrimPrefix(field.args[0].text(), ":")
		}
		option := func(name string) string {
			if v := field.named[name]; v != nil {
				return strings.Trim(v.text(), `:"`)
			}
			return ""
		}
		switch field.name {
		case "field":
			if option("virtual") == "true" {
				continue
			}
			if option("primary_key") == "true" {
				key.name = ""
			}
		case "belongs_to":
			if option("define_field") == "false" {
				continue
			}
			column.name += "_id"
			if own := option("foreign_key"); own != "" {
				column.name = own
			}
		case "embeds_one", "embeds_many":
		case "timestamps":
			for _, stamp := range []string{"inserted_at", "updated_at"} {
				switch own := option(stamp); own {
				case "false":
				case "":
					m.columns = append(m.columns, modelColumn{name: stamp, line: line})
				default:
					m.columns = append(m.columns, modelColumn{name: own, line: line})
				}
			}
			continue
		default:
			continue
		}
		if source := option("source"); source != "" {
			column.name = source
		}
		m.columns = append(m.columns, column)
	}
	if key.name != "" {
		m.columns = append([]modelColumn{key}, m.columns...)
	}
	return m
}

// ectoPrimaryKey is the name that @primary_key gives the key, "" where there is none.
func ectoPrimaryKey(module *node, name string) string {
	module.walk(func(n *node) bool {
		if n.kind != "unary_operator" || !strings.HasPrefix(n.text(), "@primary_key") {
			return true
		}
		switch _, rest, _ := strings.Cut(n.text(), "@primary_key"); {
		case strings.TrimSpace(rest) == "false":
			name = ""
		default:
			if _, rest, ok := strings.Cut(rest, "{:"); ok {
				name, _, _ = strings.Cut(rest, ",")
			}
		}
		return false
	})
	return strings.TrimSpace(name)
}
