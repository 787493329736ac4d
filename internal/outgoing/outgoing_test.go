package outgoing

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"
)

func TestMayCarryToken(t *testing.T) {
	for address, want := range map[string]bool{
		"https://circleci.com/api/v2": true,
		"http://localhost:8080":       true,
		"http://127.0.0.1":            true,
		"http://[::1]:80/x":           true,
		"http://circleci.com":         false,
		"http://localhost.example":    false,
		"http://10.0.0.1":             false,
		"ftp://localhost":             false,
		"https:///path":               false,
		"circleci.com":                false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := MayCarryToken(u); got != want {
			t.Errorf("%s: %t", address, got)
		}
	}
}

func TestSleep(t *testing.T) {
	because := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(because)
	if err := Sleep(ctx, time.Hour); !errors.Is(err, because) {
		t.Errorf("an hour in a context that has ended: %v", err)
	}
	if err := Sleep(ctx, 0); err != nil {
		t.Errorf("no time at all: %v", err)
	}
	if err := Sleep(t.Context(), time.Nanosecond); err != nil {
		t.Error(err)
	}
}
