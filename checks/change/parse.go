package change

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// nextField cuts s at its first NUL.
func nextField(s string) (field, rest string, err error) {
	field, rest, ok := strings.Cut(s, "\x00")
	if !ok {
		return "", "", fmt.Errorf("unexpected end of git's answer at %.80q", s)
	}
	return field, rest, nil
}

// parseMode reads an octal file mode as git prints it.
func parseMode(s string) (mode, error) {
	m, err := strconv.ParseUint(s, 8, 32)
	if err != nil {
		return 0, fmt.Errorf("unexpected file mode %.20q in git's answer", s)
	}
	return mode(m), nil
}

// mode is a file mode in a tree or an index: the type in the upper bits, and whether the file is executable.
type mode uint32

func (m mode) kind() Kind {
	switch m & 0o170000 {
	case 0o120000:
		return Symlink
	case 0o160000:
		return Submodule
	}
	return Regular
}

func (m mode) executable() bool { return m.kind() == Regular && m&0o100 != 0 }

func entry(path, id string, m mode) Entry {
	return Entry{Path: path, BlobID: id, Kind: m.kind(), Executable: m.executable()}
}

// parseTree reads `git ls-tree -r -z`: "<mode> <type> <id>\t<path>\0". The result is sorted by path.
func parseTree(out string) ([]Entry, error) {
	entries := make([]Entry, 0, strings.Count(out, "\x00"))
	for out != "" {
		record, rest, err := nextField(out)
		if err != nil {
			return nil, err
		}
		out = rest
		attributes, path, ok := strings.Cut(record, "\t")
		fields := strings.SplitN(attributes, " ", 4)
		if !ok || path == "" || len(fields) != 3 || !isID(fields[2]) {
			return nil, fmt.Errorf("unexpected line %.120q in a tree", record)
		}
		m, err := parseMode(fields[0])
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry(path, fields[2], m))
	}
	return entries, sortEntries(entries)
}

// sortEntries sorts by path. A tree that names a path twice is refused: a checkout shows one of the two and nobody can say
// which one was reviewed.
func sortEntries(entries []Entry) error {
	if !slices.IsSortedFunc(entries, byPath) {
		slices.SortFunc(entries, byPath)
	}
	for i := 1; i < len(entries); i++ {
		if entries[i].Path == entries[i-1].Path {
			return fmt.Errorf("a tree names the path %q twice; no git command makes such a tree", entries[i].Path)
		}
	}
	return nil
}

func byPath(a, b Entry) int { return strings.Compare(a.Path, b.Path) }

// parseDiff reads `git diff-tree --raw -r -z -M` (git-diff-tree(1), RAW OUTPUT FORMAT):
// ":<old mode> <new mode> <old id> <new id> <status>\0<path>\0", and a second path after a rename. Sorted by path.
func parseDiff(out string) ([]File, error) {
	var files []File
	for out != "" {
		record, rest, err := nextField(out)
		if err != nil {
			return nil, err
		}
		fields := strings.Split(strings.TrimPrefix(record, ":"), " ")
		if !strings.HasPrefix(record, ":") || len(fields) != 5 || !isID(fields[2]) || !isID(fields[3]) || fields[4] == "" {
			return nil, fmt.Errorf("unexpected line %.120q in a diff", record)
		}
		oldMode, err := parseMode(fields[0])
		if err != nil {
			return nil, err
		}
		newMode, err := parseMode(fields[1])
		if err != nil {
			return nil, err
		}
		path, rest, err := nextField(rest)
		if err != nil {
			return nil, err
		}
		oldPath := path
		status := fields[4][0]
		if status == 'R' || status == 'C' {
			if path, rest, err = nextField(rest); err != nil {
				return nil, err
			}
		}
		out = rest
		if path == "" || oldPath == "" {
			return nil, errors.New("empty path in a diff")
		}
		old, new := entry(oldPath, fields[2], oldMode), entry(path, fields[3], newMode)
		switch status {
		case 'A', 'C': // a copy leaves its source alone
			files = append(files, added(new))
		case 'D':
			files = append(files, deleted(old))
		case 'M', 'T':
			files = append(files, changed(old, new))
		case 'R':
			similarity, err := strconv.Atoi(fields[4][1:])
			if err != nil || similarity < 0 || similarity > 100 {
				return nil, fmt.Errorf("unexpected status %.20q in a diff", fields[4])
			}
			files = append(files, renamed(old, new, similarity))
		default:
			return nil, fmt.Errorf("unexpected status %.20q in a diff", fields[4])
		}
	}
	sortFiles(files)
	return files, nil
}

func sortFiles(files []File) {
	slices.SortStableFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
}

func added(new Entry) File {
	return File{Status: Added, Path: new.Path, Kind: new.Kind, BlobID: new.BlobID, executable: new.Executable}
}

func deleted(old Entry) File {
	return File{Status: Deleted, Path: old.Path, Kind: old.Kind, OldKind: old.Kind, OldBlobID: old.BlobID, oldExecutable: old.Executable}
}

func changed(old, new Entry) File {
	f := added(new)
	f.Status = Modified
	if old.Kind != new.Kind {
		f.Status = TypeChanged
	}
	f.OldKind, f.OldBlobID, f.oldExecutable = old.Kind, old.BlobID, old.Executable
	return f
}

