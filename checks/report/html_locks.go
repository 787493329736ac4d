package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// locksView is the locks of all judged migrations on a time line.
type locksView struct {
	Figures []lockFigure
	More    int // migrations that are left out
}

// lockFigure is the time line of a migration, or of all that share one transaction.
type lockFigure struct {
	ID          string
	Title       string
	Summary     string // for who cannot see the picture
	Transaction string
	Width       int // at least, in hundreds of pixels
	Height      int
	Bottom      int // of the lanes
	Columns     []columnView
	Lanes       []laneView
	Brackets    []bracketView
	LanesMore   int
	ColumnsMore int
	Open        bool // the table shows without a click
}

// columnView is a statement: a column of the picture and a row of the table.
type columnView struct {
	Number           string
	Middle, Left     string // percent
	Where, SQL       string
	Locks            []lockRow
	Held, Wait, Note string
}

// lockRow is what a statement does to one relation.
type lockRow struct {
	Relation, Lock, Class, Stops, Work string
	Grows                              bool
}

// laneView is a relation's row of the picture.
type laneView struct {
	Name, Lock       string
	About            string // what the lock stops, and the work that is done
	LabelY, Y, TextY int
	ClearY           int
	Segments         []segmentView

	first, worst int
	several      bool // lock modes
	worked       string
}

type segmentView struct {
	X, W  string // percent
	Class string // blocks-all | blocks-writes | blocks-ddl | blocks-none
	Work  bool   // the statement itself runs, as opposed to a lock that is still held
	Grows bool
	End   string // percent

	from, to float64 // units
}

// bracketView is a transaction.
type bracketView struct {
	From, To      string // percent
	Y, Tick, Text int
	Label         string
	Right         bool // the label ends where the bracket ends
	Shared        bool // by several statements

	from, to float64 // units
}

const (
	laneTop, laneHeight, barHeight = 30, 46, 18
	unitWidth                      = 26 // pixels that a statement that only changes the catalog takes at least
	leastUnits                     = 12.0
	maxWidth                       = 40 // hundreds of pixels
)

// column is a statement before it is drawn.
type column struct {
	ops         []facts.Statement
	transaction string // "" = its own
	quiet       int    // how many statements that lock nothing of old stand here together
	weight      float64
	locks       []relationLock
}

// relationLock is a lock of a statement on a relation that was there before.
type relationLock struct {
	facts.RelationLock
	stats  *facts.TableStats
	writes bool // rows are written, one by one
}

// locksPage draws the migrations that are judged: those that the change adds or edits, and no way down.
func locksPage(r *Result) *locksView {
	v, total := &locksView{}, 0
	for _, run := range transactions(r.Migrations) {
		if len(v.Figures) == shownFigures || total >= shownInAll {
			v.More += len(run)
			continue
		}
		columns := columnsOf(run)
		if len(columns) == 0 {
			continue
		}
		total += min(len(columns), shownColumns)
		v.Figures = append(v.Figures, draw(run, columns, len(v.Figures)+1))
	}
	if len(v.Figures) == 0 {
		return nil
	}
	return v
}

// transactions puts the migrations together that the framework runs in one transaction.
func transactions(migrations []facts.Migration) [][]facts.Migration {
	var out [][]facts.Migration
	for _, m := range migrations {
		if m.Status != "added" && m.Status != "edited" || m.Direction == "down" {
			continue
		}
		if n := len(out); n > 0 && m.Transaction == "all" {
			if before := out[n-1][0]; before.Transaction == "all" && before.Database == m.Database {
				out[n-1] = append(out[n-1], m)
				continue
			}
		}
		out = append(out, []facts.Migration{m})
	}
	return out
}

