package code

import (
	"bytes"
	"cmp"
	"path"
	"regexp"
	"strings"
)

// prismaSchema reads Prisma's schema files: prisma.io/docs/orm/reference/prisma-schema-reference.
// A schema may be several files of a folder.
type prismaSchema struct{}

func (prismaSchema) name() string { return "prisma" }

func (prismaSchema) reads(name string) bool { return path.Ext(name) == ".prisma" }

func (prismaSchema) may(content []byte) bool {
	return bytes.Contains(content, []byte("model ")) || bytes.Contains(content, []byte("view "))
}

func (prismaSchema) group(name string) string { return path.Dir(name) }

// prismaBlock is a model, view or enum.
type prismaBlock struct {
	kind, name string
	line, end  int
	fields     []prismaField
	attributes string // of the block
}

type prismaField struct {
	name, kind string // kind without ? and []
	list       bool
	attributes string
	line       int
}

// prismaTypes are the names that a schema declares and that fields have as their types.
type prismaTypes struct {
	tables map[string]bool        // models and views
	enums  map[string]prismaBlock // by name
}

func newPrismaTypes() prismaTypes {
	return prismaTypes{tables: map[string]bool{}, enums: map[string]prismaBlock{}}
}

// add notes a block of any file of the schema.
func (t prismaTypes) add(b prismaBlock) {
	switch b.kind {
	case "model", "view":
		t.tables[b.name] = true
	case "enum":
		t.enums[b.name] = b
	}
}

var (
	prismaHead      = regexp.MustCompile(`^\s*(model|view|enum|type|datasource|generator)\s+(\w+)\s*\{`)
	prismaLine      = regexp.MustCompile(`^\s*(\w+)\s+(\w+(?:\("[^"]*"\))?)\s*(\[\])?\??\s*(.*)$`)
	prismaLabel     = regexp.MustCompile(`^\s*(\w+)\s*(.*)$`)
	prismaProvider  = regexp.MustCompile(`^\s*provider\s*=\s*"(\w+)"`)
	prismaGenerated = regexp.MustCompile(`@default\(\s*(?:autoincrement|dbgenerated|sequence)\b`)
)

func (prismaSchema) extract(files []*file, s *sink) {
	blocks, types, provider := prismaFiles(files, s)
	if !prismaPostgres(provider) {
		return
	}
	for i, f := range files {
		for _, b := range blocks[i] {
			if b.kind == "model" || b.kind == "view" {
				b.model(types).hand(f, s)
			}
		}
	}
}

// prismaFiles reads schema files. The types and the provider are also those of the files
// beside them, which name nothing of the delta.
func prismaFiles(files []*file, s *sink) (blocks [][]prismaBlock, types prismaTypes, provider string) {
	types = newPrismaTypes()
	read := func(content []byte) []prismaBlock {
		blocks, own := prismaBlocks(string(content))
		for _, b := range blocks {
			types.add(b)
		}
		provider = cmp.Or(own, provider)
		return blocks
	}
	known := map[string]bool{}
	for _, f := range files {
		known[f.path] = true
		blocks = append(blocks, read(f.content))
	}
	for _, f := range files {
		for _, sibling := range s.list(path.Dir(f.path)) {
			if path.Ext(sibling) == ".prisma" && !known[sibling] {
				known[sibling] = true
				read(s.file(sibling))
			}
		}
	}
	return blocks, types, provider
}

// prismaPostgres tells that a datasource's provider is PostgreSQL, or is not known.
func prismaPostgres(provider string) bool {
	return provider == "" || provider == "postgresql" || provider == "postgres" || provider == "cockroachdb"
}

