//go:build linux

package child

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// misbehave names what this program does in the place of a check.
const misbehave = "PMCHECK_TEST_MISBEHAVE"

// TestMain makes this program the child too, and children that misbehave.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == Command {
		os.Exit(Main(os.Stdin, os.Stdout, os.Stderr))
	}
	switch os.Getenv(misbehave) {
	case "":
		os.Exit(m.Run())
	case "eat":
		eat()
	case "panic":
		fmt.Fprintln(os.Stderr, stepMark+"counting")
		panic("something is wrong")
	case "recurse":
		debug.SetMaxStack(32 << 20)
		fmt.Fprintln(os.Stderr, recurse(1))
	case "confined":
		if err := confine(Limits{Memory: 64 << 20, CPU: time.Second}); err != nil {
			panic(err)
		}
		if os.Args[1] == "spin" {
			for spins := 0; ; spins++ {
				_ = spins
			}
		}
		nice, _ := unix.Getpriority(unix.PRIO_PROCESS, 0)
		var core, cpu, file unix.Rlimit
		_, _, _ = unix.Getrlimit(unix.RLIMIT_CORE, &core), unix.Getrlimit(unix.RLIMIT_CPU, &cpu), unix.Getrlimit(unix.RLIMIT_FSIZE, &file)
		_, err := unix.Mmap(-1, 0, 3<<30, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
		fmt.Println(20-nice, core.Max, cpu.Max, file.Max>>20, err)
	case "run":
		// As the App does: it runs a check, and is killed.
		_, err := Run(context.Background(), os.Args[1], Limits{}, Request{})
		panic(err)
	}
}

func eat() {
	var all [][]byte
	for {
		piece := make([]byte, 1<<20)
		for i := 0; i < len(piece); i += 4096 {
			piece[i] = 1
		}
		all = append(all, piece)
		if len(all) > 8<<10 { // 8 GiB: the test has failed
			panic("nothing stopped it")
		}
	}
}

// recurse does not end, which a reader of the code should not be sure of.
func recurse(n int) int {
	if n < 0 {
		return n
	}
	return 1 + recurse(n+1)
}

// script makes a program of shell commands. Its $self is this program.
func script(t testing.TB, commands string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nself='"+self(t)+"'\n"+commands+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLimits(t *testing.T) {
	for name, test := range map[string]struct {
		commands string
		limits   Limits
		want     error
		says     string
	}{
		"memory":                  {"exec env " + misbehave + "=eat $self", Limits{Memory: 200 << 20}, ErrMemory, "more than 200 MB"},
		"memory of what it runs":  {misbehave + "=eat $self & wait", Limits{Memory: 200 << 20}, ErrMemory, "more than 200 MB"},
		"memory of many together": {"for i in 1 2 3 4 5 6 7 8; do " + misbehave + "=eat $self & done; wait", Limits{Memory: 400 << 20}, ErrMemory, "more than 400 MB"},
		"time":                    {"sleep 600", Limits{Time: 200 * time.Millisecond}, ErrTime, "more than 200ms"},
		"time of what it runs":    {"sleep 600 & exit 0", Limits{Time: time.Minute}, ErrCrash, "cannot be read"},
		"processor time":          {misbehave + "=confined exec $self spin", Limits{CPU: time.Second}, ErrTime, "1s of processor time"},
		"output":                  {"yes", Limits{Output: 1 << 20}, ErrOutput, "more than 1 MB"},
		"output on the side":      {"yes >&2 & sleep 0.3; kill $!; exit 7", Limits{}, ErrCrash, "y"},
		"a panic":                 {misbehave + "=panic exec $self", Limits{}, ErrCrash, "panic: something is wrong, while counting"},
		"endless recursion":       {misbehave + "=recurse exec $self", Limits{}, ErrCrash, "stack"},
		"a kill":                  {"kill -KILL $$", Limits{}, ErrMemory, "the system killed it"},
		"no answer":               {"exit 0", Limits{}, ErrCrash, "cannot be read"},
		"half an answer":          {`echo '{"Answer":{"Verdict":'`, Limits{}, ErrCrash, "cannot be read"},
		"an empty answer":         {"echo '{}'", Limits{}, ErrCrash, "empty"},
		"no program":              {"exec /nowhere/at/all", Limits{}, ErrCrash, "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			began := time.Now()
			_, err := Run(t.Context(), script(t, test.commands), test.limits, Request{})
			if !errors.Is(err, test.want) || !strings.Contains(fmt.Sprint(err), test.says) {
				t.Errorf("the error is %v, want %v with %q", err, test.want, test.says)
			}
			t.Log(time.Since(began).Round(time.Millisecond), err)
			if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
				t.Errorf("it leaves %v behind", left)
			}
		})
	}
	if _, err := Run(t.Context(), "/nowhere/at/all", Limits{}, Request{}); err == nil {
		t.Error("a program that is not there is run")
	}
	if _, err := Run(t.Context(), self(t), Limits{}, Request{Body: strings.Repeat("x", maxRequest)}); !errors.Is(err, ErrUndone) {
		t.Errorf("a request that is too large: %v", err)
	}
}

