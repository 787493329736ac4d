package deploy

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// The limits of a condition. With these no condition runs longer than a moment.
const (
	maxCondition = 1000 // bytes
	maxNodes     = 200
)

// builtins are the functions of expr that a condition may call: none of them makes text or reads a clock.
var builtins = []string{"all", "none", "any", "one", "filter", "map", "count", "sum", "len", "abs", "ceil", "floor", "round", "int", "float", "max", "min", "mean", "median", "first", "last"}

// condition is a successCondition or failureCondition, compiled for each type
// that the provider's result can have.
type condition struct {
	text    string
	byType  map[reflect.Type]*vm.Program
	picks   bool // it takes one of several values by its place
	dynamic bool // the result can be anything JSON holds

	limits   []Limit
	compared map[reflect.Type]*vm.Program // what the first limit compares
}

var (
	vectorType = reflect.TypeFor[[]float64]()
	scalarType = reflect.TypeFor[float64]()
	anyType    = reflect.TypeFor[any]()
)

// conditionTypes are the types that a provider's results can have.
func conditionTypes(dynamic bool) []reflect.Type {
	if dynamic {
		return []reflect.Type{anyType}
	}
	return []reflect.Type{vectorType, scalarType}
}

// compileCondition checks the types of a condition for results of these types; it has to fit one of them at least.
func compileCondition(text string, types ...reflect.Type) (*condition, error) {
	if len(text) > maxCondition {
		return nil, fmt.Errorf("has %d bytes, at most %d are read", len(text), maxCondition)
	}
	c := &condition{text: text, byType: map[reflect.Type]*vm.Program{}, dynamic: slices.Contains(types, anyType)}
	var first error
	for _, t := range types {
		seen := &survey{}
		options := []expr.Option{
			expr.Env(environment(t, nil)), expr.AsBool(), expr.MaxNodes(maxNodes), expr.DisableAllBuiltins(), expr.Patch(seen),
			numberTest("isNaN", math.IsNaN), numberTest("isInf", func(f float64) bool { return math.IsInf(f, 0) }),
		}
		for _, name := range builtins {
			options = append(options, expr.EnableBuiltin(name))
		}
		program, err := expr.Compile(text, options...)
		if err != nil {
			if first == nil {
				first = plain(err)
			}
			continue
		}
		switch {
		case !seen.result:
			return nil, errors.New("does not look at result")
		case seen.loops > 1:
			return nil, errors.New("goes through a list more than once: write two conditions, or put it into the query")
		}
		c.picks = c.picks || seen.picks
		c.byType[t] = program
	}
	if len(c.byType) == 0 {
		return nil, first
	}
	if c.limits = limitsOf(text); len(c.limits) > 0 {
		c.compared = c.operand(c.limits[0].Of)
	}
	return c, nil
}

// variables are what a condition sees; the type of result is checked before anything runs.
type variables[T any] struct {
	Result T `expr:"result"`
}

func environment(t reflect.Type, result any) any {
	switch t {
	case vectorType:
		values, _ := result.([]float64)
		return variables[[]float64]{values}
	case scalarType:
		value, _ := result.(float64)
		return variables[float64]{value}
	}
	return variables[any]{result}
}

// numberTest is a function of Argo Rollouts' conditions that asks something of a number.
func numberTest(name string, test func(float64) bool) expr.Option {
	return expr.Function(name, func(args ...any) (any, error) {
		number, ok := args[0].(float64)
		if !ok {
			return nil, fmt.Errorf("%s takes a number", name)
		}
		return test(number), nil
	}, test)
}

// plain leaves expr's picture of the place out of its message.
func plain(err error) error {
	var e *file.Error
	if errors.As(err, &e) {
		return fmt.Errorf("%s (column %d)", e.Message, e.Column+1)
	}
	return err
}

// survey notes what a condition does.
type survey struct {
	result, picks bool
	loops         int
}