// columnsOf are the statements of migrations in the order in which they run.
func columnsOf(run []facts.Migration) []column {
	var out []column
	for i, m := range run {
		for at := 0; at < len(m.Statements); {
			first := m.Statements[at]
			end := at
			for end < len(m.Statements) && m.Statements[end].Index == first.Index {
				end++
			}
			ops := m.Statements[at:end]
			at = end
			if first.Kind == "begin" || first.Kind == "commit" {
				continue // the bracket shows them
			}
			c := column{ops: ops, locks: locksOf(ops)}
			if first.Transaction > 0 {
				c.transaction = fmt.Sprintf("%d/%d", i, first.Transaction)
				if m.Transaction == "all" && first.Transaction == 1 {
					c.transaction = "all" // no COMMIT of its own came before
				}
			}
			c.weight = 1
			for _, l := range c.locks {
				c.weight = max(c.weight, weight(l))
			}
			if len(c.locks) == 0 {
				c.quiet = 1
				if n := len(out); n > 0 && out[n-1].quiet > 0 && out[n-1].transaction == c.transaction {
					if out[n-1].quiet == 1 { // still the migration's own list
						out[n-1].ops = slices.Clip(out[n-1].ops)
					}
					out[n-1].quiet++
					out[n-1].ops = append(out[n-1].ops, ops[len(ops)-1])
					continue
				}
			}
			out = append(out, c)
		}
	}
	return out
}

// locksOf are the locks of a statement on what was there before it and others use:
// the strongest for each relation. Locks on a table's indexes and sequences go with the table's.
func locksOf(ops []facts.Statement) []relationLock {
	var all []relationLock
	for _, s := range ops {
		if s.Lock != "" && !s.OnNewRelation {
			name, object := s.Relation, s.Object
			if aboutIndex(s) {
				name, object = s.Name, "index"
			}
			all = append(all, relationLock{facts.RelationLock{
				Relation: name, Object: object, Lock: s.Lock, Blocks: s.Blocks, Rewrites: s.Rewrites, Scans: s.Scans, BuildsIndex: s.BuildsIndex, Why: s.Why,
			}, s.TableStats, writesRows(s.Kind)})
		}
		for _, also := range s.AlsoLocks {
			if also.Lock != "" && !also.OnNewRelation && severest(also.Blocks) > 0 {
				all = append(all, relationLock{RelationLock: also})
			}
		}
	}
	tables := slices.ContainsFunc(all, func(l relationLock) bool { return !besideTable(l) })
	var out []relationLock
	for _, l := range all {
		if tables && besideTable(l) {
			continue
		}
		i := slices.IndexFunc(out, func(o relationLock) bool { return o.Relation == l.Relation && o.Object == l.Object })
		if i < 0 {
			out = append(out, l)
			continue
		}
		o := &out[i]
		o.Rewrites, o.Scans, o.BuildsIndex = o.Rewrites || l.Rewrites, o.Scans || l.Scans, o.BuildsIndex || l.BuildsIndex
		o.writes = o.writes || l.writes
		if severest(l.Blocks) > severest(o.Blocks) || severest(l.Blocks) == severest(o.Blocks) && len(l.Blocks) > len(o.Blocks) {
			o.Lock, o.Blocks = l.Lock, l.Blocks
		}
		if o.stats == nil {
			o.stats = l.stats
		}
	}
	return out
}

func aboutIndex(s facts.Statement) bool {
	return (s.Kind == "drop_index" || s.Kind == "reindex") && s.Name != ""
}

func besideTable(l relationLock) bool { return l.Object == "index" || l.Object == "sequence" }

func writesRows(kind string) bool {
	return kind == "insert" || kind == "update" || kind == "delete" || kind == "merge"
}

// severest orders locks by the worst that they block.
func severest(blocks []string) int {
	switch {
	case slices.Contains(blocks, "reads"):
		return 3
	case slices.Contains(blocks, "writes"):
		return 2
	case slices.Contains(blocks, "ddl"):
		return 1
	}
	return 0
}

var blockClasses = []string{"blocks-none", "blocks-ddl", "blocks-writes", "blocks-all"}
var blockWords = []string{"nobody", "schema changes and VACUUM", "writes", "reads and writes"}

// effort is how long the work under a lock takes beside that of others on the same
// table. 0: it takes no longer for a large table than for a small one.
func effort(l relationLock) float64 {
	switch {
	case l.Rewrites:
		return 8
	case l.BuildsIndex:
		return 5
	case l.Scans, l.writes:
		return 3
	}
	return 0
}

// weight is the width of a statement: 1 for a change of the catalog alone. The size
// of a table counts by its logarithm; one of unknown size is drawn like one of a gigabyte.
func weight(l relationLock) float64 {
	size := 1.0
	if l.stats != nil {
		size = math.Log10(1+float64(max(l.stats.Bytes, 0))/(1<<20)) / math.Log10(1+1<<10)
	}
	return 1 + effort(l)*size
}

