package postgres

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// decoder fills the parser's tree from its JSON form. The parser writes JSON in a
// quarter of the time that it takes for protobuf, whose encoder visits 269 fields
// for every node. A decoder learns the types that it meets, and is used again.
type decoder struct {
	src   string
	pos   int
	types map[reflect.Type]*messageType
	nodes map[string]*nodeType
}

// messageType is how to fill a message: its fields by their JSON names.
type messageType struct {
	fields map[string]*fieldType
}

type fieldType struct {
	index   int
	kind    fieldKind
	message reflect.Type     // of a message or of a list's elements
	enum    map[string]int64 // values by name
	wrapper reflect.Type     // of a oneof's member: the struct that holds the message
}

type fieldKind uint8

const (
	fieldBool fieldKind = iota
	fieldInt
	fieldUint
	fieldString
	fieldEnum
	fieldMessage
	fieldNode
	fieldMessages
	fieldNodes
	fieldOneof
)

// nodeType is a member of Node's oneof.
type nodeType struct {
	wrapper reflect.Type // Node_SelectStmt
	message reflect.Type // SelectStmt
}

var decoders = sync.Pool{New: func() any {
	return &decoder{types: map[reflect.Type]*messageType{}, nodes: map[string]*nodeType{}}
}}

var nodePointer = reflect.TypeFor[*pg.Node]()

// decodeTree reads the JSON form of a tree.
func decodeTree(json string) (tree *pg.ParseResult, err error) {
	d := decoders.Get().(*decoder)
	d.src, d.pos = json, 0
	defer func() {
		d.src = ""
		decoders.Put(d)
	}()
	tree = &pg.ParseResult{}
	if err := d.message(reflect.ValueOf(tree).Elem()); err != nil {
		return nil, err
	}
	return tree, nil
}

func (d *decoder) fail(what string) error {
	return fmt.Errorf("the parser's tree: %s at byte %d of its JSON form", what, d.pos)
}

// take moves behind a byte if it is the next one.
func (d *decoder) take(c byte) bool {
	if d.pos < len(d.src) && d.src[d.pos] == c {
		d.pos++
		return true
	}
	return false
}

// key reads a name and its colon.
func (d *decoder) key() (string, error) {
	if !d.take('"') {
		return "", d.fail("no name")
	}
	end := strings.IndexByte(d.src[d.pos:], '"')
	if end < 0 {
		return "", d.fail("no end of a name")
	}
	name := d.src[d.pos : d.pos+end]
	d.pos += end + 1
	if !d.take(':') {
		return "", d.fail("no colon")
	}
	return name, nil
}

// message reads an object into a struct.
func (d *decoder) message(v reflect.Value) error {
	t := d.typeOf(v.Type())
	if !d.take('{') {
		return d.fail("no object")
	}
	for !d.take('}') {
		name, err := d.key()
		if err != nil {
			return err
		}
		f := t.fields[name]
		if f == nil {
			return d.fail("unknown field " + name)
		}
		if err := d.field(v.Field(f.index), f); err != nil {
			return err
		}
		d.take(',')
	}
	return nil
}

