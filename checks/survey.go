package checks

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/checks/postmortem"
	"github.com/pmcheck/pmcheck/checks/starter"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// Survey looks at the files on disk of the clone that a directory is in, and states what it takes to begin there. top is the
// clone's folder.
func Survey(ctx context.Context, repo string) (found starter.Found, top string, err error) {
	c, err := change.Open(ctx, change.Options{Repo: repo, Base: "HEAD", Worktree: true})
	if err != nil {
		return found, "", err
	}
	defer c.Close()
	files := c.HeadTree()
	databases, err := layout.Detect(readable{tree{files}}, nil)
	if err != nil {
		return found, "", fmt.Errorf("look for migrations: %w", err)
	}
	found.Repository, found.Branch = c.Repository, c.DefaultBranch
	for _, d := range databases {
		found.Databases = append(found.Databases, starter.Database{
			Engine: string(d.Engine), Framework: d.Framework, Root: d.Root, Migrations: ups(d), Unread: len(d.Unread),
		})
	}
	for _, e := range files.Entries() {
		found.Paths = append(found.Paths, e.Path)
	}
	found.Servers = servers(files)
	found.Postmortems = postmortemFolder(files)
	found.Redetect = func(content []byte) bool {
		c, err := config.Parse(ConfigPath, content, config.Known{Frameworks: layout.Frameworks()})
		if err != nil {
			return false
		}
		again, err := layout.Detect(readable{tree{files}}, layoutConfigs(c))
		return err == nil && slices.EqualFunc(databases, again, sameDatabase)
	}
	return found, files.Folder(), nil
}

// ups counts the ways up.
func ups(d layout.Database) int {
	n := 0
	for _, m := range d.Migrations {
		if m.Direction == layout.Up {
			n++
		}
	}
	return n
}

func sameDatabase(a, b layout.Database) bool {
	return a.Root == b.Root && a.Framework == b.Framework && a.Engine == b.Engine && a.Baseline == b.Baseline && len(a.Unread) == len(b.Unread) &&
		slices.EqualFunc(a.Migrations, b.Migrations, func(a, b layout.Migration) bool { return a.Path == b.Path && a.Direction == b.Direction })
}

var (
	serverFile  = regexp.MustCompile(`(?i)^(\.github/workflows/[^/]+|\.circleci/config|\.gitlab-ci|\.devcontainer/[^/]+|([^/]+/)?(docker-)?compose[^/]*)\.ya?ml$`)
	serverImage = regexp.MustCompile(`\b(?:postgres|cimg/postgres|circleci/postgres|postgis/postgis|timescale/timescaledb|pgvector/pgvector)(?::|:pg)([0-9]{1,2})\b`)
)

// servers are the versions of PostgreSQL that containers of the repository run, by the file that says so.
func servers(files *change.Tree) []starter.Server {
	var found []starter.Server
	for _, e := range files.Entries() {
		if e.Kind != change.Regular || !serverFile.MatchString(e.Path) {
			continue
		}
		content, err := files.Read(e.Path)
		if err != nil {
			continue
		}
		for _, m := range serverImage.FindAllSubmatch(content, -1) {
			s := starter.Server{Path: e.Path, Version: string(m[1])}
			if !slices.Contains(found, s) {
				found = append(found, s)
			}
		}
	}
	return found
}

// postmortemFolder is the folder with the most documents that pmcheck can read as post-mortems; "" for none.
func postmortemFolder(files *change.Tree) string {
	named := regexp.MustCompile(`(?i)^(post-?_?mortems?|incidents?|retrospectives?)$`)
	count := map[string]int{}
	for _, e := range files.Entries() {
		folder := path.Dir(e.Path)
		if e.Kind != change.Regular || !strings.EqualFold(path.Ext(e.Path), ".md") || !named.MatchString(path.Base(folder)) {
			continue
		}
		content, err := files.Read(e.Path)
		if err != nil {
			continue
		}
		if d, _ := postmortem.Parse(e.Path, content); d != nil && d.ID != "" {
			count[folder]++
		}
	}
	best := ""
	for folder, n := range count {
		if n > count[best] || n == count[best] && folder < best {
			best = folder
		}
	}
	return best
}