func workWords(l relationLock, longer bool) string {
	words := "only the catalog changes: an instant"
	switch {
	case effort(l) == 0 && longer:
		words = "for as long as the statement runs"
	case l.Rewrites && l.BuildsIndex:
		words = "writes the table and its indexes anew"
	case l.Rewrites:
		words = "writes the table anew"
	case l.BuildsIndex:
		words = "builds an index"
	case l.writes && l.Scans:
		words = "reads the table and writes rows"
	case l.writes:
		words = "writes rows"
	case l.Scans:
		words = "reads the whole table"
	}
	switch {
	case effort(l) == 0:
		return words
	case l.stats == nil:
		return words + ": grows with it"
	}
	return words + ": " + size(l.stats)
}

// size is a table's size in words.
func size(s *facts.TableStats) string {
	rows := count(int(s.Rows), "row")
	switch {
	case s.Rows < 0:
		rows = "rows not counted"
	case s.Rows >= 1e9:
		rows = fmt.Sprintf("%.1f billion rows", float64(s.Rows)/1e9)
	case s.Rows >= 1e6:
		rows = fmt.Sprintf("%.1f million rows", float64(s.Rows)/1e6)
	case s.Rows >= 1e4:
		rows = fmt.Sprintf("%d,%03d rows", s.Rows/1000, s.Rows%1000)
	}
	bytes := float64(s.Bytes)
	unit := "bytes"
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if bytes < 1024 {
			break
		}
		bytes, unit = bytes/1024, u
	}
	if unit == "bytes" {
		return fmt.Sprintf("%s, %d bytes", rows, s.Bytes)
	}
	return fmt.Sprintf("%s, %.3g %s", rows, bytes, unit)
}

// draw lays a figure out. Across, it is in percent, so that it fills the page and
// needs no script to do so; down, in pixels.
func draw(run []facts.Migration, columns []column, number int) lockFigure {
	f := lockFigure{ID: fmt.Sprintf("locks-%d", number), Title: clean(run[0].Path)}
	if len(run) > 1 {
		f.Title += fmt.Sprintf(" and %s in the same transaction", count(len(run)-1, "more migration"))
	}
	if len(columns) > shownColumns {
		f.ColumnsMore = len(columns) - shownColumns
		columns = columns[:shownColumns]
	}
	units := 0.0
	starts := make([]float64, len(columns)+1)
	for i, c := range columns {
		starts[i] = units
		units += c.weight
	}
	starts[len(columns)] = units
	whole := max(units, leastUnits)
	percent := func(at float64) string { return fmt.Sprintf("%.2f", 100*at/whole) }
	ends := transactionEnds(columns)
	f.Transaction = transactionWords(run[0], len(columns) > 1)

	f.lanes(columns, starts, ends, percent)
	f.Bottom = laneTop + len(f.Lanes)*laneHeight
	number = 0
	for i, c := range columns {
		v := columnView{Left: percent(starts[i]), Middle: percent((starts[i] + starts[i+1]) / 2), Number: fmt.Sprint(number + 1)}
		number++
		if c.quiet > 1 {
			number += c.quiet - 1
			v.Number = fmt.Sprintf("%s–%d", v.Number, number)
		}
		if v = describe(v, c, f.lastOf(columns, i, ends[i])); len(run) == 1 {
			v.Where = fmt.Sprintf("line %d", c.ops[0].Place.Line)
		}
		f.Columns = append(f.Columns, v)
	}
	f.brackets(columns, starts, ends, percent)
	f.Height = f.Bottom + 34
	f.Open = len(f.Columns) <= 10
	least := max(int(whole*unitWidth), 300)
	for _, l := range f.Lanes {
		least = max(least, 8*(len(l.Name)+len(l.Lock)+2))
	}
	f.Width = min((least+99)/100, maxWidth)
	f.Summary = summary(f)
	return f
}

// lastOf is the number of the statement at whose end the locks of another go.
func (f *lockFigure) lastOf(columns []column, at, end int) int {
	if end == at {
		return 0
	}
	n := 0
	for _, c := range columns[:end+1] {
		n += max(c.quiet, 1)
	}
	return n
}

