package hazard

import (
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

func (p *pricer) alterColumnType(o catalog.AlterColumnType) {
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	p.retype(o, p.lockFamily(r, o.Only, AccessExclusive))
}

// retype prices the change of a column's type in the tables that have the column.
func (p *pricer) retype(o catalog.AlterColumnType, tables []*catalog.Relation) {
	to, ok := p.before.ResolveType(o.Type)
	if !ok {
		return
	}
	for _, t := range tables {
		c := t.Column(o.Column)
		if c == nil {
			continue
		}
		why := p.retypeRewrites(c, to, o.Using)
		if why != "" {
			p.rewrite(t, why)
			if !p.widens(c.Type, to) || o.Using != nil {
				p.cost.MayFail = "a value of " + columnName(t, c.Name) + " that is no " + to.String()
			}
		} else {
			p.entry(t.FullName(), string(t.Kind)).Why = c.Type.String() + " and " + to.String() + " share their stored form: no row is written"
		}
		if s := p.ownedSequence(t, c.Name); s != nil && c.Identity != "" {
			p.lockSequence(s, ShareRowExclusive, "it gets the identity column's type")
		}
		sameOrder := p.operators(c.Type) == p.operators(to)
		p.retypeIndexes(t, c, why != "", sameOrder, sameCollation(c.Collation, o.Collation))
		p.retypeConstraints(t, c, why == "" && sameOrder)
	}
}

// retypeIndexes prices the indexes that name the column: each is made again, and built
// anew where its entries could differ.
func (p *pricer) retypeIndexes(t *catalog.Relation, c *catalog.Column, rewritten, sameOrder, sameCollation bool) {
	for _, i := range p.before.Indexes(t) {
		key, used := indexUses(i, c.Name)
		if !used {
			continue
		}
		p.lockIndex(i, AccessExclusive, "it is made again for the column's new type")
		switch {
		case rewritten || !hasHeap(t):
		case computes(i), i.Parent != "", i.Method == "gin" && c.Type.Dims > 0, key != nil && key.OpClass.IsZero() && !sameOrder, key != nil && key.Collation.IsZero() && !sameCollation:
			p.scan(t, "the index "+catalog.QuoteIdent(i.Name)+" is built anew")
			p.rebuild(t, i, AccessExclusive)
		}
	}
}

// indexUses tells whether an index names a column, and as which key.
func indexUses(i *catalog.Index, column string) (key *catalog.IndexElement, used bool) {
	for n := range i.Elements {
		e := &i.Elements[n]
		if e.Column == column {
			return e, true
		}
		used = used || e.Expr != nil && slices.Contains(e.Expr.Columns, column)
	}
	used = used || slices.Contains(i.Include, column)
	return nil, used || i.Predicate != nil && slices.Contains(i.Predicate.Columns, column)
}

// computes tells whether an index has an expression or a predicate: the server does not
// compare those and builds such an index anew (CheckIndexCompatible).
func computes(i *catalog.Index) bool {
	return i.Predicate != nil || slices.ContainsFunc(i.Elements, func(e catalog.IndexElement) bool { return e.Expr != nil })
}

// retypeConstraints prices the constraints that name the column: each is added again.
func (p *pricer) retypeConstraints(t *catalog.Relation, c *catalog.Column, sameKeys bool) {
	for _, k := range t.Constraints {
		switch {
		case k.Type == catalog.Check && k.Valid && !k.NotEnforced && k.Expr != nil && slices.Contains(k.Expr.Columns, c.Name):
			p.scan(t, "the CHECK "+catalog.QuoteIdent(k.Name)+" is verified again")
		case k.Type == catalog.ForeignKey && slices.Contains(k.Columns, c.Name):
			p.addAgain(t, p.before.RelationByID(k.RefID), k, sameKeys)
		}
	}
	for _, ref := range p.before.ForeignKeysTo(t) {
		if slices.Contains(p.referencedColumns(t, ref.Constraint), c.Name) {
			p.addAgain(ref.Table, t, ref.Constraint, sameKeys)
		}
	}
}

// addAgain drops a foreign key and adds it again; its rows are looked up again unless
// the keys are compared as before.
func (p *pricer) addAgain(t, referenced *catalog.Relation, k *catalog.Constraint, sameKeys bool) {
	if referenced == nil {
		return
	}
	why := "the foreign key " + catalog.QuoteIdent(k.Name) + " is added again"
	p.lockAll(p.partitions(t), AccessExclusive, why)
	far := p.partitions(referenced)
	if p.version < 15 && referenced.Kind == catalog.PartitionedTable {
		p.lock(referenced, ShareRowExclusive, why)
		far = far[1:]
	}
	p.lockAll(far, AccessExclusive, why)
	if !sameKeys && k.Valid && !k.NotEnforced {
		p.scanAll(p.partitions(t), why+" and its rows are looked up")
	}
}

// referencedColumns are the columns of the referenced table that a foreign key names or
// means.
func (p *pricer) referencedColumns(referenced *catalog.Relation, k *catalog.Constraint) []string {
	if len(k.RefColumns) > 0 {
		return k.RefColumns
	}
	if key := referenced.PrimaryKey(); key != nil {
		return key.Columns
	}
	return nil
}

func sameCollation(a, b catalog.Name) bool {
	plain := func(n catalog.Name) catalog.Name {
		if n.Schema == "pg_catalog" {
			n.Schema = ""
		}
		if n.Schema == "" && n.Name == "default" {
			return catalog.Name{}
		}
		return n
	}
	return plain(a) == plain(b)
}

// retypeRewrites tells why a column's new type makes the server write every row anew,
// "" when it does not (ATColumnChangeRequiresRewrite).
func (p *pricer) retypeRewrites(c *catalog.Column, to catalog.Type, using *catalog.Expr) string {
	if c.Virtual {
		return ""
	}
	steps := []catalog.Type{to}
	if using != nil {
		if using.Column != c.Name {
			return "USING computes every value anew"
		}
		steps = append(slices.Clone(using.Casts), to)
	}
	from := c.Type
	for _, step := range steps {
		if resolved, ok := p.before.ResolveType(step); ok {
			step = resolved
		}
		if why := p.castRewrites(from, step); why != "" {
			return why
		}
		from = step
	}
	return ""
}

// castRewrites tells why a cast is more than another view of the same stored value.
func (p *pricer) castRewrites(from, to catalog.Type) string {
	if from.IsZero() {
		return "the old type is not known: " + to.String() + " may have another stored form"
	}
	differ := from.String() + " to " + to.String() + " changes the stored form"
	if p.sameName(from, to) && slices.Equal(from.Mods, to.Mods) && from.Fields == to.Fields && from.Text == to.Text {
		return ""
	}
	if p.domainChecks(to) {
		return "the domain's constraints are checked by writing every row anew"
	}
	a, b := p.base(from), p.base(to)
	if a.Dims > 0 || b.Dims > 0 {
		if p.sameName(a, b) && a.Text == b.Text && (len(b.Mods) == 0 || slices.Equal(a.Mods, b.Mods)) {
			return ""
		}
		return differ
	}
	if !p.sameName(a, b) {
		if isTimestamp(a) && isTimestamp(b) {
			if !p.inUTC() {
				return from.String() + " and " + to.String() + " share their stored form only while the session's TimeZone is UTC"
			}
		} else if !p.relabels(a, b) {
			return differ
		}
	}
	if !p.sameName(a, b) || a.String() != from.String() {
		a.Mods, a.Fields, a.Text = nil, "", "" // the server forgets the modifier on the way
	}
	if modifierRewrites(a, b) {
		return differ
	}
	return ""
}

func (p *pricer) sameName(a, b catalog.Type) bool {
	return a.Schema == b.Schema && a.Name == b.Name && (a.Dims > 0) == (b.Dims > 0)
}

// base is the type under a domain.
func (p *pricer) base(t catalog.Type) catalog.Type {
	for range 64 {
		u := p.domain(t)
		if u == nil {
			return t
		}
		t = u.Base
	}
	return t
}

func isTimestamp(t catalog.Type) bool {
	return t.Schema == "" && (t.Name == "timestamp" || t.Name == "timestamptz")
}

// inUTC tells whether a script has set the session's TimeZone to one without offset.
func (p *pricer) inUTC() bool {
	switch strings.ToUpper(strings.Trim(p.before.Variables["timezone"], "'")) {
	case "UTC", "ETC/UTC", "GMT", "ETC/GMT", "Z", "ZULU", "UCT", "0", "+00", "+00:00":
		return true
	}
	return false
}

// relabeled are the casts between built-in types that leave the stored value as it is:
// those without a function in pg_cast, by source type.
var relabeled = func() map[[2]string]bool {
	const reg = " regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure regrole regtype"
	table := map[string]string{
		"int4": "oid" + reg, "oid": "int4" + reg,
		"text": "varchar bpchar", "varchar": "text bpchar", "cidr": "inet", "bit": "varbit", "varbit": "bit", "xml": "text varchar bpchar",
	}
	for name := range strings.FieldsSeq(reg) {
		table[name] = "oid int4"
	}
	table["regproc"] += " regprocedure"
	table["regprocedure"] += " regproc"
	table["regoper"] += " regoperator"
	table["regoperator"] += " regoper"
	set := map[[2]string]bool{}
	for from, targets := range table {
		for to := range strings.FieldsSeq(targets) {
			set[[2]string{from, to}] = true
		}
	}
	return set
}()

// relabels tells whether a cast between two types leaves the stored value as it is.
func (p *pricer) relabels(from, to catalog.Type) bool {
	if from.Schema == "" && to.Schema == "" && relabeled[[2]string{from.Name, to.Name}] {
		return true
	}
	if p.isCitext(from) {
		return to.Schema == "" && (to.Name == "text" || to.Name == "varchar" || to.Name == "bpchar")
	}
	return p.isCitext(to) && from.Schema == "" && (from.Name == "text" || from.Name == "varchar")
}

func (p *pricer) isCitext(t catalog.Type) bool {
	u := p.before.Type(t)
	return u != nil && u.Extension == "citext" && u.Name == "citext"
}

// modifierRewrites tells whether values have to be fitted into the modifier of their own
// type: a longer length or a higher precision is free where the server knows it to be so
// (varchar_support, numeric_support, interval_support ...).
func modifierRewrites(from, to catalog.Type) bool {
	if slices.Equal(from.Mods, to.Mods) && from.Fields == to.Fields && from.Text == to.Text {
		return false
	}
	if to.Name == "interval" && to.Schema == "" {
		return intervalRewrites(from, to)
	}
	if len(to.Mods) == 0 && to.Text == "" {
		return false
	}
	if to.Schema != "" || len(to.Mods) == 0 {
		return true
	}
	known := len(from.Mods) > 0
	switch to.Name {
	case "varchar", "varbit":
		return !known || to.Mods[0] < from.Mods[0]
	case "numeric":
		return !known || len(from.Mods) < 2 || len(to.Mods) < 2 || to.Mods[1] != from.Mods[1] || to.Mods[0] < from.Mods[0]
	case "timestamp", "timestamptz", "time", "timetz":
		return to.Mods[0] < 6 && (!known || to.Mods[0] < from.Mods[0])
	}
	return true
}

// intervalRewrites compares two intervals by their least field and precision.
func intervalRewrites(from, to catalog.Type) bool {
	if to.Fields == "" && len(to.Mods) == 0 {
		return false
	}
	least := func(t catalog.Type) int {
		words := strings.Fields(t.Fields)
		if len(words) == 0 {
			return 0
		}
		return slices.Index([]string{"SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR"}, strings.ToUpper(words[len(words)-1]))
	}
	precision := func(t catalog.Type) int {
		if len(t.Mods) == 0 {
			return 6
		}
		return t.Mods[0]
	}
	if least(to) > least(from) {
		return true
	}
	return least(from) == 0 && precision(to) < precision(from)
}

// operators names the default operator class family of a type: types with the same one
// order and compare their stored values alike.
func (p *pricer) operators(t catalog.Type) string {
	t = p.base(t)
	if t.Dims > 0 {
		return "array"
	}
	if t.Schema != "" {
		return t.Schema + "." + t.Name
	}
	switch {
	case t.Name == "varchar":
		return "text"
	case t.Name == "cidr":
		return "inet"
	case strings.HasPrefix(t.Name, "reg"):
		return "oid"
	}
	return t.Name
}

// wider are the types that hold every value of a type.
var wider = map[string]string{
	"int2": "int4 int8 numeric float4 float8 text varchar", "int4": "int8 numeric float8 text varchar", "int8": "numeric text varchar",
	"float4": "float8 text varchar", "float8": "text varchar", "numeric": "text varchar", "bool": "text varchar", "uuid": "text varchar",
	"date": "timestamp timestamptz text varchar", "timestamp": "timestamptz text varchar", "timestamptz": "timestamp text varchar", "jsonb": "json text varchar", "json": "text varchar",
	"varchar": "text", "bpchar": "text varchar", "cidr": "inet text varchar", "inet": "text varchar", "time": "interval text varchar", "text": "varchar",
}

// widens tells whether every value of a type can be one of the other.
func (p *pricer) widens(from, to catalog.Type) bool {
	from, to = p.base(from), p.base(to)
	if from.Dims > 0 || to.Dims > 0 || to.Schema != "" {
		return false
	}
	if u := p.before.Type(from); u != nil && u.Kind == catalog.Enum {
		return len(to.Mods) == 0 && (to.Name == "text" || to.Name == "varchar")
	}
	if from.Schema != "" || len(to.Mods) > 0 && !isTimestamp(to) && to.Name != "time" && to.Name != "interval" {
		return false
	}
	return from.Name == to.Name || slices.Contains(strings.Fields(wider[from.Name]), to.Name)
}
