package catalog

import (
	"cmp"
	"strconv"
	"strings"
)

// partitionBound is a partition's FOR VALUES. Values are SQL text; how they compare
// is known of numbers and of literals that look like dates only.
type partitionBound struct {
	form               string // "RANGE", "LIST", "HASH"; "" for the default partition
	values             []string
	from, to           []string
	modulus, remainder int
}

func parseBound(text string) partitionBound {
	upper := strings.ToUpper(text)
	switch {
	case upper == defaultBound:
		return partitionBound{}
	case strings.Contains(upper, "MODULUS"):
		b := partitionBound{form: "HASH"}
		fields := strings.FieldsFunc(upper, func(r rune) bool { return strings.ContainsRune(" (),", r) })
		for i, word := range fields[:len(fields)-1] {
			n, _ := strconv.Atoi(fields[i+1])
			switch word {
			case "MODULUS":
				b.modulus = n
			case "REMAINDER":
				b.remainder = n
			}
		}
		return b
	}
	if i := strings.Index(upper, "FROM ("); i >= 0 {
		b := partitionBound{form: "RANGE"}
		var rest string
		b.from, rest = splitValues(text[i+len("FROM "):])
		if j := strings.IndexByte(rest, '('); j >= 0 {
			b.to, _ = splitValues(rest[j:])
		}
		return b
	}
	b := partitionBound{form: "LIST"}
	if i := strings.IndexByte(text, '('); i >= 0 {
		b.values, _ = splitValues(text[i:])
	}
	return b
}

// splitValues reads a list in parentheses; rest is the text behind it.
func splitValues(text string) (values []string, rest string) {
	depth, start, quote := 0, 1, byte(0)
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; {
		case quote != 0:
			if ch == quote {
				quote = 0
			}
		case ch == '\'' || ch == '"':
			quote = ch
		case ch == '(' || ch == '[':
			depth++
		case ch == ')' || ch == ']':
			depth--
			if depth == 0 {
				return append(values, strings.TrimSpace(text[start:i])), text[i+1:]
			}
		case ch == ',' && depth == 1:
			values = append(values, strings.TrimSpace(text[start:i]))
			start = i + 1
		}
	}
	return values, ""
}

// compareValues compares two values of a range; known is false where that takes the server.
func compareValues(a, b string) (order int, known bool) {
	rank := func(v string) int {
		switch strings.ToUpper(v) {
		case "MINVALUE":
			return -1
		case "MAXVALUE":
			return 1
		}
		return 0
	}
	if ra, rb := rank(a), rank(b); ra != 0 || rb != 0 {
		return cmp.Compare(ra, rb), true
	}
	if a == b {
		return 0, true
	}
	if x, err := strconv.ParseFloat(a, 64); err == nil {
		y, err := strconv.ParseFloat(b, 64)
		return cmp.Compare(x, y), err == nil
	}
	return strings.Compare(a, b), len(a) == len(b) && isDateText(a) && isDateText(b)
}

// isDateText tells that text is a literal of four digits, a dash and so on.
func isDateText(s string) bool {
	return len(s) >= len("'2000-01-01'") && s[0] == '\'' && strings.Trim(s[1:5], "0123456789") == "" && s[5] == '-'
}

func compareKeys(a, b []string) (order int, known bool) {
	for i := range min(len(a), len(b)) {
		order, known := compareValues(a[i], b[i])
		if !known || order != 0 {
			return order, known
		}
	}
	return 0, true
}

// overlaps tells that two bounds surely have a row in common.
func (b partitionBound) overlaps(o partitionBound) bool {
	if b.form != o.form {
		return false
	}
	switch b.form {
	case "LIST":
		for _, v := range b.values {
			for _, w := range o.values {
				if v == w {
					return true
				}
			}
		}
	case "HASH":
		if b.modulus > 0 && o.modulus > 0 {
			small := min(b.modulus, o.modulus)
			return b.remainder%small == o.remainder%small
		}
	case "RANGE":
		below, known1 := compareKeys(b.from, o.to)
		above, known2 := compareKeys(o.from, b.to)
		return known1 && known2 && below < 0 && above < 0
	}
	return false
}

// checkBound refuses a bound that does not suit the partitioned table, a second
// default partition, and rows that another partition takes already.
func (c *Catalog) checkBound(parent, r *Relation) error {
	b := parseBound(r.Bound)
	switch {
	case b.form == "" && parent.PartitionBy == "HASH":
		return errorf("42P16", "a hash-partitioned table may not have a default partition")
	case b.form != "" && b.form != parent.PartitionBy:
		return errorf("42P16", "invalid bound specification for a %s partition", strings.ToLower(parent.PartitionBy))
	case b.form == "RANGE" && len(b.from) != len(parent.PartitionKey):
		return errorf("42P16", "FROM must specify exactly one value per partitioning column")
	case b.form == "RANGE" && len(b.to) != len(parent.PartitionKey):
		return errorf("42P16", "TO must specify exactly one value per partitioning column")
	case b.form == "HASH" && b.remainder >= b.modulus:
		return errorf("42P16", "remainder for hash partition must be less than modulus")
	}
	if order, known := compareKeys(b.from, b.to); b.form == "RANGE" && known && order >= 0 {
		return errorf("42P17", "empty range bound specified for partition %q", r.Name)
	}
	for _, other := range c.Children(parent) {
		o := parseBound(other.Bound)
		switch {
		case b.form == "" && o.form == "":
			return errorf("42P17", "partition %q conflicts with existing default partition %q", r.Name, other.Name)
		case b.form == "":
		case b.form == "HASH" && o.form == "HASH" && max(b.modulus, o.modulus)%min(b.modulus, o.modulus) != 0:
			return errorf("42P17", "every hash partition modulus must be a factor of the next larger modulus")
		case b.overlaps(o):
			return errorf("42P17", "partition %q would overlap partition %q", r.Name, other.Name)
		}
	}
	return nil
}