// transactionEnds gives for each statement the last one of its transaction.
func transactionEnds(columns []column) []int {
	ends := make([]int, len(columns))
	last := map[string]int{}
	for i := len(columns) - 1; i >= 0; i-- {
		ends[i] = i
		if t := columns[i].transaction; t != "" {
			if end, known := last[t]; known {
				ends[i] = end
			} else {
				last[t] = i
			}
		}
	}
	return ends
}

// transactionWords say what runs in which transaction.
func transactionWords(m facts.Migration, shared bool) string {
	words := m.TransactionWhy
	if words == "" {
		words = map[string]string{
			"file": "the file runs in one transaction", "all": "all migrations run in one transaction",
			"implicit": "the file is sent as one query", "none": "each statement runs in a transaction of its own",
		}[m.Transaction]
	}
	if m.Transaction == "implicit" && shared {
		words += ", whose statements share a transaction"
	}
	return clean(words)
}

// lanes draws a row for each relation, and along it the strongest lock that is held at each statement.
func (f *lockFigure) lanes(columns []column, starts []float64, ends []int, percent func(float64) string) {
	type held struct {
		level int
		work  bool
		grows bool
		until float64
	}
	type lane struct {
		laneView
		at []held // by column
	}
	var lanes []*lane
	known := map[string]*lane{}
	for i, c := range columns {
		for _, l := range c.locks {
			key := l.Object + "\x00" + l.Relation
			row := known[key]
			level := severest(l.Blocks)
			if row == nil {
				row = &lane{laneView: laneView{Name: clean(relationName(l.Object, l.Relation)), first: i, worst: -1}, at: make([]held, len(columns))}
				for j := range row.at {
					row.at[j].level = -1
				}
				known[key] = row
				lanes = append(lanes, row)
			}
			row.several = row.several || row.Lock != "" && row.Lock != clean(l.Lock)
			if level > row.worst || level == row.worst && row.worked == "" && effort(l) > 0 {
				row.worst, row.Lock, row.worked = level, clean(l.Lock), ""
				if effort(l) > 0 {
					row.worked = workWords(l, true)
				}
			}
			row.at[i].work = row.at[i].work || effort(l) > 0 || level >= row.at[i].level
			for j := i; j <= ends[i]; j++ {
				row.at[j].level = max(row.at[j].level, level)
			}
			row.at[i].grows = row.at[i].grows || effort(l) > 0 && l.stats == nil
			row.at[i].until = starts[i+1] // a lock of the statement stays for as long as it runs
		}
	}
	if len(lanes) > shownLanes {
		slices.SortStableFunc(lanes, func(a, b *lane) int { return b.worst - a.worst })
		f.LanesMore = len(lanes) - shownLanes
		lanes = lanes[:shownLanes]
		slices.SortStableFunc(lanes, func(a, b *lane) int { return cmp.Compare(a.first, b.first) })
	}
	for n, row := range lanes {
		row.LabelY = laneTop + n*laneHeight + 14
		row.Y = row.LabelY + 6
		row.TextY, row.ClearY = row.Y+13, row.LabelY-14
		if row.several {
			row.Lock = "up to " + row.Lock
		}
		row.About = "stops " + blockWords[row.worst]
		if row.worked != "" {
			row.About += "; " + clean(row.worked)
		}
		add := func(from, to float64, h held, work bool) {
			if to-from < 0.001 {
				return
			}
			s := segmentView{Class: blockClasses[h.level], Work: work, Grows: work && h.grows, from: from, to: to}
			if k := len(row.Segments) - 1; k >= 0 && !work && !row.Segments[k].Work && row.Segments[k].Class == s.Class && row.Segments[k].to == from {
				row.Segments[k].to = to
				return
			}
			row.Segments = append(row.Segments, s)
		}
		for i, h := range row.at {
			if h.level < 0 {
				continue
			}
			if !h.work {
				add(starts[i], starts[i+1], h, false)
				continue
			}
			until := min(h.until, starts[i+1])
			add(starts[i], until, h, true)
			add(until, starts[i+1], h, false)
		}
		for k := range row.Segments {
			s := &row.Segments[k]
			s.X, s.W, s.End = percent(s.from), percent(s.to-s.from), percent(s.to)
		}
		f.Lanes = append(f.Lanes, row.laneView)
	}
}

