package code

import "strings"

// Names is what the search through the code begins with: files and queries that name
// nothing of it cannot matter to the change. Its zero value selects nothing.
type Names struct {
	all  bool
	next []uint16 // state<<8 + byte -> state; from accepting on, a pattern ends
	ends [][]int  // of each state: the patterns that end there

	accepting uint16
	patterns  []pattern
	whole     map[string]string // normalised names that count as a mention -> the name that they spell
}

// pattern is a normalised name, or its singular.
type pattern struct {
	text    string
	selects bool // a file with it is read
	keyword bool // the singular is a key word of SQL, as of orders: only OrderItem and order_id count
}

// NewNames makes Names. The first are relations, types and functions, with or without
// a schema: files that name one, in any usual spelling, are read. The others (columns,
// enum labels) are noted where they are mentioned, and select no file.
func NewNames(relations, others []string) *Names {
	n := &Names{whole: map[string]string{}}
	add := func(p pattern, name string) {
		if p.text == "" || len(p.text) > 100 {
			return
		}
		n.whole[p.text] = name
		for i, q := range n.patterns {
			if q.text == p.text {
				n.patterns[i].selects = q.selects || p.selects
				n.patterns[i].keyword = q.keyword && p.keyword
				return
			}
		}
		n.patterns = append(n.patterns, p)
	}
	for _, name := range relations {
		for i, form := range forms(name) {
			add(pattern{text: form, selects: true, keyword: i > 0 && (before[form] || clauses[form] || keywords[form])}, name)
		}
	}
	for _, name := range others {
		add(pattern{text: normal(name)}, name)
	}
	n.build()
	return n
}

// AllNames selects every file and every query; nothing is a mention.
func AllNames() *Names { return &Names{all: true} }

// keywords are words that code holds everywhere and that tables are named after in the plural.
var keywords = setOf("order group user value table index column key field type row view string event file")

// normal is a name without its spelling: legacy_name, legacyName and "LEGACY_NAME" are one.
func normal(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	return strings.ToLower(strings.ReplaceAll(strings.Trim(name, `"`), "_", ""))
}

// forms are a table's name and its singular or plural: code calls a row of customers a
// Customer, and an ORM the table of a Person people.
func forms(table string) []string {
	n := normal(table)
	list := []string{n}
	for _, irregular := range [][2]string{{"people", "person"}, {"children", "child"}, {"men", "man"}, {"indices", "index"}, {"statuses", "status"}, {"aliases", "alias"}} {
		for i, from := range irregular {
			if strings.HasSuffix(n, from) && !strings.HasSuffix(n, irregular[1-i]) {
				return append(list, strings.TrimSuffix(n, from)+irregular[1-i])
			}
		}
	}
	switch {
	case len(n) < 4:
	case strings.HasSuffix(n, "ies"):
		list = append(list, n[:len(n)-3]+"y")
	case strings.HasSuffix(n, "sses"), strings.HasSuffix(n, "xes"), strings.HasSuffix(n, "ches"), strings.HasSuffix(n, "shes"):
		list = append(list, n[:len(n)-2])
	case strings.HasSuffix(n, "s") && !strings.HasSuffix(n, "ss") && !strings.HasSuffix(n, "us"):
		list = append(list, n[:len(n)-1])
	case strings.HasSuffix(n, "y") && !strings.ContainsAny(n[len(n)-2:len(n)-1], "aeiou"):
		list = append(list, n[:len(n)-1]+"ies")
	}
	return list
}

// classes of bytes: those of names by themselves, "_" which is passed over, the rest.
const (
	other = iota
	underscore
	nonASCII
	firstDigit
	firstLetter = firstDigit + 10
	classes     = firstLetter + 26
)

var classOf = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c == '_':
			t[c] = underscore
		case c >= '0' && c <= '9':
			t[c] = uint8(firstDigit + c - '0')
		case c >= 'a' && c <= 'z':
			t[c] = uint8(firstLetter + c - 'a')
		case c >= 'A' && c <= 'Z':
			t[c] = uint8(firstLetter + c - 'A')
		case c >= 0x80:
			t[c] = nonASCII
		}
	}
	return t
}()