func renamed(old, new Entry, similarity int) File {
	f := changed(old, new)
	f.Status, f.OldPath, f.Similarity = Renamed, old.Path, similarity
	return f
}

// As much of a commit's title, and of what stands below it, as is kept.
const (
	maxTitle = 1000
	maxBody  = 4000
)

// parseCommits reads `git rev-list --format='%ct %s%x00%b%x00'`:
// "commit <id>\n<seconds> <title>\0<body>\0\n".
func parseCommits(out string) ([]Commit, error) {
	var commits []Commit
	for out != "" {
		header, rest, _ := strings.Cut(out, "\n")
		line, rest, ok := strings.Cut(rest, "\x00")
		body, rest, ends := strings.Cut(rest, "\x00\n")
		id, isHeader := strings.CutPrefix(header, "commit ")
		seconds, title, _ := strings.Cut(line, " ")
		committed, err := strconv.ParseInt(seconds, 10, 64)
		if !ok || !ends || !isHeader || !isID(id) || err != nil || strings.Contains(line, "\n") {
			return nil, fmt.Errorf("unexpected line %.120q in a list of commits", header+"\n"+line)
		}
		commits = append(commits, Commit{ID: id, Title: cut(title, maxTitle), Body: cut(strings.TrimSpace(body), maxBody), Time: time.Unix(committed, 0).UTC()})
		out = rest
	}
	return commits, nil
}

// cut is at most so many bytes of a text, and no half of a character.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// configuration is what is read of git's configuration. Keys are in lower case except for a remote's name.
type configuration map[string]string

// wanted is the pattern of the keys that are read.
const wanted = `^(remote\.origin\.url|remote\..*\.promisor|extensions\.partialclone|init\.defaultbranch|core\.(filemode|symlinks|autocrlf))$`

// parseConfiguration reads `git config -z --get-regexp`: "<key>\n<value>\0", or "<key>\0" for a key without value, which
// means true. The last value of a key wins, as in git, except that a remote's first URL is the one it fetches from.
func parseConfiguration(out string) (configuration, error) {
	c := configuration{}
	for out != "" {
		record, rest, err := nextField(out)
		if err != nil {
			return nil, err
		}
		out = rest
		key, value, ok := strings.Cut(record, "\n")
		if !ok {
			value = "true"
		}
		if _, set := c[key]; set && key == "remote.origin.url" {
			continue
		}
		c[key] = value
	}
	return c, nil
}

// isTrue reads a boolean (git-config(1), Values); fallback is for a key that is not set.
func (c configuration) isTrue(key string, fallback bool) bool {
	value, set := c[key]
	if !set {
		return fallback
	}
	switch strings.ToLower(value) {
	case "true", "yes", "on", "1":
		return true
	}
	return false
}

// isPartialClone tells whether objects may be missing on purpose (git clone --filter).
func (c configuration) isPartialClone() bool {
	for key := range c {
		if key == "extensions.partialclone" || strings.HasSuffix(key, ".promisor") && c.isTrue(key, false) {
			return true
		}
	}
	return false
}

// repositoryName is "owner/name" of a remote's URL (https, ssh, git, or user@host:path), or "" for anything else, a local
// path among them. A user name or a password in the URL is never part of it.
func repositoryName(url string) string {
	_, path := splitRemote(url)
	return path
}

// repositoryAddress is where a remote's repository is read with a browser, as hosts of repositories have it:
// https://host/owner/name; "" when the URL does not tell. It never holds a user name or a password.
func repositoryAddress(url string) string {
	host, path := splitRemote(url)
	name, port, _ := strings.Cut(host, ":")
	if path == "" || !strings.Contains(name, ".") || strings.Trim(name, nameCharacters) != "" || strings.Trim(port, "0123456789") != "" {
		return "" // a name without a dot is an alias of somebody's ssh configuration
	}
	scheme, _, isURL := strings.Cut(strings.ToLower(url), "://")
	switch {
	case isURL && scheme == "http":
		return "http://" + host + "/" + path
	case isURL && scheme == "https":
		return "https://" + host + "/" + path
	}
	return "https://" + name + "/" + path // the port was ssh's or git's
}

// splitRemote splits a remote's URL in its host, with the port that it names, and the repository's path; both are "" for
// what is no such URL.
func splitRemote(url string) (host, path string) {
	if scheme, rest, ok := strings.Cut(url, "://"); ok {
		switch strings.ToLower(scheme) {
		case "https", "http", "ssh", "git", "git+ssh", "ssh+git":
		default:
			return "", ""
		}
		host, path, _ = strings.Cut(rest, "/")
	} else {
		before, rest, ok := strings.Cut(url, ":")
		if !ok || len(before) < 2 || strings.ContainsAny(before, `/\`) { // one letter is a drive
			return "", ""
		}
		host, path = before, strings.TrimPrefix(rest, "/")
	}
	host = strings.ToLower(host[strings.LastIndex(host, "@")+1:])
	path = strings.TrimSuffix(strings.TrimSuffix(path, "/"), ".git")
	segments := strings.Split(path, "/")
	if len(segments) < 2 {
		return "", ""
	}
	for _, segment := range segments {
		if segment == "" || segment == "." || segment == ".." || strings.Trim(segment, nameCharacters) != "" {
			return "", ""
		}
	}
	return host, path
}

// nameCharacters are the characters that hosts allow in the names of owners and repositories.
const nameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
