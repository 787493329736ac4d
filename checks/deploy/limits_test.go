package deploy

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestLimits(t *testing.T) {
	list, number, object := []float64{0.01, 0.25}, 0.01, map[string]any{"p99": 480.0, "ok": true}
	for _, test := range []struct {
		success, failure string
		limits           string // as operator value, of the condition's first letter
		result           any
		numbers          []float64
	}{
		{"result[0] < 0.02", "result[0] >= 0.05", "s < 0.02, f >= 0.05", list, []float64{0.01}},
		{"result < 0.02", "", "s < 0.02", number, []float64{0.01}},
		{"0.02 > result", "", "s < 0.02", number, []float64{0.01}},
		{"", "result > 5", "f > 5", 7.0, []float64{7}},
		{"result > -1 and result <= 1", "", "s > -1, s <= 1", number, []float64{0.01}},
		{"result < 0.02 && !isNaN(result)", "", "s < 0.02", number, []float64{0.01}},
		{"len(result) == 1 && result[0] < 1", "", "s < 1", []float64{0.01}, []float64{0.01}},
		{"len(result) > 0 && max(result) < 0.3", "", "s < 0.3", list, []float64{0.25}},
		{"all(result, # < 0.05)", "", "s < 0.05", list, list},
		{"none(result, # > 0.05)", "any(result, # > 0.1)", "s <= 0.05, f > 0.1", list, list},
		{"max(result) < 0.02", "min(result) > 0.05", "s < 0.02", list, []float64{0.25}},
		{"result.p99 < 500", "result.p99 > 900", "s < 500, f > 900", object, []float64{480}},
		{"result.ok && result.p99 < 500", "", "s < 500", object, []float64{480}},
		{"result.ok", "", "", object, nil},
		{"result == 0.01", "", "", number, []float64{0.01}},
		{"result * 2 < 1", "", "", number, []float64{0.01}},
		{"result < result + 1", "", "", number, []float64{0.01}},
		{"!(result < 1)", "", "", 2.0, []float64{2}},
		{"count(result, # > 1) < 1", "", "", list, list},
		{"all(result, # < 0.05)", "", "s < 0.05", []any{0.01, 0.02}, []float64{0.01, 0.02}},
		{"all(result, # < 0.05)", "", "s < 0.05", []any{0.01, "x"}, nil},
		{"len(result) == 1", "", "", "text", nil},
	} {
		types := conditionTypes(false)
		if _, isList := test.result.([]any); isList || reflect.TypeOf(test.result) == reflect.TypeOf(object) || reflect.TypeOf(test.result).Kind() == reflect.String {
			types = conditionTypes(true)
		}
		m := &Metric{}
		for text, into := range map[string]**condition{test.success: &m.success, test.failure: &m.failure} {
			if text == "" {
				continue
			}
			c, err := compileCondition(text, types...)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			*into = c
		}
		var limits []string
		for _, l := range m.limits() {
			limits = append(limits, fmt.Sprintf("%s %s %v", l.Condition[:1], l.Operator, l.Value))
		}
		if got := strings.Join(limits, ", "); got != test.limits {
			t.Errorf("%s, %s: limits %q, want %q", test.success, test.failure, got, test.limits)
		}
		if got := m.numbers(test.result); !reflect.DeepEqual(got, test.numbers) {
			t.Errorf("%s, %s: %v is drawn of %v, want %v", test.success, test.failure, got, test.result, test.numbers)
		}
	}
}