// prismaBlocks reads a schema file. provider is its datasource's, "" = it has none.
func prismaBlocks(text string) (blocks []prismaBlock, provider string) {
	var open *prismaBlock
	for i, line := range strings.Split(text, "\n") {
		line = withoutPrismaComment(line)
		if open == nil {
			if m := prismaHead.FindStringSubmatch(line); m != nil {
				open = &prismaBlock{kind: m[1], name: m[2], line: i + 1}
				line = line[len(m[0]):]
			} else {
				continue
			}
		}
		trimmed := strings.TrimSpace(line)
		if closed := strings.HasPrefix(trimmed, "}"); closed {
			open.end = i + 1
			blocks = append(blocks, *open)
			open = nil
			continue
		}
		if strings.HasPrefix(trimmed, "@@") {
			open.attributes += trimmed + "\n"
			continue
		}
		if open.kind == "datasource" {
			if m := prismaProvider.FindStringSubmatch(line); m != nil {
				provider = m[1]
			}
			continue
		}
		if open.kind == "enum" {
			if m := prismaLabel.FindStringSubmatch(line); m != nil {
				open.fields = append(open.fields, prismaField{name: m[1], attributes: m[2], line: i + 1})
			}
			continue
		}
		if m := prismaLine.FindStringSubmatch(line); m != nil {
			open.fields = append(open.fields, prismaField{name: m[1], kind: m[2], list: m[3] != "", attributes: m[4], line: i + 1})
		}
	}
	return blocks, provider
}

// withoutPrismaComment cuts a line at // outside of a string.
func withoutPrismaComment(line string) string {
	in := false
	for i := 0; i+1 < len(line); i++ {
		switch {
		case in && line[i] == '\\':
			i++
		case line[i] == '"':
			in = !in
		case !in && line[i] == '/' && line[i+1] == '/':
			return line[:i]
		}
	}
	return line
}

// model is what the client sends for a block.
func (b prismaBlock) model(types prismaTypes) model {
	m := model{name: b.name, table: b.mapped(), line: b.line, endLine: b.end, column: 1, readOnly: b.kind == "view"}
	m.schema = prismaArgument(b.attributes, "@@schema")
	if strings.Contains(b.attributes, "@@ignore") {
		return model{}
	}
	for _, f := range b.fields {
		if !types.stored(f) {
			continue
		}
		c := modelColumn{name: f.mapped(), line: f.line, omitted: prismaGenerated.MatchString(f.attributes)}
		if enum, ok := types.enums[f.kind]; ok {
			c.cast = enum.typeName()
			if f.list {
				c.cast += "[]"
			}
		}
		m.columns = append(m.columns, c)
	}
	return m
}

// stored tells that a field is a column that the client sends: no relation, and nothing that it leaves out.
func (t prismaTypes) stored(f prismaField) bool {
	return !t.tables[f.kind] && !strings.Contains(f.attributes, "@relation") && !strings.HasPrefix(f.kind, "Unsupported") && !strings.Contains(f.attributes, "@ignore")
}

// mapped is the name of a model's table, or of an enum's type.
func (b prismaBlock) mapped() string {
	if name := prismaArgument(b.attributes, "@@map"); name != "" {
		return name
	}
	return b.name
}

// typeName is an enum's type as the client writes it into its casts.
func (b prismaBlock) typeName() string {
	if schema := prismaArgument(b.attributes, "@@schema"); schema != "" {
		return quotedName(schema) + "." + quotedName(b.mapped())
	}
	return quotedName(b.mapped())
}

// mapped is the name of a field's column, or an enum's label.
func (f prismaField) mapped() string {
	if name := prismaArgument(" "+f.attributes, "@map"); name != "" {
		return name
	}
	return f.name
}

// prismaArgument is the name in @map("name") or @@map(name: "name"), "" without it.
func prismaArgument(attributes, attribute string) string {
	for rest := attributes; ; {
		i := strings.Index(rest, attribute+"(")
		if i < 0 {
			return ""
		}
		own := i == 0 || rest[i-1] != '@'
		rest = rest[i+len(attribute)+1:]
		if !own {
			continue
		}
		_, name, found := strings.Cut(rest, `"`)
		if !found {
			return ""
		}
		name, _, _ = strings.Cut(name, `"`)
		return name
	}
}
