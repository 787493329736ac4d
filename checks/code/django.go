package code

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
)

// djangoModels reads Django's models: docs.djangoproject.com/en/stable/ref/models/.
type djangoModels struct{}

func (djangoModels) name() string { return "django" }

func (djangoModels) reads(name string) bool {
	return path.Ext(name) == ".py" && (path.Base(name) == "models.py" || strings.Contains("/"+name, "/models/"))
}

func (djangoModels) may(content []byte) bool {
	return bytes.Contains(content, []byte("django")) || bytes.Contains(content, []byte("models."))
}

func (djangoModels) group(string) string { return "" }

func (djangoModels) extract(files []*file, s *sink) {
	d := &django{classes: newPythonClasses(s, files), seen: map[*pythonClass]*djangoModel{}}
	for _, f := range files {
		p := d.classes.files[f.path]
		if p == nil {
			continue
		}
		for _, name := range sortedKeys(p.classes) {
			c := p.classes[name]
			m := d.model(c, 0)
			if m == nil || m.abstract || m.proxy {
				continue
			}
			out := model{name: c.name, table: m.table, partial: m.partial, endLine: 0}
			out.line, out.column = p.tree.place(c.at.start)
			out.endLine, _ = p.tree.place(max(c.at.start, c.at.end-1))
			out.columns = m.all()
			out.hand(f, s)
			for _, link := range m.links {
				link.hand(f, s)
			}
		}
	}
}

type django struct {
	classes *pythonClasses
	seen    map[*pythonClass]*djangoModel // nil while it is read
}

type djangoModel struct {
	table           string
	abstract, proxy bool
	partial         string
	key             bool // a field is the primary key
	fields          []djangoField
	links           []model // tables of many-to-many fields
}

type djangoField struct {
	name string // "" after it was taken away by name = None
	modelColumn
}

// djangoBases are classes of Django and its kin, with the columns that they bring.
var djangoBases = map[string][]string{
	"models.Model": nil, "Model": nil, "models.TextChoices": nil, "db_models.Model": nil,
	"AbstractBaseUser": {"password", "last_login"},
	"PermissionsMixin": {"is_superuser"},
	"AbstractUser":     {"password", "last_login", "is_superuser", "username", "first_name", "last_name", "email", "is_staff", "is_active", "date_joined"},
	"AbstractGroup":    {"name"},
	"MPTTModel":        {"lft", "rght", "tree_id", "level"},
	"Group":            nil,
}

// model reads a class, nil where it is no model.
func (d *django) model(c *pythonClass, depth int) *djangoModel {
	if m, ok := d.seen[c]; ok || depth > 20 {
		return m
	}
	d.seen[c] = nil
	m := &djangoModel{table: djangoLabel(d.classes.s, c.file.path) + "_" + strings.ToLower(c.name)}
	is, plain := false, false
	var parent *djangoModel
	for _, base := range slices.Backward(c.bases) { // of two bases the first wins: it comes last here
		short := base[strings.LastIndexByte(base, '.')+1:]
		if b := d.classes.find(c.file, base, 0); b != nil && b != c {
			bm := d.model(b, depth+1)
			if bm == nil {
				plain = true
				continue
			}
			is = true
			if bm.partial != "" {
				m.partial = bm.partial
			}
			switch {
			case bm.abstract:
				m.key = m.key || bm.key
				for _, f := range bm.fields {
					m.put(f)
				}
			default:
				parent = bm
				if d.isProxy(c) {
					continue
				}
				m.key = true
				m.put(djangoField{strings.ToLower(b.name), modelColumn{name: strings.ToLower(b.name) + "_ptr_id", line: lineOf(c.at)}})
			}
			continue
		}
		columns, known := djangoBases[base]
		if !known {
			columns, known = djangoBases[short]
		}
		if !known {
			plain = true
			continue
		}
		is = is || short != "TextChoices"
		for _, column := range columns {
			m.put(djangoField{column, modelColumn{name: column, line: lineOf(c.at)}})
		}
	}
	own := d.fields(c, m)
	if !is && !(own > 0 && len(c.bases) > 0) {
		return nil
	}
	if plain && m.partial == "" {
		m.partial = d.unknownBase(c)
	}
	d.options(c, m, parent)
	d.seen[c] = m
	return m
}

// unknownBase says which base of a model is not in the tree and not Django's.
func (d *django) unknownBase(c *pythonClass) string {
	for _, base := range c.bases {
		short := base[strings.LastIndexByte(base, '.')+1:]
		if _, known := djangoBases[short]; known || djangoBases[base] != nil || d.classes.find(c.file, base, 0) != nil {
			continue
		}
		if base == "models.Model" || strings.HasSuffix(short, "Mixin") && !strings.Contains(short, "Model") || base == "object" || base == "ABC" || base == "Generic" {
			continue
		}
		return "the class " + base + " may bring columns that are not known"
	}
	return ""
}

func lineOf(n *node) int {
	line, _ := n.file.place(n.start)
	return line
}

