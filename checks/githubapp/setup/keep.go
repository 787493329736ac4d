package setup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/pmcheck/pmcheck/checks/githubapp"
)

// Files are where the configuration of an App and its secrets are kept.
type Files struct {
	Config string // the file for pmcheck serve --config; the others stand beside it, with its name and their own ending
	Force  bool   // replace what is there
}

func (f Files) beside(ending string) string {
	return strings.TrimSuffix(f.Config, filepath.Ext(f.Config)) + ending
}

func (f Files) privateKey() string    { return f.beside(".private-key.pem") }
func (f Files) webhookSecret() string { return f.beside(".webhook-secret") }
func (f Files) clientSecret() string  { return f.beside(".client-secret") }

// Paths are all files, the configuration last.
func (f Files) Paths() []string {
	return []string{f.privateKey(), f.webhookSecret(), f.clientSecret(), f.Config}
}

// Vacant says why the files could not be written; nothing is written.
func (f Files) Vacant() error { return vacant(f.Force, f.Paths()...) }

// Keep writes the App's secrets, each into a file of its own, and a configuration that names
// them; all with mode 0600. github is the address of the GitHub, public that of pmcheck serve.
func (f Files) Keep(app App, github, public string) error {
	pairs := []struct {
		option string
		value  any
	}{
		{"app-id", app.ID},
		{"private-key-file", filepath.Base(f.privateKey())},
		{"webhook-secret-file", filepath.Base(f.webhookSecret())},
		{"client-id", app.ClientID},
		{"client-secret-file", filepath.Base(f.clientSecret())},
		{"github-url", github},
		{"url", public},
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Configuration of pmcheck serve, for the GitHub App %s of %s.\n# Paths are from this file's folder. docs/operations.md lists all keys.\n", printable(app.Slug), printable(app.Owner))
	for _, p := range pairs {
		option, ok := optionNamed(p.option)
		if !ok {
			return fmt.Errorf("pmcheck serve has no option %s", p.option)
		}
		line, err := yaml.Marshal(map[string]any{option.Key(): p.value})
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n# %s\n%s", option.Usage, line)
	}
	return keep(f.Force,
		file{f.privateKey(), []byte(app.PrivateKey)},
		file{f.webhookSecret(), []byte(app.WebhookSecret + "\n")},
		file{f.clientSecret(), []byte(app.ClientSecret + "\n")},
		file{f.Config, b.Bytes()})
}

func optionNamed(name string) (githubapp.Option, bool) {
	options := githubapp.Options()
	i := slices.IndexFunc(options, func(o githubapp.Option) bool { return o.Name == name })
	if i < 0 {
		return githubapp.Option{}, false
	}
	return options[i], true
}

// printable keeps a name that GitHub sent on one line.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, name)
}

// A file is one that is kept for nobody but its owner to read.
type file struct {
	path    string
	content []byte
}

// vacant says why files could not be written at these paths, before anything depends on it.
// With force an existing regular file may be replaced.
func vacant(force bool, paths ...string) error {
	for _, path := range paths {
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("%s cannot be written: %w", path, err)
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s exists and is not a file", path)
		case !force:
			return fmt.Errorf("%s exists: choose another with --out, or replace it with --force", path)
		}
		probe, err := os.CreateTemp(filepath.Dir(path), ".pmcheck-*")
		if err != nil {
			return fmt.Errorf("%s cannot be written: %w", path, err)
		}
		_ = probe.Close()
		if err := os.Remove(probe.Name()); err != nil {
			return fmt.Errorf("%s cannot be written: %w", path, err)
		}
	}
	return nil
}

// keep writes the files with mode 0600: each whole or not at all, the last only when all
// others are there. Without force it replaces nothing.
func keep(force bool, files ...file) error {
	for _, f := range files {
		if err := keepOne(force, f); err != nil {
			return fmt.Errorf("%s cannot be written: %w", f.path, err)
		}
	}
	return nil
}

func keepOne(force bool, f file) (err error) {
	out, err := os.CreateTemp(filepath.Dir(f.path), ".pmcheck-*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	_, err = out.Write(f.content)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	if force {
		return os.Rename(out.Name(), f.path)
	}
	return os.Link(out.Name(), f.path) // unlike a rename, it fails where something is
}
