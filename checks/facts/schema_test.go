package facts_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/checks/facts"
)

var update = flag.Bool("update", false, "write schema.json anew")

func TestSchemaIsUpToDate(t *testing.T) {
	want := generate(t)
	if *update {
		if err := os.WriteFile("schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(facts.Schema(), want) {
		t.Error("schema.json does not follow from the structs: run go test ./checks/facts -update")
	}
}

// A member without a type would make any misspelling below it compile.
func TestSchemaTypesEveryMember(t *testing.T) {
	var document struct {
		Definitions map[string]struct {
			Properties map[string]map[string]any `json:"properties"`
			Required   []string                  `json:"required"`
		} `json:"definitions"`
	}
	if err := json.Unmarshal(facts.Schema(), &document); err != nil {
		t.Fatal(err)
	}
	for name, definition := range document.Definitions {
		if len(definition.Properties) == 0 {
			t.Errorf("%s has no members", name)
		}
		for member, is := range definition.Properties {
			if is["type"] == nil && is["$ref"] == nil && is["allOf"] == nil {
				t.Errorf("%s.%s has no type", name, member)
			}
		}
		for _, member := range definition.Required {
			if definition.Properties[member] == nil {
				t.Errorf("%s.%s is required and not described", name, member)
			}
		}
	}
	for _, name := range []string{"Facts", "Statement", "Place", "Break", "ActionItem"} {
		if _, ok := document.Definitions[name]; !ok {
			t.Errorf("%s is not in the schema", name)
		}
	}
}

func generate(t *testing.T) []byte {
	t.Helper()
	comments := commentsOf(t, "facts.go", "pipeline.go")
	definitions := map[string]any{}
	define(t, reflect.TypeFor[facts.Facts](), definitions, comments)
	out, err := json.MarshalIndent(map[string]any{
		"$schema":     "http://json-schema.org/draft-07/schema#",
		"title":       fmt.Sprintf("pmcheck facts, version %d", facts.Version),
		"description": "The input of every rule.",
		"$ref":        "#/definitions/Facts",
		"definitions": definitions,
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

// define puts a struct, and the structs that it holds, in definitions.
func define(t *testing.T, typ reflect.Type, definitions map[string]any, comments map[string]string) {
	t.Helper()
	if _, done := definitions[typ.Name()]; done {
		return
	}
	definition := map[string]any{"type": "object"}
	definitions[typ.Name()] = definition
	if text := comments[typ.Name()]; text != "" {
		definition["description"] = text
	}
	properties, required := map[string]any{}, []string{}
	for i := range typ.NumField() {
		field := typ.Field(i)
		key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if key == "" || key == "-" {
			t.Fatalf("%s.%s has no JSON name", typ.Name(), field.Name)
		}
		property := schemaOf(t, field.Type, definitions, comments)
		if text := comments[typ.Name()+"."+field.Name]; text != "" {
			if ref, ok := property["$ref"]; ok { // draft 7 ignores what stands beside $ref
				property = map[string]any{"allOf": []any{map[string]any{"$ref": ref}}}
			}
			property["description"] = text
		}
		properties[key] = property
		if options != "omitempty" {
			required = append(required, key)
		}
	}
	definition["properties"], definition["required"] = properties, required
}

func schemaOf(t *testing.T, typ reflect.Type, definitions map[string]any, comments map[string]string) map[string]any {
	t.Helper()
	switch typ.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Pointer:
		return schemaOf(t, typ.Elem(), definitions, comments)
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t, typ.Elem(), definitions, comments)}
	case reflect.Map:
		values := map[string]any{}
		if typ.Elem().Kind() != reflect.Interface {
			values = schemaOf(t, typ.Elem(), definitions, comments)
		}
		return map[string]any{"type": "object", "additionalProperties": values}
	case reflect.Struct:
		define(t, typ, definitions, comments)
		return map[string]any{"$ref": "#/definitions/" + typ.Name()}
	}
	t.Fatalf("no JSON Schema for Go type %s", typ)
	return nil
}

// commentsOf reads what Go files say of their types ("Type") and their fields ("Type.Field").
func commentsOf(t *testing.T, paths ...string) map[string]string {
	t.Helper()
	var declarations []ast.Decl
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		declarations = append(declarations, file.Decls...)
	}
	comments := map[string]string{}
	for _, declaration := range declarations {
		general, ok := declaration.(*ast.GenDecl)
		if !ok || general.Tok != token.TYPE {
			continue
		}
		for _, spec := range general.Specs {
			named := spec.(*ast.TypeSpec)
			comments[named.Name.Name] = strings.Join(strings.Fields(general.Doc.Text()), " ")
			fields, ok := named.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, field := range fields.Fields.List {
				for _, name := range field.Names {
					comments[named.Name.Name+"."+name.Name] = strings.TrimSpace(field.Comment.Text())
				}
			}
		}
	}
	return comments
}
