package clone

import (
	"context"
	"strings"
)

// Tags brings the tags of a glob, and so much of the history of head that one of them is in it, if one is; of a name without
// a glob it brings that branch or tag.
func (c *Clone) Tags(ctx context.Context, pattern, head string) error {
	if !strings.ContainsAny(pattern, "*?[") {
		_, err := c.find(ctx, pattern, "")
		return err
	}
	shallow, err := c.shallow(ctx)
	if err != nil {
		return err
	}
	refs := pattern
	if strings.Count(refs, "*") != 1 || strings.ContainsAny(refs, "?[") { // a refspec knows one star and nothing else
		refs = "*"
	}
	var depth []string
	if shallow {
		depth = []string{"--depth=1"}
	}
	c.say("fetching the tags " + refs)
	if err := c.fetch(ctx, append(depth, "origin", "+refs/tags/"+refs+":refs/tags/"+refs)...); err != nil || !shallow {
		return err
	}
	id, _, err := c.Commit(ctx, head)
	if err != nil {
		return err
	}
	for _, step := range append(steps, 0) {
		if shallow, err := c.shallow(ctx); err != nil || !shallow {
			return err
		}
		found, err := c.git(ctx, "for-each-ref", "--merged="+id, "--no-contains="+id, "--count=1", "--format=%(refname)", "--", "refs/tags/"+pattern)
		if err != nil || found != "" {
			return err
		}
		if err := c.deepen(ctx, step, id); err != nil {
			return err
		}
	}
	return nil
}

// DefaultBranch asks origin for the name of its default branch; "" when it does not say.
func (c *Clone) DefaultBranch(ctx context.Context) (string, error) {
	out, err := c.git(ctx, "ls-remote", "--symref", "--", "origin", "HEAD")
	for line := range strings.Lines(out) {
		if name, ok := strings.CutPrefix(line, "ref: refs/heads/"); ok {
			name, _, _ = strings.Cut(name, "\t")
			return name, nil
		}
	}
	return "", err
}
