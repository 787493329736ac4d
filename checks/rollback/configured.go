package rollback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/checks/running"
)

// Configured fills what the options leave open with what the configuration at From says: where versions are found, and how one
// comes back. What is wrong with it is ErrUse.
func Configured(ctx context.Context, o Options) (Options, error) {
	o.From = cmp.Or(o.From, "HEAD")
	repo, err := change.OpenRepo(ctx, o.Repo)
	if err != nil {
		return o, err
	}
	path := cmp.Or(o.Config, checks.ConfigPath)
	o.Sources, err = running.Configured(ctx, repo, o.From, path, o.Sources)
	var mistakes *config.Error
	switch {
	case errors.As(err, &mistakes):
		return o, usef("the configuration at %s has mistakes:\n%w", o.From, err)
	case errors.Is(err, change.ErrUnknownRevision):
		return o, usef("--from: %w", err)
	case err != nil:
		return o, fmt.Errorf("read the configuration: %w", err)
	}
	if o.By != "" || len(o.Command) > 0 { // flags name one way: the file's is not mixed in
		return o, nil
	}
	content, err := repo.ReadFile(ctx, o.From, path, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err != nil {
		return o, fmt.Errorf("read the configuration: %w", err)
	}
	c, err := config.Parse(path, content, config.Known{})
	if err != nil {
		return o, err
	}
	o.By, o.Definition = c.Rollback.By, cmp.Or(o.Definition, c.Rollback.Definition)
	o.Branch, o.Tag = cmp.Or(o.Branch, c.Rollback.Branch), cmp.Or(o.Tag, c.Rollback.Tag)
	parameters := maps.Clone(c.Rollback.Parameters)
	if parameters == nil {
		parameters = map[string]any{}
	}
	maps.Copy(parameters, o.Parameters)
	o.Parameters = parameters
	return o, nil
}