func (d *decoder) field(v reflect.Value, f *fieldType) error {
	switch f.kind {
	case fieldBool:
		switch rest := d.src[d.pos:]; {
		case strings.HasPrefix(rest, "true"):
			d.pos += len("true")
			v.SetBool(true)
		case strings.HasPrefix(rest, "false"):
			d.pos += len("false")
		default:
			return d.fail("no boolean")
		}
	case fieldInt, fieldUint:
		n, err := d.integer()
		if err != nil {
			return err
		}
		if f.kind == fieldInt {
			v.SetInt(n)
		} else {
			v.SetUint(uint64(n))
		}
	case fieldString:
		s, err := d.text()
		if err != nil {
			return err
		}
		v.SetString(s)
	case fieldEnum:
		s, err := d.text()
		if err != nil {
			return err
		}
		n, ok := f.enum[s]
		if !ok {
			return d.fail("unknown value " + s)
		}
		v.SetInt(n)
	case fieldMessage:
		m := reflect.New(f.message)
		v.Set(m)
		return d.message(m.Elem())
	case fieldNode:
		n := &pg.Node{}
		v.Set(reflect.ValueOf(n))
		return d.node(n)
	case fieldMessages:
		return d.list(func() error {
			m := reflect.New(f.message)
			v.Set(reflect.Append(v, m))
			return d.message(m.Elem())
		})
	case fieldNodes:
		var nodes []*pg.Node
		err := d.list(func() error {
			n := &pg.Node{}
			nodes = append(nodes, n)
			return d.node(n)
		})
		v.Set(reflect.ValueOf(nodes))
		return err
	case fieldOneof:
		m, w := reflect.New(f.message), reflect.New(f.wrapper)
		w.Elem().Field(0).Set(m)
		v.Set(w)
		return d.message(m.Elem())
	}
	return nil
}

func (d *decoder) list(element func() error) error {
	if !d.take('[') {
		return d.fail("no list")
	}
	for !d.take(']') {
		if err := element(); err != nil {
			return err
		}
		d.take(',')
	}
	return nil
}

// node reads {"SelectStmt":{...}}; {} is a NULL in a list.
func (d *decoder) node(n *pg.Node) error {
	if !d.take('{') {
		return d.fail("no object")
	}
	if d.take('}') {
		return nil
	}
	name, err := d.key()
	if err != nil {
		return err
	}
	t := d.nodes[name]
	if t == nil {
		if t = newNodeType(name); t == nil {
			return d.fail("unknown node " + name)
		}
		d.nodes[name] = t
	}
	m, w := reflect.New(t.message), reflect.New(t.wrapper)
	w.Elem().Field(0).Set(m)
	reflect.ValueOf(n).Elem().FieldByIndex(nodeField).Set(w)
	if err := d.message(m.Elem()); err != nil {
		return err
	}
	if !d.take('}') {
		return d.fail("no end of a node")
	}
	return nil
}

// nodeField is the oneof of Node.
var nodeField = func() []int {
	f, _ := reflect.TypeFor[pg.Node]().FieldByName("Node")
	return f.Index
}()

func (d *decoder) integer() (int64, error) {
	start := d.pos
	for d.pos < len(d.src) && (isDigit(d.src[d.pos]) || d.src[d.pos] == '-') {
		d.pos++
	}
	n, err := strconv.ParseInt(d.src[start:d.pos], 10, 64)
	if err != nil {
		return 0, d.fail("no number")
	}
	return n, nil
}

