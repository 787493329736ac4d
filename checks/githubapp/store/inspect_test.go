package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An inspection says what is there, before and after, and makes nothing.
func TestInspect(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		found, err := Inspect(t.Context(), url)
		if err != nil || found.Made || found.Newest < 1 {
			t.Errorf("before: %+v, %v", found, err)
		}
		if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the inspection made the file: %v", err)
			}
		} else if found.Number < 140000 || found.Server == "" {
			t.Errorf("the server is %+v", found)
		}
		s := open(t, url, Options{})
		if found, err = Inspect(t.Context(), url); err != nil || !found.Made || found.Version != found.Newest {
			t.Errorf("while it is open: %+v, %v", found, err)
		}
		if _, err := s.write(t.Context(), "INSERT INTO store_migrations (version) VALUES (?1)", 9999); err != nil {
			t.Fatal(err)
		}
		s.Close()
		if found, err = Inspect(t.Context(), url); err != nil || found.Version != 9999 {
			t.Errorf("newer than the program: %+v, %v", found, err)
		}
	})
}

func TestInspectWhatCannotBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pmcheck.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if found, err := Inspect(t.Context(), "sqlite:"+path); err == nil {
		t.Errorf("%+v", found)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Inspect(ctx, "postgres://pmcheck:SECRET@127.0.0.1:1/pmcheck")
	if err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("the error is %v", err)
	}
}
