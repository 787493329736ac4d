package code

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"
)

const (
	// MaxFile is the size in bytes of the largest file that is read; larger ones are searched for names only.
	MaxFile = 8 << 20
	// fileTime is how long an extractor may take for each file.
	fileTime = 10 * time.Second
	// MaxMentions is how many mentions are kept.
	MaxMentions = 2000
)

// Finder finds the queries of both sides of a change. What is equal on both is read
// once. It is not safe for concurrent use.
type Finder struct {
	names  *Names
	files  map[string]*searched // by path and blob id
	groups map[string]*extraction

	readings *readings
}

// NewFinder makes a Finder that looks for what names selects.
func NewFinder(names *Names) *Finder {
	return &Finder{names: names, files: map[string]*searched{}, groups: map[string]*extraction{}, readings: &readings{}}
}

// For makes a Finder that looks for other names, and knows what texts came to that this one has read.
func (f *Finder) For(names *Names) *Finder {
	other := NewFinder(names)
	other.readings = f.readings
	return other
}

// Find is NewFinder(names).Find.
func Find(ctx context.Context, tree Tree, paths []string, names *Names) (*Found, error) {
	return NewFinder(names).Find(ctx, tree, paths)
}

// searched is what the search for names found in a file.
type searched struct {
	path     string
	blob     string
	content  []byte // of a file that an extractor wants
	reads    []int  // indexes of those extractors
	mentions []Mention
	unread   string
}

// Find searches the files at paths, which IsCode has chosen, and reads those that
// name something of the delta. The error is ctx's: a file that cannot be read is in
// Found.Unread.
func (f *Finder) Find(ctx context.Context, tree Tree, paths []string) (*Found, error) {
	files, err := f.search(ctx, tree, paths)
	if err != nil {
		return nil, err
	}
	found := &Found{Files: len(paths)}
	parsed := map[string]bool{}
	groups := map[string][]*searched{}
	for _, s := range files {
		if s.unread != "" {
			found.Unread = append(found.Unread, s.path+": "+s.unread)
		}
		for _, e := range s.reads {
			key := extractors[e].name() + "\x00" + extractors[e].group(s.path)
			groups[key] = append(groups[key], s)
			parsed[s.path] = true
		}
	}
	found.Parsed = len(parsed)
	results, err := f.extract(ctx, tree, paths, groups)
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		found.Queries = append(found.Queries, r.found.Queries...)
		found.Unread = append(found.Unread, r.found.Unread...)
		found.Mentions = append(found.Mentions, r.found.Mentions...)
	}
	found.Mentions = append(found.Mentions, outside(files, found.Queries)...)
	found.Queries = withoutSources(found.Queries)
	found.sort()
	return found, nil
}

func (f *Found) sort() {
	slices.SortStableFunc(f.Queries, func(a, b Query) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.SQL, b.SQL))
	})
	f.Queries = slices.CompactFunc(f.Queries, func(a, b Query) bool {
		return a.Path == b.Path && a.Line == b.Line && a.SQL == b.SQL && a.Name == b.Name
	})
	slices.SortStableFunc(f.Mentions, func(a, b Mention) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name, b.Name))
	})
	f.Mentions = slices.Compact(f.Mentions)
	f.Mentions = f.Mentions[:min(len(f.Mentions), MaxMentions)]
	slices.Sort(f.Unread)
	f.Unread = slices.Compact(f.Unread)
}

