package lint

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// cause is an operation that the change carries out.
type cause struct {
	op     catalog.Op
	before Before
	place  Place
}

// compare finds what differs between the schemas, and which operation did it.
func (j *judge) compare() {
	for _, change := range catalog.Compare(j.result.Base, j.result.Head) {
		j.result.Delta = append(j.result.Delta, Change{change, j.causesOf(change)})
	}
	if j.Head == nil || j.Head.Baseline == "" || len(j.Head.Migrations) == 0 || len(j.result.Gaps) > 0 {
		return
	}
	if len(j.result.Migrations) == 0 && !j.DumpTouched {
		return
	}
	head, err := j.dump(j.HeadFiles, j.Head.Baseline)
	if err != nil {
		return
	}
	// A dump holds expressions as the server prints them, which is not as the migrations write them.
	was := map[catalog.Change]bool{}
	if j.Base != nil && j.Base.Baseline != "" {
		if base, err := j.dump(j.BaseFiles, j.Base.Baseline); err == nil {
			for _, change := range catalog.Compare(j.result.Base, base) {
				was[change] = true
			}
		}
	}
	for _, change := range catalog.Compare(j.result.Head, head) {
		if !was[change] && ofShape(change) {
			j.result.Drift = append(j.result.Drift, change)
		}
	}
	j.result.DriftPath = j.Head.Baseline
}

// ofShape tells that a difference is one of shape, and not of how an expression is written.
func ofShape(c catalog.Change) bool {
	if c.Kind != "changed" {
		return true
	}
	switch c.Attribute {
	case "type":
		return c.From != "" && c.To != "" // a view's column type cannot always be derived
	case "not_null", "identity", "unique", "kind", "valid", "nulls_not_distinct", "unlogged", "row_security":
		return true
	case "default", "generated", "predicate":
		return (c.From == "") != (c.To == "")
	case "columns":
		return !strings.Contains(c.From+c.To, "(")
	}
	return false
}

// causesOf finds the operations behind a difference: those about the very object,
// else those about its relation.
func (j *judge) causesOf(change catalog.Change) []Place {
	var exact, near []Place
	for _, c := range j.causesBy(cmp.Or(change.Relation, change.Name), change.Name) {
		switch c.about(change) {
		case 2:
			exact = append(exact, c.place)
		case 1:
			near = append(near, c.place)
		}
	}
	if len(exact) > 0 {
		return exact
	}
	if change.Kind != "removed" {
		return near
	}
	// What depends on something that is dropped goes with it: an index with its
	// column, a view with CASCADE.
	var with []Place
	for _, c := range j.causesBy(cmp.Or(change.Relation, change.Name), change.Name) {
		if takes, _ := drops(c.op); takes && c.about(change) == 1 {
			with = append(with, c.place)
		}
	}
	if len(with) > 0 {
		return with
	}
	if len(near) > 0 {
		return near
	}
	return j.dropsOfAnything()
}

// dropsOfAnything are the operations with CASCADE, else all that remove something.
func (j *judge) dropsOfAnything() []Place {
	if j.dropped == nil {
		var all, cascades []Place
		for _, c := range j.causes {
			takes, cascade := drops(c.op)
			if takes {
				all = append(all, c.place)
			}
			if cascade {
				cascades = append(cascades, c.place)
			}
		}
		if len(cascades) > 0 {
			all = cascades
		}
		j.dropped = &all
	}
	return *j.dropped
}

// drops tells that an operation removes an object, and that what depends on it goes too.
func drops(op catalog.Op) (takes, cascade bool) {
	switch o := op.(type) {
	case catalog.DropRelation:
		return true, o.Cascade
	case catalog.DropColumn:
		return true, o.Cascade
	case catalog.DropConstraint:
		return true, o.Cascade
	case catalog.DropType:
		return true, o.Cascade
	case catalog.DropFunction:
		return true, o.Cascade
	case catalog.DropTableObject:
		return true, o.Cascade
	case catalog.DropSchema:
		return true, o.Cascade
	}
	return false, false
}

// causesBy are the operations that name one of two objects, in order.
func (j *judge) causesBy(relation, name string) []cause {
	if j.byName == nil {
		j.byName = map[string][]int{}
		for i, c := range j.causes {
			names := []string{c.op.Target().Name, c.before.Relation.Name, c.before.IndexTable.Name}
			if rename, ok := c.op.(catalog.RenameRelation); ok {
				names = append(names, rename.To)
			}
			slices.Sort(names)
			for _, n := range slices.Compact(names) {
				j.byName[n] = append(j.byName[n], i)
			}
		}
	}
	at := slices.Concat(j.byName[relation], j.byName[name])
	slices.Sort(at)
	var found []cause
	for _, i := range slices.Compact(at) {
		found = append(found, j.causes[i])
	}
	return found
}

// about is 2 when the operation names the object itself, 1 when it names its relation.
func (c cause) about(change catalog.Change) int {
	if _, reads := c.op.(catalog.Read); reads {
		return 0
	}
	target := c.op.Target()
	relation := change.Relation
	if relation == "" {
		relation = change.Name
	}
	same := func(n catalog.Name) bool {
		return n.Name == relation && (n.Schema == change.Schema || n.Schema == "")
	}
	onRelation := same(target) || same(c.before.Relation) || same(c.before.IndexTable)
	if rename, ok := c.op.(catalog.RenameRelation); ok && rename.To == relation {
		onRelation = true
	}
	for _, name := range namesIn(c.op) {
		if onRelation && (name == change.Name || change.Kind == "renamed" && name == change.From) {
			return 2
		}
	}
	switch c.op.(type) {
	case catalog.CreateTable, catalog.DropRelation, catalog.RenameRelation, catalog.SetSchema, catalog.CreateView:
		if onRelation && change.Relation == "" {
			return 2
		}
	}
	isRelation := change.Object == "table" || change.Object == "view" || change.Object == "materialized_view"
	if target.Name == change.Name && change.Relation == "" && (!isRelation || change.Kind == "changed") {
		return 2
	}
	if onRelation {
		return 1
	}
	return 0
}

// namesIn are the names of columns, constraints, indexes ... that an operation on a relation is about.
func namesIn(op catalog.Op) []string {
	switch o := op.(type) {
	case catalog.CreateTable:
		var columns []string
		for _, c := range o.Columns {
			columns = append(columns, c.Name)
		}
		return columns
	case catalog.AddColumn:
		return []string{o.Column.Name}
	case catalog.DropColumn:
		return []string{o.Column}
	case catalog.RenameColumn:
		return []string{o.Column, o.To}
	case catalog.AlterColumnType:
		return []string{o.Column}
	case catalog.SetDefault:
		return []string{o.Column}
	case catalog.SetNotNull:
		return []string{o.Column}
	case catalog.DropNotNull:
		return []string{o.Column}
	case catalog.SetIdentity:
		return []string{o.Column}
	case catalog.SetGenerated:
		return []string{o.Column}
	case catalog.AddConstraint:
		return append([]string{o.Constraint.Name}, o.Constraint.Columns...)
	case catalog.DropConstraint:
		return []string{o.Name}
	case catalog.ValidateConstraint:
		return []string{o.Name}
	case catalog.RenameConstraint:
		return []string{o.Name, o.To}
	case catalog.CreateIndex:
		return []string{o.Name}
	case catalog.CreateTrigger:
		return []string{o.Name}
	case catalog.DropTableObject:
		return []string{o.Name}
	case catalog.AddEnumValue:
		return []string{o.Label}
	case catalog.RenameEnumValue:
		return []string{o.Label, o.To}
	}
	return nil
}
