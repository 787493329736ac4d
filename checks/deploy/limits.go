package deploy

import (
	"math"
	"reflect"
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// Limit is a plain comparison with a number in a condition: what a picture of the
// measurements can show as a line.
type Limit struct {
	Condition string  `json:"condition"` // successCondition | failureCondition
	Of        string  `json:"of"`        // what is compared, as result[0]; "result" also for each of its values
	Operator  string  `json:"operator"`  // < <= > >=
	Value     float64 `json:"value"`
}

var (
	flipped  = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="} // the sides exchanged
	opposite = map[string]string{"<": ">=", "<=": ">", ">": "<=", ">=": "<"} // what is true when it is false
)

// limitsOf finds the comparisons that a condition joins by and, or. It has been compiled, so that it parses.
func limitsOf(text string) []Limit {
	tree, err := parser.Parse(text)
	if err != nil {
		return nil
	}
	var limits []Limit
	var walk func(n ast.Node, each string)
	walk = func(n ast.Node, each string) {
		switch n := n.(type) {
		case *ast.BinaryNode:
			if slices.Contains([]string{"&&", "and", "||", "or"}, n.Operator) {
				walk(n.Left, each)
				walk(n.Right, each)
				return
			}
			if flipped[n.Operator] == "" {
				return
			}
			operand, operator := n.Left, n.Operator
			value, ok := constant(n.Right)
			if !ok {
				operand, operator = n.Right, flipped[n.Operator]
				if value, ok = constant(n.Left); !ok {
					return
				}
			}
			of := operand.String()
			if _, pointer := operand.(*ast.PointerNode); pointer {
				of = each
			} else if each != "" || !ofResult(operand) {
				return
			}
			limits = append(limits, Limit{Of: of, Operator: operator, Value: value})
		case *ast.BuiltinNode: // all(result, # < 0.05)
			if len(n.Arguments) != 2 || n.Arguments[0].String() != "result" || !slices.Contains([]string{"all", "any", "none"}, n.Name) {
				return
			}
			if p, ok := n.Arguments[1].(*ast.PredicateNode); ok {
				from := len(limits)
				walk(p.Node, "result")
				for i := from; n.Name == "none" && i < len(limits); i++ {
					limits[i].Operator = opposite[limits[i].Operator]
				}
			}
		}
	}
	walk(tree.Node, "")
	return limits
}

func constant(n ast.Node) (float64, bool) {
	switch n := n.(type) {
	case *ast.IntegerNode:
		return float64(n.Value), true
	case *ast.FloatNode:
		return n.Value, true
	case *ast.UnaryNode:
		if v, ok := constant(n.Node); ok && n.Operator == "-" {
			return -v, true
		}
	}
	return 0, false
}

// ofResult says that an expression is a value of the result, and not how many there are.
func ofResult(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return n.Value == "result"
	case *ast.ChainNode:
		return ofResult(n.Node)
	case *ast.MemberNode:
		return ofResult(n.Node)
	case *ast.BuiltinNode:
		return n.Name != "len" && n.Name != "count" && len(n.Arguments) == 1 && ofResult(n.Arguments[0])
	}
	return false
}

// operand compiles what a limit compares, for each type that the condition fits.
func (c *condition) operand(of string) map[reflect.Type]*vm.Program {
	programs := map[reflect.Type]*vm.Program{}
	for t := range c.byType {
		if program, err := expr.Compile(of, expr.Env(environment(t, nil)), expr.MaxNodes(maxNodes)); err == nil {
			programs[t] = program
		}
	}
	return programs
}

// drawn gives the condition whose first limit says which value a picture shows; nil: none has a limit.
func (m *Metric) drawn() *condition {
	for _, c := range []*condition{m.success, m.failure} {
		if c != nil && len(c.limits) > 0 {
			return c
		}
	}
	return nil
}

// limits are those of both conditions on the value that is drawn.
func (m *Metric) limits() []Limit {
	c := m.drawn()
	if c == nil {
		return nil
	}
	var out []Limit
	add := func(from *condition, key string) {
		if from == nil {
			return
		}
		for _, l := range from.limits {
			if l.Of == c.limits[0].Of {
				l.Condition = key
				out = append(out, l)
			}
		}
	}
	add(m.success, "successCondition")
	add(m.failure, "failureCondition")
	return out
}

// numbers are what a picture shows of a result: what the limits are held against, or
// else the result itself where that is numbers. Nil: there is nothing to show.
func (m *Metric) numbers(result any) []float64 {
	if c := m.drawn(); c != nil && c.limits[0].Of != "result" {
		t := reflect.TypeOf(result)
		if c.dynamic {
			t = anyType
		}
		program := c.compared[t]
		if program == nil {
			return nil
		}
		value, err := expr.Run(program, environment(t, result))
		if err != nil {
			return nil
		}
		result = value
	}
	var out []float64
	switch v := result.(type) {
	case float64:
		out = []float64{v}
	case int: // of int(), len()
		out = []float64{float64(v)}
	case []float64:
		out = v
	case []any:
		for _, item := range v {
			number, ok := item.(float64)
			if !ok || len(out) == maxSeries {
				return nil
			}
			out = append(out, number)
		}
	}
	if slices.ContainsFunc(out, func(f float64) bool { return math.IsNaN(f) || math.IsInf(f, 0) }) {
		return nil
	}
	return out
}
