package lint

import (
	"context"
	"errors"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/pmcheck/pmcheck/migrations-lint/layout"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// script is a migration's half as the server would be sent it, parsed.
type script struct {
	migration layout.Migration
	content   []byte
	text      layout.Script
	parsed    *postgres.Script
	failed    string // why there is nothing to parse
}

type scriptKey struct {
	path      string // what a framework makes of a file may depend on its name
	blob      string
	head      bool // of the head, where the content has no id
	direction layout.Direction
}

// scripts are the parsed migrations of both sides.
type scripts map[scriptKey]*script

func keyOf(files Source, m layout.Migration, head bool) scriptKey {
	key := scriptKey{path: m.Path, direction: m.Direction}
	if key.blob, _ = files.BlobID(m.Path); key.blob == "" {
		key.head = head
	}
	return key
}

// parseAll reads and parses every up migration of both sides, and the downs of
// those that the change touches, each content once and on all processors.
func parseAll(ctx context.Context, req Request) (scripts, error) {
	all := scripts{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	err := all.parseSide(ctx, group, req.BaseFiles, req.Base, false, func(m layout.Migration) bool {
		return m.Direction != layout.Down
	})
	if err == nil {
		err = all.parseSide(ctx, group, req.HeadFiles, req.Head, true, func(m layout.Migration) bool {
			return m.Direction != layout.Down || req.Touched[m.Path].Status != Unchanged
		})
	}
	if parsing := group.Wait(); err == nil {
		err = parsing
	}
	return all, err
}

// parseSide reads the wanted migrations of one tree in order and has them parsed meanwhile.
func (s scripts) parseSide(ctx context.Context, group *errgroup.Group, files Source, db *layout.Database, head bool, wanted func(layout.Migration) bool) error {
	if db == nil {
		return nil
	}
	halves := map[string][]*script{}
	var paths []string
	for _, m := range db.Migrations {
		key := keyOf(files, m, head)
		if !wanted(m) || s[key] != nil {
			continue
		}
		s[key] = &script{migration: m}
		if halves[m.Path] == nil {
			paths = append(paths, m.Path)
		}
		halves[m.Path] = append(halves[m.Path], s[key])
	}
	// Neighbours are parsed together: a task of its own for each small file would cost more than it saves.
	const together = 16
	var batch []*script
	hand := func() {
		part := batch
		batch = nil
		group.Go(func() error {
			for _, script := range part {
				if err := ctx.Err(); err != nil {
					return err
				}
				script.parse()
			}
			return nil
		})
	}
	err := files.ReadMany(ctx, paths, func(path string, content []byte, err error) error {
		for _, script := range halves[path] {
			if err != nil {
				if why := errors.Unwrap(err); why != nil {
					err = why // the path stands beside it
				}
				script.failed = err.Error()
				continue
			}
			script.content = content
			batch = append(batch, script)
		}
		if len(batch) >= together {
			hand()
		}
		return nil
	})
	hand()
	return err
}

func (s *script) parse() {
	var err error
	if s.text, err = s.migration.SQL(s.content); err != nil {
		s.failed = err.Error()
		return
	}
	s.parsed = postgres.Parse(s.text.Text)
}