// A check that takes too long is told of with the step that it was at, once it has come to one.
func TestTimeSaysTheStep(t *testing.T) {
	for limit := 200 * time.Millisecond; ; limit *= 4 {
		_, err := Run(t.Context(), script(t, "echo 'step: counting sheep' >&2; sleep 600"), Limits{Time: limit}, Request{})
		if !errors.Is(err, ErrTime) {
			t.Fatalf("the error is %v", err)
		}
		if strings.Contains(err.Error(), fmt.Sprintf("more than %v, while counting sheep", limit)) {
			return
		}
		if limit > 5*time.Minute { // no machine takes so long to begin
			t.Fatalf("the error does not say at what step: %v", err)
		}
	}
}

// What the kernel holds the child to, also where nobody measures.
func TestConfine(t *testing.T) {
	for _, test := range []struct{ commands, want string }{
		{"exec $self look", "10 0 1 64 cannot allocate memory"},
		{"ulimit -f 2048; exec nice -n 40 $self look", "19 0 1 1 cannot allocate memory"}, // what is stricter already stays
	} {
		cmd := exec.Command(script(t, test.commands))
		cmd.Env = append(os.Environ(), misbehave+"=confined")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		out, err := cmd.Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != test.want {
			t.Errorf("%s: it prints %q, %v, want %q", test.commands, got, err, test.want)
		}
	}
}

// The child knows nothing of its parent's environment: no token of GitHub, no path of a key, no configuration of git.
func TestEnvironment(t *testing.T) {
	t.Setenv("GITHUB_TOKEN", "hunter2")
	t.Setenv("PMCHECK_WEBHOOK_SECRET", "hunter2")
	t.Setenv("GIT_DIR", "/elsewhere")
	file := filepath.Join(t.TempDir(), "environment")
	_, _ = Run(t.Context(), script(t, "env >"+file+"; ls -la $HOME | wc -l >>"+file+"; ls -l /proc/self/fd >>"+file), Limits{}, Request{Repo: "/repo"})
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	if strings.Contains(text, "hunter2") || strings.Contains(text, "/elsewhere") || !strings.Contains(text, "GIT_CONFIG_VALUE_0=/repo\n") || !strings.Contains(text, "\n3\n") {
		t.Errorf("the child sees:\n%s", text)
	}
}

// waitGone waits until a process is gone.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
	}
	t.Errorf("process %d is still there", pid)
}

// pids reads the numbers in a file once there are so many.
func pids(t *testing.T, file string, n int) []int {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		content, _ := os.ReadFile(file)
		fields := strings.Fields(string(content))
		if len(fields) < n || !strings.HasSuffix(string(content), "\n") {
			continue
		}
		var out []int
		for _, f := range fields {
			pid, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, pid)
		}
		return out
	}
	t.Fatal("the child has not begun")
	return nil
}

var errNewer = errors.New("a newer head is wanted")

// A check that nobody wants any more is gone at once, with all that it has started.
func TestCancel(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pids")
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := Run(ctx, script(t, "trap '' TERM INT HUP\nsleep 600 &\necho $$ $! >"+file+"\nwait"), Limits{}, Request{})
		ended <- err
	}()
	started := pids(t, file, 2)
	cancel(errNewer)
	if err := <-ended; !errors.Is(err, errNewer) {
		t.Errorf("the error is %v", err)
	}
	for _, pid := range started {
		waitGone(t, pid)
	}
	if _, err := Run(ctx, self(t), Limits{}, Request{}); !errors.Is(err, errNewer) {
		t.Errorf("of a context that has ended: %v", err)
	}
}

// A parent that is killed takes its check with it.
func TestDiesWithItsParent(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pids")
	parent := exec.Command(self(t), script(t, "echo $$ >"+file+"\nexec sleep 600"))
	parent.Env = append(os.Environ(), misbehave+"=run")
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	child := pids(t, file, 1)[0]
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	waitGone(t, child)
}
