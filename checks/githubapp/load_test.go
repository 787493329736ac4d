package githubapp_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp"
	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

// TestTwoHundredASecond sends 200 deliveries a second for a minute, some twice and in disorder, to a process that judges meanwhile.
func TestTwoHundredASecond(t *testing.T) {
	if !slow {
		t.Skip("PMCHECK_SLOW=1 asks for it: it takes minutes")
	}
	f := newField(t, 20)
	for _, repo := range f.repos {
		f.pulls = append(f.pulls, repo.OpenPulls(10, nil)...)
	}
	// One check at a time: the fake GitHub, its git and who sends all this share the cores, which would be other machines' work.
	p := f.serve("sqlite:"+filepath.Join(t.TempDir(), "pmcheck.db"), "workers: 1\n")()
	f.github.HookFaults(fakegithub.HookFaults{Duplicate: 0.05, Reorder: 8})
	const rate, seconds = 200, 60
	var wg sync.WaitGroup
	var memory []int64
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	for i := range rate * seconds {
		<-tick.C
		pull := f.pulls[i%len(f.pulls)]
		wg.Go(func() { pull.Send("synchronize") })
		if i%(rate*10) == rate*10-1 {
			memory = append(memory, resident(t, p.cmd.Process.Pid))
		}
	}
	f.github.Flush()
	wg.Wait()
	var took []time.Duration
	for _, d := range f.github.Deliveries() {
		if d.Status == "OK" {
			took = append(took, d.Duration)
		}
	}
	slices.Sort(took)
	t.Logf("answers: median %v, p99 %v, worst %v of %d; memory every ten seconds, MB: %v", took[len(took)/2], took[len(took)*99/100], took[len(took)-1], len(took), memory)
	if p99 := took[len(took)*99/100]; p99 > 100*time.Millisecond {
		t.Errorf("99%% of the answers came within %v, want 100ms", p99)
	}
	if first, last := memory[0], memory[len(memory)-1]; last > first*3/2 {
		t.Errorf("memory grows: %v MB", memory)
	}
	f.github.HookFaults(fakegithub.HookFaults{})
	f.settle("load", 0)
}

// resident is what a process holds in memory, in MB.
func resident(t *testing.T, pid int) int64 {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Skip("no /proc here")
	}
	pages, err := strconv.ParseInt(string(bytes.Fields(content)[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize()) >> 20
}

// TestReconcileMany finds every open pull request at the price of one call for a hundred, in flat memory.
func TestReconcileMany(t *testing.T) {
	many := size(300, 10_000)
	s := newScene(t, func(c *githubapp.Config) { c.Store.PerInstallation = 1 })
	s.looked()
	s.stop()
	s.repo.OpenPulls(many, nil)
	s.github.ResetCalls()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s.log.Reset()
	s.start()
	s.until("all are found", func() bool { return strings.Contains(s.log.String(), fmt.Sprintf(`"wanted":%d`, many)) })
	if calls := s.github.CountCalls("GET", "/repos/{owner}/{repo}/pulls"); calls > many/100+1 {
		t.Errorf("%d calls for %d pull requests", calls, many)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("%d pull requests, %d calls to list them, %d KB more on the heap", many, s.github.CountCalls("GET", "/repos/{owner}/{repo}/pulls"), (int64(after.HeapAlloc)-int64(before.HeapAlloc))>>10)
}