// build makes the automaton of Aho and Corasick over normalised text: every pattern
// is found in one pass, whatever its case and its underscores.
func (n *Names) build() {
	type node struct {
		to   [classes]int
		fail int
		ends []int
	}
	nodes := []node{{}}
	for i, p := range n.patterns {
		at := 0
		for _, c := range []byte(p.text) {
			class := classOf[c]
			if nodes[at].to[class] == 0 {
				if len(nodes) == 1<<16-1 {
					break
				}
				nodes = append(nodes, node{})
				nodes[at].to[class] = len(nodes) - 1
			}
			at = nodes[at].to[class]
		}
		nodes[at].ends = append(nodes[at].ends, i)
	}
	queue := []int{}
	for class := range classes {
		if to := nodes[0].to[class]; to != 0 {
			queue = append(queue, to)
		}
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		nodes[at].ends = append(nodes[at].ends, nodes[nodes[at].fail].ends...)
		for class := range classes {
			to := nodes[at].to[class]
			if to == 0 {
				nodes[at].to[class] = nodes[nodes[at].fail].to[class]
				continue
			}
			nodes[to].fail = nodes[nodes[at].fail].to[class]
			queue = append(queue, to)
		}
	}
	// States in which something ends come last, so that one comparison tells them.
	order := make([]int, 0, len(nodes))
	for _, ending := range []bool{false, true} {
		if ending {
			n.accepting = uint16(len(order))
		}
		for i := range nodes {
			if (len(nodes[i].ends) > 0) == ending {
				order = append(order, i)
			}
		}
	}
	place := make([]uint16, len(nodes))
	for to, from := range order {
		place[from] = uint16(to)
	}
	n.next = make([]uint16, len(nodes)<<8)
	n.ends = make([][]int, len(nodes))
	for i := range nodes {
		row := n.next[int(place[i])<<8:][:256]
		for c := range row {
			switch class := classOf[c]; class {
			case underscore:
				row[c] = place[i]
			case other:
				row[c] = place[0]
			default:
				row[c] = place[nodes[i].to[class]]
			}
		}
		n.ends[place[i]] = nodes[i].ends
	}
}

// in tells that a text names something that selects.
func (n *Names) in(text string) bool {
	if n.all {
		return true
	}
	if len(n.patterns) == 0 {
		return false
	}
	state := uint16(0)
	for i := 0; i < len(text); i++ {
		state = n.next[int(state)<<8|int(text[i])]
		if state >= n.accepting && text[i] != '_' {
			for _, p := range n.ends[state] {
				if n.patterns[p].selects && fits(n.patterns[p], text, i+1) {
					return true
				}
			}
		}
	}
	return false
}

// fits tells that the hit that ends at end is meant: short names must stand alone, or
// where a camel-case word begins; the singular of a key word must not be the key word.
func fits[T string | []byte](p pattern, text T, end int) bool {
	start := end
	for n := len(p.text); n > 0; start-- {
		if text[start-1] != '_' {
			n--
		}
	}
	alone := (start == 0 || !letter(text[start-1])) && (end == len(text) || !letter(text[end]))
	if p.keyword {
		camel := text[start] >= 'A' && text[start] <= 'Z' && text[end-1] >= 'a' && text[end-1] <= 'z'
		return camel || !alone && (start > 0 && text[start-1] == '_' || end < len(text) && text[end] == '_')
	}
	if len(p.text) >= 5 || alone {
		return true
	}
	begins := start == 0 || !letter(text[start-1]) || text[start-1] == '_' || text[start] >= 'A' && text[start] <= 'Z'
	ends := end == len(text) || !letter(text[end]) || text[end] == '_' || text[end] == 's' || text[end] >= 'A' && text[end] <= 'Z'
	return begins && ends
}

// hit is an identifier that is one of the names, as offsets into a text.
type hit struct {
	start, end int
	name       string // as NewNames was given it
}

// maxHits is how many places of one file are looked at: behind them is data.
const maxHits = 500

// scan looks through a file: whether it names something that selects, and every whole
// identifier that is one of the names.
func (n *Names) scan(content []byte) (selects bool, hits []hit) {
	if n.all || len(n.patterns) == 0 {
		return n.all, nil
	}
	state, next, accepting := uint16(0), n.next, n.accepting
	for i, c := range content {
		state = next[int(state)<<8|int(c)]
		if state < accepting || c == '_' {
			continue
		}
		for _, p := range n.ends[state] {
			pattern := n.patterns[p]
			if !selects && pattern.selects {
				selects = fits(pattern, content, i+1)
			}
			if len(hits) < maxHits && (i+1 == len(content) || !wordByte(content[i+1]) || content[i+1] == '_') {
				if h, ok := n.identifier(content, i+1, pattern); ok && (len(hits) == 0 || hits[len(hits)-1].start != h.start) {
					hits = append(hits, h)
				}
			}
		}
	}
	return selects, hits
}

// identifier is the whole identifier that ends with a hit, where it is a name.
func (n *Names) identifier(content []byte, end int, p pattern) (hit, bool) {
	for end < len(content) && content[end] == '_' {
		end++
	}
	start := end
	for start > 0 && wordByte(content[start-1]) {
		start--
	}
	if end < len(content) && wordByte(content[end]) || end-start > 150 || normal(string(content[start:end])) != p.text {
		return hit{}, false
	}
	if p.keyword && (content[start] < 'A' || content[start] > 'Z' || content[end-1] < 'a') {
		return hit{}, false
	}
	return hit{start, end, n.whole[p.text]}, true
}

func wordByte(c byte) bool { return letter(c) || digit(c) }
