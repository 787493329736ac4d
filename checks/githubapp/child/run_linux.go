package child

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Run has a child process judge: exe is a program whose main calls [Main] for [Command], as pmcheck's does. When ctx ends the
// child is killed at once, with all that it has started, and the error is the context's cause.
func Run(ctx context.Context, exe string, l Limits, r Request) (Answer, error) {
	if ctx.Err() != nil {
		return Answer{}, context.Cause(ctx)
	}
	l = l.withDefaults()
	var err error
	if r.Repo, err = filepath.Abs(r.Repo); err != nil {
		return Answer{}, err
	}
	asked, err := json.Marshal(question{r, l})
	if err != nil {
		return Answer{}, err
	}
	if len(asked) > maxRequest {
		return Answer{}, fmt.Errorf("%w: the request has %d bytes, more than %d", ErrUndone, len(asked), maxRequest)
	}
	home, err := os.MkdirTemp("", "pmcheck-check-")
	if err != nil {
		return Answer{}, fmt.Errorf("a folder for the check: %w", err)
	}
	defer os.RemoveAll(home)
	p := &process{limits: l, out: &bounded{limit: l.Output, full: make(chan struct{})}, errs: &lastLines{limit: maxStderr}}
	if err := p.run(ctx, exe, environment(home, r.Repo), home, asked); err != nil {
		return Answer{}, err
	}
	var got reply
	if err := json.Unmarshal(p.out.kept.Bytes(), &got); err != nil {
		return Answer{}, fmt.Errorf("%w: its answer cannot be read: %v", ErrCrash, err)
	}
	switch {
	case got.Undone != "":
		return Answer{}, fmt.Errorf("%w: %s", ErrUndone, got.Undone)
	case got.Answer == nil:
		return Answer{}, fmt.Errorf("%w: its answer is empty", ErrCrash)
	}
	got.Answer.CPU = p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	if usage, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		got.Answer.Memory = usage.Maxrss << 10 // getrusage(2) has kilobytes
	}
	return *got.Answer, nil
}

// maxStderr is how much of what the child says last is kept.
const maxStderr = 8 << 10

// process is a child underway.
type process struct {
	limits Limits
	cmd    *exec.Cmd
	out    *bounded
	errs   *lastLines
}

// run starts the child, watches it, and says why it gave no answer.
func (p *process) run(ctx context.Context, exe string, env []string, home string, asked []byte) error {
	// The child is to die with this process. Linux sends that signal when the thread ends that started the child: it must not be one
	// that Go may end before.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	cmd := exec.Command(exe, Command)
	cmd.Dir, cmd.Env = home, env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(asked), p.out, p.errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second // a process that left the group must not hold the pipes
	p.cmd = cmd
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the check: %w", err)
	}
	ended := make(chan struct{})
	reason := make(chan error, 1)
	go func() { reason <- p.watch(ctx, ended) }()
	awaitExit(cmd.Process.Pid)
	close(ended)
	stopped := <-reason
	p.kill() // what the child has started and left behind; its id is its own until Wait
	err := cmd.Wait()
	reap(cmd.Process.Pid)
	switch {
	case stopped != nil:
		return p.explain(stopped)
	case p.out.exceeded():
		return p.explain(fmt.Errorf("%w: more than %d MB", ErrOutput, p.limits.Output>>20))
	case err != nil:
		return p.explain(p.ending(err))
	}
	return nil
}

// environment is all that the child knows of where it runs.
func environment(home, repo string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "LANG=C.UTF-8",
		"XDG_CONFIG_HOME=" + home, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		// The mirror may belong to another user than the process; nothing of its configuration is run (package change).
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=" + repo,
		"GOTRACEBACK=single",
	}
}

// watch ends the child where a limit is met, and says which. It returns nil when the child ended by itself.
func (p *process) watch(ctx context.Context, ended <-chan struct{}) error {
	deadline := time.NewTimer(p.limits.Time)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		var why error
		select {
		case <-ended:
			return nil
		case <-ctx.Done():
			why = context.Cause(ctx)
		case <-deadline.C:
			why = fmt.Errorf("%w: more than %s", ErrTime, p.limits.Time)
		case <-p.out.full:
			why = fmt.Errorf("%w: more than %d MB", ErrOutput, p.limits.Output>>20)
		case <-tick.C:
			held := resident(p.cmd.Process.Pid)
			if n%5 == 0 && held <= p.limits.Memory { // to find the others all processes of the machine are looked at
				held = residentOfGroup(p.cmd.Process.Pid)
			}
			if held <= p.limits.Memory {
				continue
			}
			why = fmt.Errorf("%w: more than %d MB", ErrMemory, p.limits.Memory>>20)
		}
		p.kill()
		return why
	}
}

// kill ends the child and all of its group.
func (p *process) kill() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

// ending says why a child failed that nobody stopped.
func (p *process) ending(err error) error {
	said := p.errs.String()
	status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	used := p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	switch {
	case strings.Contains(said, "out of memory"), strings.Contains(said, "cannot allocate memory"):
		return fmt.Errorf("%w: it could get no more", ErrMemory)
	case status.Signaled() && status.Signal() == syscall.SIGKILL && used >= p.limits.CPU-time.Second:
		return fmt.Errorf("%w: more than %s of processor time", ErrTime, p.limits.CPU)
	case status.Signaled() && status.Signal() == syscall.SIGKILL:
		return fmt.Errorf("%w: the system killed it, as it does for want of memory", ErrMemory)
	}
	return fmt.Errorf("%w: %s", ErrCrash, cmp.Or(p.errs.why(), err.Error()))
}

// explain adds what the child was doing.
func (p *process) explain(why error) error {
	step := p.errs.step()
	if step == "" || errors.Is(why, context.Canceled) {
		return why
	}
	return fmt.Errorf("%w, while %s", why, step)
}

// awaitExit waits until a child has ended, and leaves it to be waited for: until then no other process gets its id.
func awaitExit(pid int) {
	for {
		if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// reap takes leave of what the child left behind, where this process inherits it, as it does as the first of a container. All of it was killed.
func reap(group int) {
	for range 100 {
		switch pid, err := unix.Wait4(-group, nil, unix.WNOHANG, nil); {
		case errors.Is(err, unix.EINTR), err == nil && pid > 0:
		case err != nil:
			return // none, or none of ours
		default:
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// bounded keeps what is written up to a limit, and tells when it is met.
type bounded struct {
	kept  bytes.Buffer
	limit int64
	full  chan struct{}
}

var errFull = errors.New("too much")

// Write refuses what is too much.
func (b *bounded) Write(p []byte) (int, error) {
	if b.exceeded() {
		return 0, errFull
	}
	if int64(b.kept.Len()+len(p)) > b.limit {
		close(b.full)
		return 0, errFull
	}
	return b.kept.Write(p)
}

func (b *bounded) exceeded() bool {
	select {
	case <-b.full:
		return true
	default:
		return false
	}
}
