package githubapp_test

import (
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestDiskFull lets no file of the process grow for a while, as a full disk does.
func TestDiskFull(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	t.Parallel()
	f := newField(t, 3)
	p := f.serve("sqlite:"+filepath.Join(t.TempDir(), "pmcheck.db"), "reconcile: 2s\n")()
	limit := func(bytes uint64) {
		if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range size(2, 5) {
		for range 3 {
			f.act()
		}
		limit(4096)
		for range 3 {
			f.act()
		}
		time.Sleep(500 * time.Millisecond) // so long it is full
		limit(unix.RLIM_INFINITY)
	}
	f.settle("disk full", 0)
	if f.github.HookCounts().Failed == 0 {
		t.Error("no delivery failed: the disk was not full")
	}
}
