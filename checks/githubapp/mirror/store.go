package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// On disk a repository is
//
//	ID/lock             held by whoever changes anything below ID; its time is that of the last use
//	ID/N.git            generation N of the mirror; the highest that is not broken is fetched into
//	ID/N.use            held, shared, by whoever reads that generation
//	ID/N.broken         a file: nothing is fetched into that generation any more, and it goes when nobody reads it
//	ID/N.views/*        what readers read

func (m *Mirrors) trash() string             { return filepath.Join(m.o.Dir, "trash") }
func (m *Mirrors) folder(id int64) string    { return filepath.Join(m.o.Dir, strconv.FormatInt(id, 10)) }
func flock(file *os.File, how int) error     { return syscall.Flock(int(file.Fd()), how) }
func openLock(path string) (*os.File, error) { return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) }

// locked is a repository that nobody else changes.
type locked struct {
	m    *Mirrors
	id   int64
	file *os.File
	slot chan struct{}
}

func (m *Mirrors) slot(id int64) chan struct{} {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	slot := m.locks[id]
	if slot == nil {
		slot = make(chan struct{}, 1)
		m.locks[id] = slot
	}
	return slot
}

// lock waits until nobody else, here or in another process, changes a repository.
func (m *Mirrors) lock(ctx context.Context, id int64) (*locked, error) {
	slot := m.slot(id)
	select {
	case slot <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for another fetch of the repository: %w", context.Cause(ctx))
	}
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		l, err := m.lockFile(id, slot)
		if l != nil || err != nil {
			return l, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			<-slot
			return nil, fmt.Errorf("waiting for another process that fetches the repository: %w", context.Cause(ctx))
		}
	}
}

// tryLock is nil where somebody else changes the repository.
func (m *Mirrors) tryLock(id int64) (*locked, error) {
	slot := m.slot(id)
	select {
	case slot <- struct{}{}:
	default:
		return nil, nil
	}
	l, err := m.lockFile(id, slot)
	if l == nil && err == nil {
		<-slot
	}
	return l, err
}

// lockFile takes the lock on disk; nil where another process has it. With an error the slot is free again.
func (m *Mirrors) lockFile(id int64, slot chan struct{}) (*locked, error) {
	if err := os.MkdirAll(m.folder(id), 0o700); err != nil {
		<-slot
		return nil, asKind(err)
	}
	file, err := openLock(filepath.Join(m.folder(id), "lock"))
	if err != nil {
		<-slot
		return nil, asKind(err)
	}
	switch err := flock(file, syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		file.Close()
		return nil, nil
	case err != nil:
		file.Close()
		<-slot
		return nil, fmt.Errorf("locking %s: %w", file.Name(), err)
	}
	return &locked{m, id, file, slot}, nil
}

func (l *locked) unlock() {
	l.file.Close()
	<-l.slot
}

func (l *locked) touch() {
	now := l.m.o.Now()
	os.Chtimes(l.file.Name(), now, now) // for the order of eviction only
}

// generation is one mirror of a repository.
type generation struct {
	folder string // of the repository
	number int
	dir    string
	made   bool  // by this call
	was    int64 // bytes, before this call
}

func newGeneration(folder string, number int) *generation {
	return &generation{folder: folder, number: number, dir: filepath.Join(folder, strconv.Itoa(number)+".git")}
}

func (g *generation) beside(kind string) string {
	return filepath.Join(g.folder, strconv.Itoa(g.number)+"."+kind)
}

func (g *generation) broken() bool {
	_, err := os.Stat(g.beside("broken"))
	return err == nil
}

// condemn says that nothing is to be fetched into the generation any more.
func (g *generation) condemn() error {
	return asKind(os.WriteFile(g.beside("broken"), nil, 0o600))
}

// generations are those on disk, oldest first.
func (l *locked) generations() ([]*generation, error) {
	entries, err := os.ReadDir(l.m.folder(l.id))
	if err != nil {
		return nil, err
	}
	var all []*generation
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), ".git")
		if number, err := strconv.Atoi(name); ok && err == nil {
			all = append(all, newGeneration(l.m.folder(l.id), number))
		}
	}
	slices.SortFunc(all, func(a, b *generation) int { return a.number - b.number })
	return all, nil
}

// current is the generation to fetch into. The others are removed, unless somebody reads them.
func (l *locked) current() (*generation, error) {
	all, err := l.generations()
	if err != nil {
		return nil, err
	}
	next := 1
	for i, g := range all {
		next = g.number + 1
		if i == len(all)-1 && !g.broken() {
			return g, nil
		}
		if err := l.remove(g); err != nil {
			return nil, err
		}
	}
	g := newGeneration(l.m.folder(l.id), next)
	g.made = true
	return g, nil
}

