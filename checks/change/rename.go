package change

import (
	"bytes"
	"cmp"
	"context"
	"hash/maphash"
	"path"
	"slices"
)

// maxRenames bounds the search for renames with edits: it is left out when more files than its square, appeared times
// disappeared, would have to be compared. Such files are then added and deleted.
const maxRenames = 400

// minSimilarity is the percentage of a renamed file's contents that has to be the same.
const minSimilarity = 50

// findRenames pairs deleted and added files of a worktree by git's measure (git-diff(1), -M). git itself can do this only
// for contents that are stored in the repository, and nothing is stored here.
func (c *Change) findRenames(ctx context.Context, files []File) ([]File, error) {
	var gone, come []int // indexes in files
	for i, f := range files {
		switch f.Status {
		case Deleted:
			gone = append(gone, i)
		case Added:
			come = append(come, i)
		}
	}
	if len(gone) == 0 || len(come) == 0 {
		return files, nil
	}
	pairs := exactRenames(files, gone, come)
	gone, come = unpaired(gone, come, pairs)
	if n := len(gone) * len(come); n > 0 && n <= maxRenames*maxRenames {
		edited, err := c.editedRenames(ctx, files, gone, come)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, edited...)
	}
	for _, p := range pairs {
		old := Entry{Path: files[p.old].Path, BlobID: files[p.old].OldBlobID, Kind: files[p.old].OldKind}
		new := Entry{Path: files[p.new].Path, BlobID: files[p.new].BlobID, Kind: files[p.new].Kind}
		files[p.new] = renamed(old, new, p.similarity)
		files[p.old].Status = "" // told by the new path
	}
	files = slices.DeleteFunc(files, func(f File) bool { return f.Status == "" })
	return files, nil
}

// pair is a renamed file: indexes in a list of files, and how much is the same in percent.
type pair struct{ old, new, similarity int }

// unpaired leaves out of two lists what pairs hold.
func unpaired(gone, come []int, pairs []pair) (stillGone, stillCome []int) {
	taken := map[int]bool{}
	for _, p := range pairs {
		taken[p.old], taken[p.new] = true, true
	}
	free := func(list []int) []int {
		return slices.DeleteFunc(slices.Clone(list), func(i int) bool { return taken[i] })
	}
	return free(gone), free(come)
}

// exactRenames pairs files with the same contents, those that also kept their base name first.
func exactRenames(files []File, gone, come []int) []pair {
	type contents struct {
		kind     Kind
		id, name string // name is "" when any will do
	}
	var pairs []pair
	for _, sameName := range []bool{true, false} {
		of := func(kind Kind, id, name string) contents {
			if !sameName {
				return contents{kind, id, ""}
			}
			return contents{kind, id, path.Base(name)}
		}
		gone, come := unpaired(gone, come, pairs)
		sources := map[contents][]int{}
		for _, i := range gone {
			key := of(files[i].OldKind, files[i].OldBlobID, files[i].Path)
			sources[key] = append(sources[key], i)
		}
		for _, i := range come {
			key := of(files[i].Kind, files[i].BlobID, files[i].Path)
			if olds := sources[key]; len(olds) > 0 && key.id != "" {
				pairs = append(pairs, pair{old: olds[0], new: i, similarity: 100})
				sources[key] = olds[1:]
			}
		}
	}
	return pairs
}

// editedRenames pairs files with similar contents, the most similar first.
func (c *Change) editedRenames(ctx context.Context, files []File, gone, come []int) ([]pair, error) {
	olds, err := profiles(ctx, c.base, files, gone)
	if err != nil {
		return nil, err
	}
	news, err := profiles(ctx, c.head, files, come)
	if err != nil {
		return nil, err
	}
	var candidates []pair
	for _, i := range gone {
		for _, j := range come {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if similarity := olds[i].similarity(news[j]); similarity >= minSimilarity {
				candidates = append(candidates, pair{i, j, similarity})
			}
		}
	}
	renamedOnly := func(p pair) int { // 0 when the base name stayed
		if path.Base(files[p.old].Path) == path.Base(files[p.new].Path) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(candidates, func(a, b pair) int {
		return cmp.Or(cmp.Compare(b.similarity, a.similarity), cmp.Compare(renamedOnly(a), renamedOnly(b)))
	})
	taken := map[int]bool{}
	var pairs []pair
	for _, p := range candidates {
		if !taken[p.old] && !taken[p.new] {
			taken[p.old], taken[p.new] = true, true
			pairs = append(pairs, p)
		}
	}
	return pairs, nil
}

// profile is what a file's contents are made of, sorted by piece.
type profile struct {
	pieces []piece
	size   int
}

// piece is a line, or 64 bytes of a longer one, and how many bytes of the contents consist of it.
type piece struct {
	hash  uint64
	bytes int
}

// profiles reads the files of a tree; one that cannot be read, or is not a regular file, has none.
func profiles(ctx context.Context, t *Tree, files []File, indexes []int) (map[int]profile, error) {
	var paths []string
	byPath := map[string]int{}
	for _, i := range indexes {
		if files[i].Kind == Regular {
			paths = append(paths, files[i].Path)
			byPath[files[i].Path] = i
		}
	}
	found := map[int]profile{}
	err := t.ReadMany(ctx, paths, func(path string, content []byte, err error) error {
		if err == nil {
			found[byPath[path]] = profileOf(content)
		}
		return nil
	})
	return found, err
}

var pieceSeed = maphash.MakeSeed()

func profileOf(content []byte) profile {
	if !isBinary(content) {
		content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
	}
	p := profile{size: len(content)}
	for len(content) > 0 {
		end := min(len(content), 64)
		if newline := bytes.IndexByte(content[:end], '\n'); newline >= 0 {
			end = newline + 1
		}
		p.pieces = append(p.pieces, piece{maphash.Bytes(pieceSeed, content[:end]), end})
		content = content[end:]
	}
	slices.SortFunc(p.pieces, func(a, b piece) int { return cmp.Compare(a.hash, b.hash) })
	merged := p.pieces[:0]
	for _, next := range p.pieces {
		if last := len(merged) - 1; last >= 0 && merged[last].hash == next.hash {
			merged[last].bytes += next.bytes
		} else {
			merged = append(merged, next)
		}
	}
	p.pieces = merged
	return p
}

// similarity is how much of the larger contents is in both, in percent.
func (p profile) similarity(q profile) int {
	larger := max(p.size, q.size)
	if p.size == 0 || q.size == 0 || min(p.size, q.size)*100 < larger*minSimilarity {
		return 0
	}
	same := 0
	for a, b := p.pieces, q.pieces; len(a) > 0 && len(b) > 0; {
		switch {
		case a[0].hash < b[0].hash:
			a = a[1:]
		case a[0].hash > b[0].hash:
			b = b[1:]
		default:
			same += min(a[0].bytes, b[0].bytes)
			a, b = a[1:], b[1:]
		}
	}
	return same * 100 / larger
}
