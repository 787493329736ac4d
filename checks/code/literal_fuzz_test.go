package code

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

// fuzzExtractor looks for panics, endless work and places outside of the file.
func fuzzExtractor(f *testing.F, path string, of func() extractor, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		checkExtract(t, of(), path, clean(content))
	})
}

// patience is far above what any text takes, on a machine that does ten other things too.
const patience = time.Minute

func checkExtract(t *testing.T, e extractor, path string, content []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s := testSink(ctx, e, AllNames(), map[string]string{path: string(content)})
	e.extract([]*file{{path: path, content: content}}, s)
	if ctx.Err() != nil {
		t.Errorf("it took longer than %s", patience)
	}
	lines := strings.Count(string(content), "\n") + 1
	for _, q := range s.found.Queries {
		if q.Line < 1 || q.Line > lines || q.EndLine < q.Line || q.EndLine > lines || q.Column < 1 {
			t.Errorf("%q is at %d:%d-%d of %d lines", q.SQL, q.Line, q.Column, q.EndLine, lines)
		}
	}
}

func fuzzLanguage(f *testing.F, l *language, seeds ...string) {
	fuzzExtractor(f, "store"+l.extensions[0], func() extractor { return literals{l} }, seeds...)
}

func FuzzPythonLiterals(f *testing.F) {
	fuzzLanguage(f, pythonLanguage, "for t in ('a', 'b'):\n  x('DELETE FROM %s' % t)", "s = 'SELECT %(a)s' % {'a': s}\ns += f' {s!r:>{s}} {{'", "def f(a=f):\n return f(f'SELECT {a}')\n")
}

func FuzzTypeScriptLiterals(f *testing.F) {
	fuzzLanguage(f, typescriptLanguage, "const a = `SELECT ${a} ${b ? sql`x` : sql``}`; a += a + a;", "for (const t of ['a']) q(`DELETE FROM ${t}`)")
}

func FuzzJavaScriptLiterals(f *testing.F) {
	fuzzLanguage(f, javascriptLanguage, "x = { a: 'SELECT 1' + x.a }; ['SELECT 1', x].join(' ')")
}

func FuzzRubyLiterals(f *testing.F) {
	fuzzLanguage(f, rubyLanguage, "S = <<~A + <<-'B'\n SELECT #{S}\nA\n x\nB\n", "%w[a b].each { |t| x(\"DELETE FROM #{t}\") }", "a = %q(SELECT 1) << a")
}

func FuzzJavaLiterals(f *testing.F) {
	fuzzLanguage(f, javaLanguage, "class A { String s = \"SELECT \" + s; void f() { s.append(\"a\").append(s); String.format(s, \"\"\"\n x\"\"\"); } }")
}

func FuzzKotlinLiterals(f *testing.F) {
	fuzzLanguage(f, kotlinLanguage, "val a = \"SELECT $a ${a + \"b\"}\" + \"\"\"\n |x\"\"\".trimMargin()")
}

func FuzzRustLiterals(f *testing.F) {
	fuzzLanguage(f, rustLanguage, "fn f() { let s = format!(\"SELECT {s} {0} {x}\", s, x = r##\"a\"##); s.push_str(s); query!(\"a\" + \"b\") }")
}

func FuzzPHPLiterals(f *testing.F) {
	fuzzLanguage(f, phpLanguage, "<?php $a = \"SELECT {$a} ${a} $a[0]\" . <<<X\nSELECT $a\nX; $a .= sprintf('%s', $a);")
}

func FuzzCSharpLiterals(f *testing.F) {
	fuzzLanguage(f, csharpLanguage, "class A { string s = $\"SELECT {s:x} {{\" + @\"a\"\"\" + $@\"{s}\"; }")
}

func FuzzElixirLiterals(f *testing.F) {
	fuzzLanguage(f, elixirLanguage, "defmodule A do\n @q \"SELECT #{@q}\" <> ~s(a)\n def f, do: @q <> \"\"\"\n x\n \"\"\"\nend")
}

// What a program may be that nobody would write.
func TestHostileLiterals(t *testing.T) {
	large := strings.Repeat("a", 1<<20)
	texts := map[string]string{
		"nested parentheses": "x = " + strings.Repeat("(", 10_000) + `"SELECT 1"` + strings.Repeat(")", 10_000),
		"a long sum":         `x = "SELECT 1"` + strings.Repeat(` + "a"`, 5_000),
		"a long line":        `x = "SELECT ` + large + `"`,
		"an open string":     `x = "SELECT ` + strings.Repeat("\n\"SELECT", 1_000),
		"not UTF-8":          "x = \"SELECT \xff\x00\xfe\"",
		"names that double":  "a0 = 'SELECT 1'\n" + doubling(40),
		"many alternatives":  "x = 'SELECT 1'\n" + strings.Repeat("if y: x += ' a'\n", 500),
		"many braces":        strings.Repeat("{", 20_000) + `"SELECT 1"`,
	}
	for name, text := range texts {
		for _, l := range []*language{pythonLanguage, typescriptLanguage, rubyLanguage, javaLanguage, kotlinLanguage, rustLanguage, phpLanguage, csharpLanguage, elixirLanguage} {
			t.Run(name+" in "+l.source, func(t *testing.T) {
				checkExtract(t, literals{l}, "store"+l.extensions[0], clean([]byte(text)))
			})
		}
	}
}

// doubling is a program whose n-th variable is twice as long as the one before.
func doubling(n int) string {
	var b strings.Builder
	for i := range n {
		last, next := "a"+string(rune('0'+i/10))+string(rune('0'+i%10)), "a"+string(rune('0'+(i+1)/10))+string(rune('0'+(i+1)%10))
		if i == 0 {
			last = "a0"
		}
		b.WriteString(next + " = " + last + " + " + last + "\n")
	}
	return b.String()
}

func TestEveryLanguageIsListed(t *testing.T) {
	var names []string
	for _, e := range extractors {
		if slices.Contains(names, e.name()) {
			t.Errorf("two extractors are called %q", e.name())
		}
		names = append(names, e.name())
	}
	for _, l := range []*language{pythonLanguage, javascriptLanguage, typescriptLanguage, tsxLanguage, rubyLanguage, javaLanguage, kotlinLanguage, rustLanguage, phpLanguage, csharpLanguage, elixirLanguage} {
		if !slices.Contains(names, l.source) {
			t.Errorf("%s is not read", l.source)
		}
	}
}