// put adds a field, in the place of an inherited one of the same name.
func (m *djangoModel) put(f djangoField) {
	if i := slices.IndexFunc(m.fields, func(o djangoField) bool { return o.name == f.name }); i >= 0 {
		m.fields[i] = f
		return
	}
	m.fields = append(m.fields, f)
}

func (m *djangoModel) all() []modelColumn {
	var columns []modelColumn
	if !m.key {
		columns = append(columns, modelColumn{name: "id", omitted: true})
	}
	for _, f := range m.fields {
		if f.modelColumn.name != "" {
			columns = append(columns, f.modelColumn)
		}
	}
	return columns
}

// djangoNoColumn are fields that have no column in their model's table.
var djangoNoColumn = setOf("ManyToManyField GenericForeignKey GenericRelation ManyToManyDescriptor RestrictedGenericForeignKey CompositePrimaryKey")

// fields reads the fields of a class's own body and returns how many there are.
func (d *django) fields(c *pythonClass, m *djangoModel) int {
	n := 0
	for _, f := range c.assignments() {
		if f.value == nil {
			continue
		}
		if f.value.kind == "none" {
			if slices.ContainsFunc(m.fields, func(o djangoField) bool { return o.name == f.name }) {
				m.put(djangoField{name: f.name})
			}
			continue
		}
		call := pythonCall(f.value)
		if call == nil || strings.Contains(call.name, "Taggable") || !strings.HasSuffix(call.name, "Field") && !strings.HasSuffix(call.name, "ForeignKey") && !djangoNoColumn[call.name] {
			continue
		}
		n++
		if call.name == "ManyToManyField" {
			d.link(c, m, f, call)
		}
		if djangoNoColumn[call.name] {
			continue
		}
		column := modelColumn{name: f.name, line: f.line}
		if strings.HasSuffix(call.name, "ForeignKey") || call.name == "OneToOneField" {
			column.name += "_id"
		}
		if name := pythonText(call.named["db_column"]); name != "" {
			column.name = name
		}
		column.omitted = strings.HasSuffix(call.name, "AutoField") || call.name == "GeneratedField"
		m.key = m.key || isTrue(call.named["primary_key"])
		m.put(djangoField{f.name, column})
	}
	return n
}

// link makes the table of a many-to-many field.
func (d *django) link(c *pythonClass, m *djangoModel, f pythonField, call *call) {
	if call.named["through"] != nil {
		return
	}
	target := call.named["to"]
	if target == nil && len(call.args) > 0 {
		target = call.args[0]
	}
	if target == nil {
		return
	}
	to := bareName(target)
	to = strings.ToLower(to[strings.LastIndexByte(to, '.')+1:])
	from := strings.ToLower(c.name)
	if to == "self" || to == from {
		from, to = "from_"+from, "to_"+from
	}
	m.links = append(m.links, model{name: c.name + "." + f.name, table: pythonText(call.named["db_table"]), line: f.line,
		columns: []modelColumn{{name: "id", line: f.line, omitted: true}, {name: from + "_id", line: f.line}, {name: to + "_id", line: f.line}}})
	if last := &m.links[len(m.links)-1]; last.table == "" {
		last.table = "\x00" + f.name // the model's own table is only known after its Meta
	}
}

func (d *django) isProxy(c *pythonClass) bool {
	meta := c.inner("Meta")
	return meta != nil && isTrue(metaOption(meta, "proxy"))
}

func metaOption(meta *node, name string) *node {
	for _, f := range (&pythonClass{body: meta.child("body")}).assignments() {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// options reads class Meta.
func (d *django) options(c *pythonClass, m *djangoModel, parent *djangoModel) {
	meta := c.inner("Meta")
	if meta != nil {
		m.abstract = isTrue(metaOption(meta, "abstract"))
		m.proxy = isTrue(metaOption(meta, "proxy"))
		if label := pythonText(metaOption(meta, "app_label")); label != "" {
			m.table = label + "_" + strings.ToLower(c.name)
		}
		if table := pythonText(metaOption(meta, "db_table")); table != "" {
			m.table = strings.Trim(table, `"`)
		}
	}
	if m.proxy && parent != nil {
		m.table, m.fields, m.key = parent.table, parent.fields, parent.key
	}
	if m.abstract {
		m.links = nil
	}
	for i := range m.links {
		if name, ok := strings.CutPrefix(m.links[i].table, "\x00"); ok {
			m.links[i].table = m.table + "_" + name
		}
	}
}

var djangoAppLabel = regexp.MustCompile(`(?m)^\s+label\s*=\s*["'](\w+)["']`)

// djangoLabel is the label of the app in whose folder a file stands: the folder's name,
// or what its apps.py says.
func djangoLabel(s *sink, name string) string {
	folder := path.Dir(name)
	if i := strings.LastIndex("/"+folder+"/", "/models/"); i >= 0 {
		folder = strings.TrimSuffix(("/" + folder + "/")[:i], "/")
		folder = strings.TrimPrefix(folder, "/")
	}
	if m := djangoAppLabel.FindSubmatch(s.file(path.Join(folder, "apps.py"))); m != nil {
		return string(m[1])
	}
	return path.Base(folder)
}
