package mirror

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"
)

func (g *generation) packs() []string {
	packs, _ := filepath.Glob(filepath.Join(g.dir, "objects", "pack", "*.pack"))
	return packs
}

// examine reads the packs that this process has not made and not read yet, against the checksum at their end: a disk or a
// machine that failed may have left what no command of git would notice before somebody reads that very file.
func (m *Mirrors) examine(ctx context.Context, g *generation) error {
	for _, pack := range g.packs() {
		info, err := os.Stat(pack)
		if err != nil {
			return err
		}
		m.mutex.Lock()
		known := m.whole[pack].Equal(info.ModTime())
		m.mutex.Unlock()
		if known {
			continue
		}
		if err := checkPack(ctx, pack); err != nil {
			return err
		}
		m.remember(pack, info.ModTime())
	}
	return nil
}

// trust takes the packs of a generation as whole: git has just written them, or they were examined.
func (m *Mirrors) trust(g *generation) {
	for _, pack := range g.packs() {
		if info, err := os.Stat(pack); err == nil {
			m.remember(pack, info.ModTime())
		}
	}
}

func (m *Mirrors) remember(pack string, written time.Time) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.whole[pack] = written
}

// forget lets go of what was known of files that are removed.
func (m *Mirrors) forget(packs []string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, pack := range packs {
		delete(m.whole, pack)
	}
}

// checkPack compares a pack with its checksum, the hash of all before it. The repository's hash is not asked for: which of the
// two it is shows in the file.
func checkPack(ctx context.Context, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for _, sum := range []hash.Hash{sha1.New(), sha256.New()} {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		whole, err := endsWithSum(ctx, file, sum)
		if err != nil || whole {
			return err
		}
	}
	return fmt.Errorf("%w: %s differs from its checksum", errBroken, filepath.Base(path))
}

func endsWithSum(ctx context.Context, file *os.File, sum hash.Hash) (bool, error) {
	info, err := file.Stat()
	if err != nil {
		return false, err
	}
	size := info.Size() - int64(sum.Size())
	if size < 0 {
		return false, nil
	}
	for left := size; left > 0; {
		n, err := io.CopyN(sum, file, min(left, 16<<20))
		if left -= n; err != nil && !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("%w: %w", errBroken, err) // a disk that cannot be read there
		} else if err != nil {
			return false, nil
		}
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
	}
	end := make([]byte, sum.Size())
	if _, err := io.ReadFull(file, end); err != nil {
		return false, err
	}
	return bytes.Equal(end, sum.Sum(nil)), nil
}
