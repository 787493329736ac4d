package postgres

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden compares every operation of testdata/*.sql, with its place, with
// what a person has approved. A line of the golden file is an operation; what it
// does not show has its zero value.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".sql"), func(t *testing.T) {
			sql, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := dump(string(sql))
			golden := strings.TrimSuffix(file, ".sql") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// dump writes a script's operations for a person to read.
func dump(sql string) string {
	var b strings.Builder
	script := Parse(sql)
	for _, p := range script.Problems {
		fmt.Fprintf(&b, "! %s: %s\n", p.Kind, p.Reason)
	}
	for _, st := range script.Statements {
		fmt.Fprintf(&b, "%s\n", short(sql[st.Start:st.End]))
		for _, p := range st.Problems {
			fmt.Fprintf(&b, "\t! %s: %s @ %s\n", p.Kind, p.Reason, short(sql[p.Offset:min(len(sql), p.Offset+20)]))
		}
		for _, op := range st.Ops {
			fmt.Fprintf(&b, "\t%s %s", op.Kind(), fields(reflect.ValueOf(op.Op)))
			if op.Conditional {
				b.WriteString(" conditional")
			}
			if op.Within != "" {
				b.WriteString(" within " + op.Within)
			}
			if op.Start != st.Start || op.End != st.End {
				fmt.Fprintf(&b, " @ %s", short(sql[op.Start:op.End]))
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 100 {
		text = text[:100] + "..."
	}
	return text
}

// fields writes a value without what is zero.
func fields(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case catalog.Name:
		return x.String()
	case catalog.Type:
		return "<" + x.String() + ">"
	case catalog.ColumnRef:
		return strings.TrimLeft(x.Schema+"."+x.Table+"."+x.Column, ".")
	}
	switch v.Kind() {
	case reflect.Pointer:
		return fields(v.Elem())
	case reflect.String:
		return fmt.Sprintf("%q", v.String())
	case reflect.Slice:
		var items []string
		for i := range v.Len() {
			items = append(items, fields(v.Index(i)))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Struct:
		var items []string
		for i := range v.NumField() {
			f := v.Type().Field(i)
			switch value := v.Field(i); {
			case value.IsZero():
			case f.Anonymous:
				items = append(items, strings.Trim(fields(value), "{}"))
			case value.Kind() == reflect.Bool:
				items = append(items, f.Name)
			default:
				items = append(items, f.Name+": "+fields(value))
			}
		}
		return "{" + strings.Join(items, " ") + "}"
	}
	return fmt.Sprint(v.Interface())
}
