package change

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// The worktree is compared here and not by `git status` or `git diff-index`: to find out whether a file differs these run
// the clean filters that a repository's own configuration and attributes name. So git lists its index and the files that it
// does not ignore, which runs nothing, and the contents of files that are not as the index last saw them are hashed here.
//
// A submodule is taken to be at the commit that the index names, and attributes that convert line ends are not looked at
// (core.autocrlf is).

// compareWorktree lists the base's tree and the files on disk, and compares them.
func (c *Change) compareWorktree(ctx context.Context, repo *repository) error {
	c.base = &Tree{name: c.Base, reader: c.reader}
	c.head = &Tree{name: "the worktree", reader: c.reader}
	var indexed []indexEntry
	group, commands := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		c.base.entries, err = listTree(commands, repo.git, c.Base)
		return c.reader.explain(err)
	})
	group.Go(func() error {
		top := repo.git
		top.dir = repo.top // elsewhere only that directory's files are listed
		top.env = append(slices.Clip(top.env), "GIT_DIR="+repo.gitDir, "GIT_WORK_TREE="+repo.top)
		out, err := top.output(commands, maxOutput, "ls-files", "-z", "-t", "--stage", "--debug", "--cached", "--others", "--exclude-standard")
		if err == nil {
			indexed, err = parseIndex(out)
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	disk, err := newDisk(repo, len(c.Head) == 64)
	if err != nil {
		return err
	}
	c.head.disk = disk
	if c.head.entries, err = disk.entries(ctx, indexed); err != nil {
		return err
	}
	c.Files = compareEntries(c.base.entries, c.head.entries)
	c.Files, err = c.findRenames(ctx, c.Files)
	return err
}

// compareEntries is what differs between two sorted lists, sorted by path, without renames.
func compareEntries(base, head []Entry) []File {
	var files []File
	for len(base) > 0 || len(head) > 0 {
		switch {
		case len(head) == 0 || len(base) > 0 && base[0].Path < head[0].Path:
			files = append(files, deleted(base[0]))
			base = base[1:]
		case len(base) == 0 || head[0].Path < base[0].Path:
			files = append(files, added(head[0]))
			head = head[1:]
		default:
			old, new := base[0], head[0]
			if old.BlobID != new.BlobID || old.Kind != new.Kind || old.Executable != new.Executable {
				files = append(files, changed(old, new))
			}
			base, head = base[1:], head[1:]
		}
	}
	return files
}

// indexEntry is a path of the index, or an untracked file.
type indexEntry struct {
	Entry
	untracked bool
	conflict  bool // of an unfinished merge: several contents, none of them on disk
	sparse    bool // not checked out, and not meant to be
	seen      fileState
}

// fileState is what the index remembers of a file on disk. A file that still is so has the contents that the index names.
type fileState struct {
	changed, modified time.Time
	size              uint32
}

// parseIndex reads `git ls-files -z -t --stage --debug --cached --others`: "? <path>\0" for an untracked file, else
// "<tag> <mode> <id> <stage>\t<path>\0" and five lines of what the index remembers of the file. The manual does not fix the
// form of these lines: where they are not as expected, nothing is remembered and the file is read.
func parseIndex(out string) ([]indexEntry, error) {
	var entries []indexEntry
	for out != "" {
		record, rest, err := nextField(out)
		if err != nil {
			return nil, err
		}
		if name, ok := strings.CutPrefix(record, "? "); ok && name != "" {
			out = rest
			entries = append(entries, indexEntry{Entry: Entry{Path: name}, untracked: true})
			continue
		}
		attributes, name, ok := strings.Cut(record, "\t")
		fields := strings.Split(attributes, " ")
		if !ok || name == "" || len(fields) != 4 || len(fields[0]) != 1 || !isID(fields[2]) {
			return nil, fmt.Errorf("unexpected line %.120q in a list of files", record)
		}
		m, err := parseMode(fields[1])
		if err != nil {
			return nil, err
		}
		e := indexEntry{Entry: entry(name, fields[2], m), sparse: fields[0] == "S", conflict: fields[3] != "0"}
		e.seen, out = parseFileState(rest)
		if last := len(entries) - 1; e.conflict && last >= 0 && entries[last].Path == name {
			continue
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// parseFileState reads the lines that --debug adds, and returns what follows them.
func parseFileState(s string) (fileState, string) {
	values := map[string]string{}
	for strings.HasPrefix(s, "  ") {
		line, rest, ok := strings.Cut(s[2:], "\n")
		if !ok {
			return fileState{}, rest
		}
		for pair := range strings.SplitSeq(line, "\t") {
			if name, value, ok := strings.Cut(pair, ": "); ok {
				values[name] = value
			}
		}
		s = rest
	}
	changed, err1 := parseTime(values["ctime"])
	modified, err2 := parseTime(values["mtime"])
	size, err3 := strconv.ParseUint(values["size"], 10, 32)
	if errors.Join(err1, err2, err3) != nil {
		return fileState{}, s
	}
	return fileState{changed: changed, modified: modified, size: uint32(size)}, s
}

// parseTime reads "<seconds>:<nanoseconds>".
func parseTime(s string) (time.Time, error) {
	seconds, nanoseconds, _ := strings.Cut(s, ":")
	sec, err1 := strconv.ParseInt(seconds, 10, 64)
	nsec, err2 := strconv.ParseInt(nanoseconds, 10, 64)
	return time.Unix(sec, nsec), errors.Join(err1, err2)
}