// search looks through all files for names, in parallel.
func (f *Finder) search(ctx context.Context, tree Tree, paths []string) ([]*searched, error) {
	files := make([]*searched, len(paths))
	var missing []string
	var at []int
	for i, p := range paths {
		blob, _ := tree.BlobID(p)
		if s := f.files[p+"\x00"+blob]; s != nil && blob != "" {
			files[i] = s
			continue
		}
		files[i] = &searched{path: p, blob: blob}
		missing, at = append(missing, p), append(at, i)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	next := 0
	err := tree.ReadMany(ctx, missing, func(_ string, content []byte, err error) error {
		s := files[at[next]]
		next++
		if err != nil {
			s.unread = err.Error()
			return nil
		}
		group.Go(func() error {
			f.look(s, content)
			return ctx.Err()
		})
		return nil
	})
	if waited := group.Wait(); err == nil {
		err = waited
	}
	if err != nil {
		return nil, err
	}
	for _, i := range at {
		if s := files[i]; s.blob != "" && s.unread == "" {
			f.files[s.path+"\x00"+s.blob] = s
		}
	}
	return files, nil
}

// look searches one file.
func (f *Finder) look(s *searched, content []byte) {
	selects, hits := f.names.scan(content)
	if len(hits) > 0 {
		s.mentions = mentions(s.path, content, hits)
	}
	if !selects {
		return
	}
	for i, e := range extractors {
		if !e.reads(s.path) || !e.may(content) {
			continue
		}
		if len(content) > MaxFile {
			s.unread = fmt.Sprintf("%d MiB large, of which only the names were searched", len(content)>>20)
			return
		}
		s.reads = append(s.reads, i)
	}
	if len(s.reads) > 0 {
		s.content = clean(content)
	}
}

// clean replaces NUL bytes and what is not UTF-8, one byte for one byte.
func clean(content []byte) []byte {
	if utf8.Valid(content) && bytes.IndexByte(content, 0) < 0 {
		return content
	}
	content = bytes.Clone(content)
	for i := 0; i < len(content); {
		r, n := utf8.DecodeRune(content[i:])
		if r == utf8.RuneError && n == 1 {
			content[i] = '?'
		} else if r == 0 {
			content[i] = ' '
		}
		i += n
	}
	return content
}

// extraction is what an extractor found in a group of files, and what that rests on.
type extraction struct {
	found Found
	files string // the paths and blob ids of the group; "" = not to be used again
	read  map[string]string
	lists map[string]string
}

// extract runs the extractors on their groups, in parallel.
func (f *Finder) extract(ctx context.Context, tree Tree, paths []string, groups map[string][]*searched) ([]*extraction, error) {
	keys := make([]string, 0, len(groups))
	for key := range groups {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	around := &surroundings{tree: tree, paths: paths}
	results := make([]*extraction, len(keys))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, key := range keys {
		files := groups[key]
		if old := f.groups[key]; old != nil && old.files != "" && old.files == identity(files) && around.unchanged(old) {
			results[i] = old
			continue
		}
		group.Go(func() error {
			name, _, _ := strings.Cut(key, "\x00")
			e := extractors[slices.IndexFunc(extractors, func(e extractor) bool { return e.name() == name })]
			results[i] = f.extractGroup(ctx, around, e, files)
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, key := range keys {
		f.groups[key] = results[i]
	}
	return results, nil
}

func identity(files []*searched) string {
	var b strings.Builder
	for _, s := range files {
		if s.blob == "" {
			return ""
		}
		b.WriteString(s.path + "\x00" + s.blob + "\x00")
	}
	return b.String()
}

// extractGroup runs one extractor on one group. A panic, or the end of its time, costs
// what it had not found yet, and is said.
func (f *Finder) extractGroup(ctx context.Context, around *surroundings, e extractor, files []*searched) *extraction {
	limited, cancel := context.WithTimeout(ctx, fileTime*time.Duration(len(files)))
	defer cancel()
	s := &sink{ctx: limited, source: e.name(), names: f.names, around: around, readings: f.readings, read: map[string]string{}, lists: map[string]string{}}
	list := make([]*file, len(files))
	for i, found := range files {
		list[i] = &file{path: found.path, content: found.content}
	}
	func() {
		defer func() {
			if p := recover(); p != nil {
				s.unread(list[0].path, fmt.Sprintf("reading it as %s went wrong: %v", e.name(), p))
			}
		}()
		e.extract(list, s)
	}()
	if ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		s.unread(list[0].path, "reading it took too long: a part of it may be missing")
	}
	return &extraction{found: s.found, files: identity(files), read: s.read, lists: s.lists}
}

// surroundings is the tree as extractors see it: the files beside those that they were given.
type surroundings struct {
	tree  Tree
	paths []string

	mu      sync.Mutex
	folders map[string][]string // made of paths when it is first asked for
	content map[string][]byte
}

// list is the application's files in a folder.
func (a *surroundings) list(folder string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.folders == nil {
		a.folders = map[string][]string{}
		for _, p := range a.paths {
			a.folders[path.Dir(p)] = append(a.folders[path.Dir(p)], p)
		}
	}
	return a.folders[folder]
}

// file is a file's content; nil where there is none, or it cannot be read.
func (a *surroundings) file(ctx context.Context, name string) []byte {
	if _, ok := a.tree.BlobID(name); !ok {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if content, ok := a.content[name]; ok {
		return content
	}
	var found []byte
	// The error of reading is that of a file beside the one that is read: there is nothing to say of it.
	_ = a.tree.ReadMany(ctx, []string{name}, func(_ string, content []byte, err error) error {
		if err == nil && len(content) <= MaxFile {
			found = clean(content)
		}
		return nil
	})
	if a.content == nil {
		a.content = map[string][]byte{}
	}
	a.content[name] = found
	return found
}

// unchanged tells that everything that an extractor looked at is as it was.
func (a *surroundings) unchanged(e *extraction) bool {
	for name, blob := range e.read {
		if now, _ := a.tree.BlobID(name); now != blob {
			return false
		}
	}
	for folder, list := range e.lists {
		if strings.Join(a.list(folder), "\x00") != list {
			return false
		}
	}
	return true
}

// withoutSources drops what stands in two places: what code was generated from, known
// by its name, since the generated query is the one that is sent; and what sqlx has
// taken from a macro, known by its text, since the macro is the better place.
func withoutSources(queries []Query) []Query {
	generated, macros := map[string]bool{}, map[string]bool{}
	for _, q := range queries {
		switch q.Source {
		case generatedSource:
			generated[q.Name] = true
		case "rust":
			macros[squeezed(q.SQL)] = true
		}
	}
	return slices.DeleteFunc(queries, func(q Query) bool {
		return q.Source == fileSource && q.Name != "" && generated[q.Name] || q.Source == cacheSource && macros[squeezed(q.SQL)]
	})
}

// squeezed is a text with single spaces.
func squeezed(s string) string { return strings.Join(strings.Fields(s), " ") }

// outside lists the mentions that stand in no query that was found.
func outside(files []*searched, queries []Query) []Mention {
	spans := map[string][]Query{}
	for _, q := range queries {
		spans[q.Path] = append(spans[q.Path], q)
	}
	var list []Mention
	for _, s := range files {
		for _, m := range s.mentions {
			if !slices.ContainsFunc(spans[m.Path], func(q Query) bool { return q.Line <= m.Line && m.Line <= q.EndLine }) {
				list = append(list, m)
			}
		}
	}
	return list
}