func (s *survey) Visit(node *ast.Node) {
	isResult := func(n ast.Node) bool {
		id, ok := n.(*ast.IdentifierNode)
		return ok && id.Value == "result"
	}
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		s.result = s.result || n.Value == "result"
	case *ast.MemberNode:
		s.picks = s.picks || isResult(n.Node)
	case *ast.SliceNode:
		s.picks = true
	case *ast.PredicateNode:
		s.loops++
	case *ast.BuiltinNode:
		s.picks = s.picks || n.Name == "first" || n.Name == "last"
	case *ast.CallNode:
		if id, ok := n.Callee.(*ast.IdentifierNode); ok {
			s.picks = s.picks || id.Value == "first" || id.Value == "last"
		}
	}
}

// holds evaluates the condition.
func (c *condition) holds(result any) (bool, error) {
	t := reflect.TypeOf(result)
	if c.dynamic {
		t = anyType
	}
	program := c.byType[t]
	if program == nil {
		what := "one number: write `result < 0.05`"
		if t == vectorType {
			what = "a list of numbers: write `result[0] < 0.05`"
		}
		return false, fmt.Errorf("%q does not fit: the query gives %s", c.text, what)
	}
	out, err := expr.Run(program, environment(t, result))
	if err != nil {
		return false, fmt.Errorf("%q cannot be evaluated: %w", c.text, plain(err))
	}
	truth, ok := out.(bool)
	if !ok {
		return false, fmt.Errorf("%q is neither true nor false", c.text)
	}
	return truth, nil
}

// takesNumber says that a condition fits a result that is one number, and no list.
func takesNumber(conditions ...*condition) bool {
	return slices.ContainsFunc(conditions, func(c *condition) bool { return c != nil && c.byType[vectorType] == nil })
}

// placeOfOne says that a condition looks at one value by its place.
func placeOfOne(conditions ...*condition) bool {
	return slices.ContainsFunc(conditions, func(c *condition) bool { return c != nil && c.picks })
}

// evaluate is Argo Rollouts' evaluation of a result: with one condition its opposite is
// the other outcome; with two, what meets neither is inconclusive, and failure wins.
func evaluate(result any, success, failure *condition) (Phase, error) {
	var succeeded, failed bool
	var err error
	if success != nil {
		if succeeded, err = success.holds(result); err != nil {
			return Error, fmt.Errorf("successCondition: %w", err)
		}
	}
	if failure != nil {
		if failed, err = failure.holds(result); err != nil {
			return Error, fmt.Errorf("failureCondition: %w", err)
		}
	}
	switch {
	case failure == nil:
		failed = !succeeded
	case success == nil:
		succeeded = !failed
	}
	switch {
	case failed:
		return FailedPhase, nil
	case succeeded:
		return Successful, nil
	}
	return Inconclusive, nil
}

// noNumber tells that a result holds no number that a limit can be held against:
// nothing, NaN, or an infinity. Comparing with NaN is false, which a failureCondition
// alone would take for success.
func noNumber(result any) (string, bool) {
	bad := func(f float64) bool { return math.IsNaN(f) || math.IsInf(f, 0) }
	switch v := result.(type) {
	case nil:
		return "no data", true
	case float64:
		if bad(v) {
			return "the value is " + fmt.Sprint(v), true
		}
	case []float64:
		if len(v) == 0 {
			return "no data", true
		}
		if i := slices.IndexFunc(v, bad); i >= 0 {
			return "a value is " + fmt.Sprint(v[i]), true
		}
	case string:
		switch strings.ToLower(strings.TrimLeft(strings.TrimSpace(v), "+-")) {
		case "", "nan", "inf", "infinity", "null":
			return "the value is no number", true
		}
	case []any:
		if len(v) == 0 {
			return "no data", true
		}
		for _, item := range v {
			if why, none := noNumber(item); none {
				return why, true
			}
		}
	case map[string]any:
		if len(v) == 0 {
			return "no data", true
		}
		for _, item := range v {
			if item == nil || item == "" {
				continue // a field that the condition need not look at
			}
			if why, none := noNumber(item); none && why != "no data" {
				return why, true
			}
		}
	}
	return "", false
}
