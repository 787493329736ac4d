package resolve

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

// builtinsText is what PostgreSQL's own schema pg_catalog holds, one thing a line,
// written by TestBuiltins from servers of all major versions:
//
//	T type category+kind+flags [subtype multirange]    flags: p preferred, o has an order, h can be hashed
//	C from to context                                  i implicit, a assignment, e explicit
//	O operator left right result                       left is - for a prefix operator
//	F function kind+flags+defaults result arguments [in=names] [out=name:type,...]
//	N function                                         one of internal use: not looked into
//	X extension [f:function] [o:operator] ...          what an extension of the server's own defines
//
// A tab and a range of major versions ends a line that not all versions have.
//
//go:embed builtins.txt
var builtinsText string

// builtinType is what the type system knows of a built-in type.
type builtinType struct {
	category                   byte // of pg_type.typcategory
	kind                       byte // of pg_type.typtype
	preferred, ordered, hashed bool
	subtype, multirange        string // of a range
}

// operator is a built-in operator.
type operator struct {
	left, right, result typ // left is zero for a prefix operator
	from, to            int // major versions
}

// routine is an overload of a function, built-in or the user's.
type routine struct {
	kind     byte // f function, a aggregate, w window function, p procedure
	set      bool
	defaults int
	result   typ
	args     []typ
	names    []string // of the arguments, where they can be used in a call
	variadic bool     // the last argument is an array of what may be given one by one; or VARIADIC "any"
	out      []column // the columns of its row, where it has OUT arguments
	schema   string   // of the user's, else ""
	unsure   bool     // its arguments are not known
	from, to int
}

type builtinTables struct {
	types     map[string]builtinType
	casts     map[[2]typ]byte
	operators map[string][]operator
	routines  map[string][]*routine
	internal  map[string]bool
	ranges    map[string]string          // by multirange
	extension map[string]map[string]bool // f:function and o:operator by extension
}

// builtins reads builtinsText at its first use.
var builtins = sync.OnceValue(func() *builtinTables {
	b := &builtinTables{types: make(map[string]builtinType, 128), casts: make(map[[2]typ]byte, 256), operators: make(map[string][]operator, 128),
		routines: make(map[string][]*routine, 2048), internal: map[string]bool{}, ranges: map[string]string{}, extension: map[string]map[string]bool{}}
	for rest := builtinsText; rest != ""; {
		line := rest
		if i := strings.IndexByte(rest, '\n'); i >= 0 {
			line, rest = rest[:i], rest[i+1:]
		} else {
			rest = ""
		}
		from, to := 0, 99
		if body, versions, ok := strings.Cut(line, "\t"); ok {
			low, high, _ := strings.Cut(versions, "-")
			from, _ = strconv.Atoi(low)
			to, _ = strconv.Atoi(high)
			line = body
		}
		b.line(strings.Fields(line), from, to)
	}
	return b
})

func (b *builtinTables) line(f []string, from, to int) {
	switch f[0] {
	case "T":
		t := builtinType{category: f[2][0], kind: f[2][1]}
		for _, flag := range f[2][2:] {
			t.preferred = t.preferred || flag == 'p'
			t.ordered = t.ordered || flag == 'o'
			t.hashed = t.hashed || flag == 'h'
		}
		if len(f) > 4 {
			t.subtype, t.multirange = f[3], f[4]
			b.ranges[f[4]] = f[1]
		}
		b.types[f[1]] = t
	case "C":
		b.casts[[2]typ{parseTyp(f[1]), parseTyp(f[2])}] = f[3][0]
	case "O":
		b.operators[f[1]] = append(b.operators[f[1]], operator{left: parseTyp(f[2]), right: parseTyp(f[3]), result: parseTyp(f[4]), from: from, to: to})
	case "F":
		b.routines[f[1]] = append(b.routines[f[1]], parseRoutine(f, from, to))
	case "N":
		b.internal[f[1]] = true
	case "X":
		members := make(map[string]bool, len(f))
		for _, m := range f[2:] {
			members[m] = true
		}
		b.extension[f[1]] = members
	}
}

func parseRoutine(f []string, from, to int) *routine {
	r := &routine{kind: f[2][0], result: parseTyp(f[3]), from: from, to: to}
	flags := f[2][1:]
	if r.set = flags[0] == 's'; r.set {
		flags = flags[1:]
	}
	r.defaults, _ = strconv.Atoi(flags)
	if f[4] != "-" {
		for arg := range strings.SplitSeq(f[4], ",") {
			if element, ok := strings.CutSuffix(arg, "..."); ok {
				arg, r.variadic = element, true
			}
			r.args = append(r.args, parseTyp(arg))
		}
	}
	for _, extra := range f[5:] {
		if names, ok := strings.CutPrefix(extra, "in="); ok {
			r.names = strings.Split(names, ",")
		}
		if list, ok := strings.CutPrefix(extra, "out="); ok {
			for col := range strings.SplitSeq(list, ",") {
				name, t, _ := strings.Cut(col, ":")
				r.out = append(r.out, column{name: name, val: known(parseTyp(t))})
			}
		}
	}
	return r
}

func parseTyp(text string) typ {
	if text == "-" {
		return typ{}
	}
	name, array := strings.CutSuffix(text, "[]")
	return typ{name: name, array: array}
}

func builtinFunctionNamed(name string) bool {
	b := builtins()
	return b.routines[name] != nil || b.internal[name]
}
