package postgres

import (
	"strings"
)

// metaEffect says what a psql command (manual, psql, Meta-Commands) means for the
// statements around it.
type metaEffect uint8

const (
	metaNothing metaEffect = iota // display and formatting only
	metaSend                      // ends the statement as ";" does
	metaGexec                     // ends the statement and runs its result
	metaRuns                      // does something that a script's text does not show
	metaCopy                      // \copy: a COPY statement
	metaIf
	metaElse
	metaEndif
)

var metaCommands = func() map[string]metaEffect {
	m := map[string]metaEffect{
		"copy": metaCopy, "if": metaIf, "elif": metaElse, "else": metaElse, "endif": metaEndif,
		"gexec": metaGexec,
	}
	for _, name := range strings.Fields("g gx gset gdesc crosstabview watch ; bind bind_named") {
		m[name] = metaSend
	}
	for _, name := range strings.Fields(`restrict unrestrict set unset pset echo qecho warn timing x a t C H f T encoding errverbose prompt
		conninfo h help ? copyright z l p r w s o cd setenv getenv password sf sf+ sv sv+`) {
		m[name] = metaNothing
	}
	return m
}()

// meta handles a psql command.
func (sp *splitter) meta(t token) {
	text := strings.TrimSpace(sp.text(t))
	name := strings.TrimPrefix(text, `\`)
	if i := strings.IndexAny(name, " \t'\"\\"); i >= 0 {
		name = name[:i]
	}
	// \; separates statements that are sent together; SQL may follow on the line.
	if strings.HasPrefix(text, `\;`) {
		sp.finish()
		sp.pos = t.start + 2
		return
	}
	effect, known := metaCommands[name]
	if !known {
		effect = metaRuns
		if strings.HasPrefix(name, "d") || strings.HasPrefix(name, "l") {
			effect = metaNothing // \dt+, \list ...: show the schema
		}
	}
	switch effect {
	case metaSend, metaGexec:
		if effect == metaGexec && sp.open {
			sp.cur.problems = append(sp.cur.problems, Problem{Dynamic, `\gexec runs the rows of this query as statements`, t.start})
		}
		sp.finish()
		return
	case metaIf:
		sp.ifDepth++
	case metaEndif:
		sp.ifDepth = max(0, sp.ifDepth-1)
	case metaCopy:
		if !sp.open {
			sp.begin(t.start)
			sp.cur.end = t.start + len(text)
			sp.cur.blanks = append(sp.cur.blanks, [2]int{t.start, t.start + 1})
			stdin := hasFromStdin(text)
			sp.finish()
			if stdin {
				sp.copyData()
			}
			return
		}
	case metaRuns:
		p := piece{start: t.start, end: t.start + len(text), conditional: sp.ifDepth > 0,
			stop: &Problem{Unsupported, metaReason(name), t.start}}
		if !sp.open {
			sp.pieces = append(sp.pieces, p)
			return
		}
		sp.cur.problems = append(sp.cur.problems, *p.stop)
	}
	// Inside a statement psql takes the command away and goes on reading.
	if sp.open {
		sp.cur.blanks = append(sp.cur.blanks, [2]int{t.start, t.end})
	}
}

// hasFromStdin tells whether the data of a \copy command follow in the script.
func hasFromStdin(text string) bool {
	l := lexer{src: text[1:]}
	previous := token{}
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		if l.is(t, "stdin") && l.is(previous, "from") {
			return true
		}
		previous = t
	}
	return false
}

func metaReason(name string) string {
	switch name {
	case "i", "ir", "include", "include_relative":
		return `psql's \` + name + ` runs another file`
	case "c", "connect":
		return `psql's \` + name + ` goes on in another database`
	case "!":
		return `psql's \! runs a program`
	case "q", "quit":
		return `psql's \` + name + ` ends the script here`
	}
	return `psql's \` + name + ` is not known`
}
