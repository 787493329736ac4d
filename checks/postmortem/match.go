package postmortem

import (
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Match gives those of paths, in their order, that a glob selects. "**" stands for
// any folders; a glob without wildcards names a file, or a folder and with it the
// Markdown files at any depth inside. A malformed glob selects nothing.
func Match(globs, paths []string) []string {
	var selected []string
	for _, path := range paths {
		for _, glob := range globs {
			if matches(glob, path) {
				selected = append(selected, path)
				break
			}
		}
	}
	return selected
}

func matches(glob, path string) bool {
	if doublestar.MatchUnvalidated(glob, path) {
		return true
	}
	folder := strings.TrimSuffix(glob, "/") + "/"
	return !strings.ContainsAny(glob, `*?[{\`) && strings.HasPrefix(path, folder) && markdown(path)
}

func markdown(path string) bool {
	path = strings.ToLower(path)
	return strings.HasSuffix(path, ".md") || strings.HasSuffix(path, ".markdown")
}