// text reads a string.
func (d *decoder) text() (string, error) {
	if !d.take('"') {
		return "", d.fail("no string")
	}
	rest := d.src[d.pos:]
	end := strings.IndexAny(rest, `"\`)
	if end < 0 {
		return "", d.fail("no end of a string")
	}
	if rest[end] == '"' {
		d.pos += end + 1
		return strings.Clone(rest[:end]), nil // not a part of the whole tree's text, which would stay
	}
	return d.escaped()
}

// escaped reads the rest of a string that has escapes.
func (d *decoder) escaped() (string, error) {
	var b strings.Builder
	for d.pos < len(d.src) {
		c := d.src[d.pos]
		d.pos++
		switch {
		case c == '"':
			return b.String(), nil
		case c != '\\':
			b.WriteByte(c)
			continue
		case d.pos == len(d.src):
			return "", d.fail("no end of an escape")
		}
		c = d.src[d.pos]
		d.pos++
		if i := strings.IndexByte("bfnrt", c); i >= 0 {
			b.WriteByte("\b\f\n\r\t"[i])
			continue
		}
		if c != 'u' {
			b.WriteByte(c)
			continue
		}
		r, err := d.hex()
		if err != nil {
			return "", err
		}
		if utf16.IsSurrogate(r) && strings.HasPrefix(d.src[d.pos:], `\u`) {
			d.pos += 2
			low, err := d.hex()
			if err != nil {
				return "", err
			}
			r = utf16.DecodeRune(r, low)
		}
		b.Write(utf8.AppendRune(nil, r))
	}
	return "", d.fail("no end of a string")
}

func (d *decoder) hex() (rune, error) {
	if d.pos+4 > len(d.src) {
		return 0, d.fail("no end of an escape")
	}
	n, err := strconv.ParseUint(d.src[d.pos:d.pos+4], 16, 32)
	if err != nil {
		return 0, d.fail("no code in an escape")
	}
	d.pos += 4
	return rune(n), nil
}

func (d *decoder) typeOf(t reflect.Type) *messageType {
	m := d.types[t]
	if m == nil {
		m = newMessageType(t)
		d.types[t] = m
	}
	return m
}

// newMessageType learns a message from its struct and its descriptor. A field of a
// kind that the parser's trees do not have is left out, and is unknown when met.
func newMessageType(t reflect.Type) *messageType {
	m := &messageType{fields: map[string]*fieldType{}}
	message := reflect.New(t).Interface().(protoreflect.ProtoMessage).ProtoReflect()
	descriptors := message.Descriptor().Fields()
	indexes := map[string]int{} // by the protobuf name in the field's tag, and by the oneof's name
	for i := range t.NumField() {
		f := t.Field(i)
		if oneof := f.Tag.Get("protobuf_oneof"); oneof != "" {
			indexes["oneof "+oneof] = i
		}
		for _, part := range strings.Split(f.Tag.Get("protobuf"), ",") {
			if name, ok := strings.CutPrefix(part, "name="); ok {
				indexes[name] = i
			}
		}
	}
	for i := range descriptors.Len() {
		fd := descriptors.Get(i)
		f := &fieldType{}
		if oneof := fd.ContainingOneof(); oneof != nil {
			f.kind, f.index = fieldOneof, indexes["oneof "+string(oneof.Name())]
			f.wrapper, f.message = wrapperOf(message.New(), fd, f.index)
			m.fields[fd.JSONName()] = f
			continue
		}
		f.index = indexes[string(fd.Name())]
		goType := t.Field(f.index).Type
		switch {
		case fd.IsList() && goType.Elem() == nodePointer:
			f.kind = fieldNodes
		case fd.IsList() && fd.Message() != nil:
			f.kind, f.message = fieldMessages, goType.Elem().Elem()
		case fd.IsList():
			continue
		case goType == nodePointer:
			f.kind = fieldNode
		case fd.Message() != nil:
			f.kind, f.message = fieldMessage, goType.Elem()
		case fd.Enum() != nil:
			f.kind, f.enum = fieldEnum, map[string]int64{}
			for values, j := fd.Enum().Values(), 0; j < values.Len(); j++ {
				f.enum[string(values.Get(j).Name())] = int64(values.Get(j).Number())
			}
		default:
			switch goType.Kind() {
			case reflect.Bool:
				f.kind = fieldBool
			case reflect.String:
				f.kind = fieldString
			case reflect.Int32, reflect.Int64:
				f.kind = fieldInt
			case reflect.Uint32, reflect.Uint64:
				f.kind = fieldUint
			default:
				continue
			}
		}
		m.fields[fd.JSONName()] = f
	}
	return m
}

// wrapperOf is the struct that holds a oneof's member, and the member's message.
func wrapperOf(message protoreflect.Message, fd protoreflect.FieldDescriptor, index int) (wrapper, inner reflect.Type) {
	message.Mutable(fd)
	held := reflect.ValueOf(message.Interface()).Elem().Field(index).Elem().Elem().Type()
	return held, held.Field(0).Type.Elem()
}

func newNodeType(name string) *nodeType {
	message := (&pg.Node{}).ProtoReflect()
	fd := message.Descriptor().Fields().ByJSONName(name)
	if fd == nil {
		return nil
	}
	t := &nodeType{}
	t.wrapper, t.message = wrapperOf(message, fd, nodeField[0])
	return t
}
