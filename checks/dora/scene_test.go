package dora

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/postmortem"
)

var update = flag.Bool("update", false, "write the golden files")

// scene is a repository and what was deployed of it.
type scene struct {
	t         testing.TB
	dir       string
	main      string // the branch's newest commit
	found     Found
	options   Options
	documents []*postmortem.Document
}

func newScene(t testing.TB, from, to string) *scene {
	t.Helper()
	s := &scene{t: t, dir: t.TempDir(), found: Found{What: "runs of the test"}}
	s.options.From, s.options.To = s.at(from), s.at(to)
	s.write("HEAD", "ref: refs/heads/main\n")
	s.write("config", "[core]\n\trepositoryformatversion = 0\n\tbare = false\n")
	return s
}

func (s *scene) at(text string) time.Time {
	s.t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		s.t.Fatal(err)
	}
	return at
}

// write puts a file into the repository's folder.
func (s *scene) write(name, content string) {
	s.t.Helper()
	path := filepath.Join(s.dir, ".git", filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		s.t.Fatal(err)
	}
}

// object writes a loose object as git does, without starting it, and gives its id.
func (s *scene) object(kind, content string) string {
	s.t.Helper()
	text := fmt.Sprintf("%s %d\x00%s", kind, len(content), content)
	id := fmt.Sprintf("%x", sha1.Sum([]byte(text)))
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	w.Write([]byte(text))
	w.Close()
	s.write("objects/"+id[:2]+"/"+id[2:], packed.String())
	return id
}

// off makes a commit on another branch, after some parents.
func (s *scene) off(at, message string, parents ...string) string {
	s.t.Helper()
	text := "tree " + s.object("tree", "") + "\n"
	for _, parent := range parents {
		text += "parent " + parent + "\n"
	}
	seconds := s.at(at).Unix()
	return s.object("commit", fmt.Sprintf("%sauthor a <a@example.com> %d +0000\ncommitter c <c@example.com> %d +0000\n\n%s\n", text, seconds, seconds, message))
}

// commit makes a commit on main; what it merges stands behind the message.
func (s *scene) commit(at, message string, merges ...string) string {
	s.t.Helper()
	parents := merges
	if s.main != "" {
		parents = append([]string{s.main}, merges...)
	}
	s.main = s.off(at, message, parents...)
	s.write("refs/heads/main", s.main+"\n")
	return s.main
}

func (s *scene) run(number int64, name, commit, ended string, outcome Outcome) {
	s.t.Helper()
	r := Run{Name: name, Number: number, Commit: commit, Outcome: outcome, Started: s.options.To.Add(-time.Minute)}
	if ended != "" {
		r.Ended = s.at(ended)
		r.Started = r.Ended.Add(-5 * time.Minute)
	}
	s.found.Runs = append(s.found.Runs, r)
}

// deployed is a run of five minutes that succeeded.
func (s *scene) deployed(number int64, name, commit, ended string) {
	s.t.Helper()
	s.run(number, name, commit, ended, Succeeded)
}

func (s *scene) incident(d postmortem.Document) {
	d.Path = "docs/postmortems/" + d.ID + ".md"
	s.documents = append(s.documents, &d)
}

// Runs makes the scene a source.
func (s *scene) Runs(context.Context, time.Time, time.Time) (*Found, error) { return &s.found, nil }

func (s *scene) measure() *Report {
	s.t.Helper()
	repo, err := change.OpenRepo(context.Background(), s.dir)
	if err != nil {
		s.t.Fatal(err)
	}
	s.options.Documents = s.documents
	r, err := Measure(context.Background(), repo, s, s.options)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// value is a metric's figure; -1 stands for no data.
func value(r *Report, id string) float64 {
	for _, m := range r.Metrics {
		if m.ID == id && m.Value != nil {
			return *m.Value
		}
	}
	return -1
}

func wantValues(t *testing.T, r *Report, want map[string]float64) {
	t.Helper()
	for id, n := range want {
		if got := value(r, id); got != n {
			t.Errorf("%s is %v, want %v", id, got, n)
		}
	}
}

// names are the deployments, with what was found of each.
func names(r *Report) string {
	var out []string
	for _, d := range r.Deployments {
		name := d.Name
		for _, mark := range []struct {
			is   bool
			mark string
		}{{d.Rollback, " rollback"}, {d.Failed, " failed"}, {d.Rework != "", " rework"}, {d.Unknown, " unknown"}} {
			if mark.is {
				name += mark.mark
			}
		}
		out = append(out, name)
	}
	return strings.Join(out, "; ")
}