// remove takes a generation away; nothing where somebody reads it.
func (l *locked) remove(g *generation) error {
	use, err := openLock(g.beside("use"))
	if err != nil {
		return err
	}
	defer use.Close()
	if flock(use, syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil
	}
	// Renamed first: half a mirror never stands where a whole one is looked for.
	trash, err := os.MkdirTemp(l.m.trash(), "")
	if err != nil {
		return err
	}
	l.m.forget(g.packs())
	for _, path := range []string{g.dir, g.beside("views"), g.beside("broken"), g.beside("use")} {
		if err := os.Rename(path, filepath.Join(trash, filepath.Base(path))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.RemoveAll(trash)
}

func (m *Mirrors) emptyTrash() {
	entries, _ := os.ReadDir(m.trash())
	for _, entry := range entries {
		os.RemoveAll(filepath.Join(m.trash(), entry.Name()))
	}
}

func (g *generation) size() int64 { return diskUsage(g.dir) }

func diskUsage(dir string) int64 {
	var total int64
	filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			if info, err := entry.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil // a file that has gone meanwhile
	})
	return total
}

// sweep removes what a git that was killed has left: nobody else writes here.
func (g *generation) sweep() {
	filepath.WalkDir(g.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil
		}
		name := entry.Name()
		if strings.HasSuffix(name, ".lock") || strings.HasPrefix(name, "tmp_") || strings.HasPrefix(name, ".tmp-") {
			os.Remove(path)
		}
		return nil
	})
}

// view makes the repository that one caller reads. held, the generation's use lock, is given up with it.
func (g *generation) view(commits []string, url string, held *os.File) (dir string, release func(), err error) {
	if err := os.MkdirAll(g.beside("views"), 0o700); err != nil {
		return "", nil, err
	}
	dir, err = os.MkdirTemp(g.beside("views"), "")
	if err != nil {
		return "", nil, err
	}
	shallow, err := os.ReadFile(filepath.Join(g.dir, "shallow"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, err
	}
	version, extension := 0, ""
	if len(commits[0]) == 64 {
		version, extension = 1, "[extensions]\n\tobjectFormat = sha256\n"
	}
	files := map[string]string{
		"HEAD":                    commits[len(commits)-1] + "\n",
		"config":                  fmt.Sprintf("[core]\n\trepositoryformatversion = %d\n\tbare = true\n%s[remote \"origin\"]\n\turl = %s\n", version, extension, url),
		"objects/info/alternates": filepath.Join(g.dir, "objects") + "\n",
		"refs/heads/.keep":        "",
	}
	if len(shallow) > 0 {
		files["shallow"] = string(shallow)
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			os.RemoveAll(dir)
			return "", nil, err
		}
	}
	var done sync.Once
	return dir, func() {
		done.Do(func() {
			os.RemoveAll(dir)
			held.Close()
		})
	}, nil
}

// Bytes is how much all mirrors take.
func (m *Mirrors) Bytes() int64 {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	var total int64
	for _, size := range m.sizes {
		total += size
	}
	return total
}

// measure reads from the disk how much the mirrors of one repository take.
func (m *Mirrors) measure(id int64) {
	size := diskUsage(m.folder(id))
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.sizes[id] = size
}

// rescan is how long sizes are believed, which other processes may have changed.
const rescan = 10 * time.Minute

func (m *Mirrors) scan() {
	sizes := map[int64]int64{}
	entries, _ := os.ReadDir(m.o.Dir)
	for _, entry := range entries {
		if id, err := strconv.ParseInt(entry.Name(), 10, 64); err == nil {
			sizes[id] = diskUsage(m.folder(id))
		}
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.sizes, m.scanned = sizes, m.o.Now()
}

// evict removes mirrors until all take no more than limit, those first that were not used for longest; none that is in use,
// and not that of one repository.
func (m *Mirrors) evict(limit, except int64) {
	if m.Bytes() <= limit {
		return
	}
	m.mutex.Lock()
	old := m.o.Now().Sub(m.scanned) > rescan
	m.mutex.Unlock()
	if old {
		m.scan()
	}
	type candidate struct {
		id   int64
		used time.Time
	}
	var candidates []candidate
	m.mutex.Lock()
	for id, size := range m.sizes {
		if id != except && size > 0 {
			candidates = append(candidates, candidate{id: id})
		}
	}
	m.mutex.Unlock()
	for i := range candidates {
		if info, err := os.Stat(filepath.Join(m.folder(candidates[i].id), "lock")); err == nil {
			candidates[i].used = info.ModTime()
		}
	}
	slices.SortFunc(candidates, func(a, b candidate) int { return a.used.Compare(b.used) })
	for _, c := range candidates {
		if m.Bytes() <= limit {
			return
		}
		if err := m.evictOne(c.id); err != nil {
			m.o.Log.Warn("a mirror could not be removed", "repository", c.id, "error", err)
		}
	}
}

func (m *Mirrors) evictOne(id int64) error {
	began := m.o.Now()
	l, err := m.tryLock(id)
	if l == nil {
		return err
	}
	defer l.unlock()
	generations, err := l.generations()
	if err != nil {
		return err
	}
	for _, g := range generations {
		err = errors.Join(err, l.remove(g))
	}
	before := m.Bytes()
	m.measure(id)
	if freed := before - m.Bytes(); freed > 0 {
		m.o.Log.Info("a mirror was removed to make room", "repository", id, "bytes", freed)
		m.o.Observe(Evicted, m.o.Now().Sub(began))
	}
	return err
}
