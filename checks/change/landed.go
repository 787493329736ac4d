package change

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Landing is one step of the head's branch, by first parents, that the base lacks: a merged pull request, or a commit that
// was made on the branch itself.
type Landing struct {
	Commit               // the merge commit, the squashed commit, or the commit itself
	PullRequest int      // its number by the commit's message; 0 when that names none
	Mark        string   // how its host writes the number: "#12", "!12"; "" for none
	Files       []string // what it adds, changes or deletes, sorted; both paths of a rename
}

// MaxLandings is how many landings a Change lists at most.
const MaxLandings = 250

// listLanded fills Landed and MoreLanded, with two commands: a list of commits and their first parents, and a process that
// compares all those pairs.
func (c *Change) listLanded(ctx context.Context, repo *repository) error {
	if c.Base == c.Head {
		return nil
	}
	out, err := repo.git.output(ctx, maxOutput, "rev-list", "--first-parent", fmt.Sprintf("--max-count=%d", MaxLandings+1),
		"--encoding=UTF-8", "--format=%x00%P%x00%ct%x00%s%x00%b%x00", c.Head, "^"+c.Base, "--")
	if err != nil {
		return err
	}
	landed, parents, err := parseLanded(out)
	if err != nil {
		return err
	}
	if len(landed) > MaxLandings {
		landed, c.MoreLanded = landed[:MaxLandings], true
	}
	ends, err := repo.shallowEnds()
	if err != nil {
		return err
	}
	var pairs strings.Builder
	for _, l := range landed {
		if ends[l.ID] {
			c.MoreLanded = true // and what it changed is not known here
			continue
		}
		fmt.Fprintln(&pairs, strings.TrimSpace(l.ID+" "+parents[l.ID]))
	}
	files, err := changedFiles(ctx, repo.git, pairs.String())
	if err != nil {
		return c.reader.explain(err)
	}
	for i := range landed {
		landed[i].Files = files[landed[i].ID]
	}
	c.Landed = landed
	return nil
}

// changedFiles compares pairs of commits, one "<id> <parent>" on each line; a root commit stands alone.
func changedFiles(ctx context.Context, g git, pairs string) (map[string][]string, error) {
	if pairs == "" {
		return nil, nil
	}
	out, err := g.input(ctx, maxOutput, pairs, "diff-tree", "--stdin", "--root", "--raw", "-r", "-z", "--no-renames",
		"--no-ext-diff", "--no-textconv", "--ignore-submodules=none")
	if err != nil {
		return nil, err
	}
	return parseChangedFiles(out)
}

// parseChangedFiles reads what diff-tree --stdin --raw -z prints: "<id>\0" and then ":<modes, ids, status>\0<path>\0" for
// every file. A commit that changes nothing is not printed.
func parseChangedFiles(out string) (map[string][]string, error) {
	files := map[string][]string{}
	at := ""
	for out != "" {
		field, rest, err := nextField(out)
		if err != nil {
			return nil, err
		}
		out = rest
		switch {
		case strings.HasPrefix(field, ":"):
			path, rest, err := nextField(out)
			if err != nil {
				return nil, err
			}
			if at == "" || path == "" {
				return nil, fmt.Errorf("unexpected line %.120q in a list of changed files", field)
			}
			out = rest
			files[at] = append(files[at], path)
		case isID(field):
			at = field
		default:
			return nil, fmt.Errorf("unexpected line %.120q in a list of changed files", field)
		}
	}
	for id := range files {
		slices.Sort(files[id])
	}
	return files, nil
}

// parseLanded reads `git rev-list --format=%x00%P%x00%ct%x00%s%x00%b%x00`. The first parent of each commit is returned
// beside it.
func parseLanded(out string) (landed []Landing, parents map[string]string, err error) {
	parents = map[string]string{}
	for out != "" {
		var fields [5]string
		for i := range fields {
			if fields[i], out, err = nextField(out); err != nil {
				return nil, nil, err
			}
		}
		id, ok := strings.CutPrefix(strings.TrimSuffix(fields[0], "\n"), "commit ")
		seconds, numberErr := strconv.ParseInt(fields[2], 10, 64)
		if !ok || !isID(id) || numberErr != nil {
			return nil, nil, fmt.Errorf("unexpected line %.120q in a list of commits", fields[0])
		}
		parent, _, _ := strings.Cut(fields[1], " ")
		if parent != "" && !isID(parent) {
			return nil, nil, fmt.Errorf("unexpected parent %.120q in a list of commits", parent)
		}
		parents[id] = parent
		out = strings.TrimPrefix(out, "\n")
		l := Landing{Commit: Commit{ID: id, Title: cut(fields[3], maxTitle), Body: cut(strings.TrimSpace(fields[4]), maxBody), Time: time.Unix(seconds, 0).UTC()}}
		l.PullRequest, l.Mark, l.Title = pullRequestOf(l.Title, fields[4])
		landed = append(landed, l)
	}
	return landed, parents, nil
}

// The messages by which hosts and bots merge.
var (
	merged = []struct {
		title *regexp.Regexp // its group is the number
		mark  string
	}{
		{regexp.MustCompile(`^Merge pull request #(\d{1,9}) from \S`), "#"},         // GitHub
		{regexp.MustCompile(`^Merged in \S.* \(pull request #(\d{1,9})\)$`), "#"},   // Bitbucket
		{regexp.MustCompile(`^(?:Auto merge of|Merge) #(\d{1,9})(?:[ :,]|$)`), "#"}, // bors
	}
	azure    = regexp.MustCompile(`^Merged PR (\d{1,9}): (.+)$`)
	squashed = regexp.MustCompile(`^(.*\S)\s*\(([#!])(\d{1,9})\)$`)                            // GitHub, and GitLab where it is set so
	gitlab   = regexp.MustCompile(`(?m)^See merge request (?:[\w.-]+/)*[\w.-]*!(\d{1,9})\s*$`) // GitLab's default
)

// pullRequestOf finds the number of a pull or merge request in a commit's message, the mark that its host writes before it,
// and its title. Without one, the number is 0 and the title is the commit's.
func pullRequestOf(title, body string) (number int, mark, of string) {
	for _, form := range merged {
		if m := form.title.FindStringSubmatch(title); m != nil {
			return atoi(m[1]), form.mark, firstLine(body, title)
		}
	}
	if m := azure.FindStringSubmatch(title); m != nil {
		return atoi(m[1]), "#", m[2]
	}
	if m := squashed.FindStringSubmatch(title); m != nil {
		return atoi(m[3]), m[2], m[1]
	}
	if m := gitlab.FindStringSubmatch(body); m != nil {
		if strings.HasPrefix(title, "Merge branch ") {
			title = firstLine(body, title)
		}
		return atoi(m[1]), "!", title
	}
	return 0, "", title
}

// firstLine is the first line of a text that is not blank.
func firstLine(text, otherwise string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			return cut(line, maxTitle)
		}
	}
	return otherwise
}

func atoi(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}