func relationName(object, relation string) string {
	switch object {
	case "", "table", "partitioned table":
		return relation
	}
	return object + " " + relation
}

// brackets draws the transactions under the lanes.
func (f *lockFigure) brackets(columns []column, starts []float64, ends []int, percent func(float64) string) {
	for i := 0; i < len(columns); i++ {
		end := ends[i]
		from, to := starts[i], starts[end+1]
		y := f.Bottom + 8
		b := bracketView{From: percent(from), To: percent(to), Y: y, Tick: y - 5, Text: y + 16, Shared: end > i, from: from, to: to}
		n := 0
		for _, c := range columns[i : end+1] {
			n += max(c.quiet, 1)
		}
		if b.Shared {
			b.Label = fmt.Sprintf("one transaction, %d statements", n)
			if whole := max(starts[len(starts)-1], leastUnits); (to-from)*unitWidth < 190 {
				b.Label = "transaction"
				b.Right = from > whole*0.8
			}
		}
		f.Brackets = append(f.Brackets, b)
		i = end
	}
}

// describe says in words what the picture shows of a statement.
func describe(v columnView, c column, last int) columnView {
	s := c.ops[0]
	v.Where, v.SQL = clean(where(facts.Place{Path: s.Place.Path, Line: s.Place.Line})), Printable(cutBytes(s.SQL, shownBytes))
	if c.quiet > 1 {
		v.SQL = ""
		v.Note = fmt.Sprintf("%d statements that lock nothing that was there before, the first of them %s", c.quiet, oneLine(s.SQL, 120))
	}
	stops, waits := false, false
	for i, l := range c.locks {
		if i == shownLanes {
			v.Note = fmt.Sprintf("and locks on %s", count(len(c.locks)-i, "more relation"))
			break
		}
		level := severest(l.Blocks)
		if level > 1 {
			stops, waits = true, waits || !hasAlready(s, l)
		}
		v.Locks = append(v.Locks, lockRow{
			Relation: clean(relationName(l.Object, l.Relation)), Lock: clean(l.Lock), Class: blockClasses[level], Stops: blockWords[level], Work: clean(workWords(l, c.weight > 1)),
			Grows: effort(l) > 0 && l.stats == nil,
		})
	}
	switch {
	case len(c.locks) == 0:
	case last > 0:
		v.Held = fmt.Sprintf("Holds it to the end of statement %d, when the transaction ends.", last)
	case c.transaction != "":
		v.Held = "Lets go when it is done: it is the last of its transaction."
	default:
		v.Held = "Lets go when it is done."
	}
	switch {
	case waits && s.LockTimeout != "":
		v.Wait = clean("Waits for the lock " + s.LockTimeout + " at most.")
	case stops && !waits:
		v.Wait = "Has the lock already, from a statement before it."
	case stops:
		v.Wait = "Waits for the lock without a limit, and others wait behind it."
	}
	for _, s := range c.ops {
		if s.NotInTransaction && s.InTransaction {
			v.Note = "The server refuses this inside a transaction."
		}
	}
	return v
}

// hasAlready tells that an earlier statement of the transaction took a lock that is as strong.
func hasAlready(s facts.Statement, l relationLock) bool {
	return slices.ContainsFunc(s.HeldLocks, func(h facts.HeldLock) bool {
		return h.Relation == l.Relation && (h.Lock == l.Lock || severest(h.Blocks) > severest(l.Blocks))
	})
}

// summary tells what the picture shows in a sentence or a few.
func summary(f lockFigure) string {
	if len(f.Lanes) == 0 {
		return "No statement locks anything that was there before it."
	}
	var lines []string
	for i, l := range f.Lanes {
		if i == 6 {
			lines = append(lines, fmt.Sprintf("and %d more relations", len(f.Lanes)-i))
			break
		}
		lines = append(lines, l.Name+": "+l.Lock+", "+l.About)
	}
	return count(len(f.Columns), "step") + ". " + strings.Join(lines, ". ") + ". The table below has each statement."
}
