package store

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
)

func TestTurnstile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gate turnstile
		var order []string
		enter := func(name string, urgent bool) {
			go func() {
				if err := gate.enter(t.Context(), urgent); err != nil {
					t.Error(err)
				}
				order = append(order, name)
			}()
			synctest.Wait()
		}
		enter("first", false)
		for _, name := range []string{"a", "b", "c"} {
			enter(name, false)
		}
		gone, cancel := context.WithCancel(t.Context())
		left := make(chan error, 2)
		go func() { left <- gate.enter(gone, true) }()
		go func() { left <- gate.enter(gone, false) }()
		synctest.Wait()
		for _, name := range []string{"A", "B", "C"} {
			enter(name, true)
		}
		cancel()
		for range 2 {
			if err := <-left; !errors.Is(err, context.Canceled) {
				t.Errorf("who does not wait any more is told %v", err)
			}
		}
		for range 7 {
			gate.leave()
			synctest.Wait()
		}
		if want := []string{"first", "A", "a", "B", "b", "C", "c"}; !slices.Equal(order, want) {
			t.Errorf("they come through as %v, want %v", order, want)
		}
		enter("last", false) // nobody has it
		if len(order) != 8 {
			t.Error("nobody comes through any more")
		}
	})
}
