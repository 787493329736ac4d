package pgtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

const port = 5432 // only a part of the socket's file name

// process is a running server and its folder, which holds the data and the socket.
type process struct {
	dir  string
	cmd  *exec.Cmd
	done chan struct{} // closed when the server has ended
}

// settings make a server quick and its locks easy to observe: nothing durable, and no
// background or parallel worker that takes locks of its own.
var settings = []string{
	"listen_addresses=", "fsync=off", "synchronous_commit=off", "full_page_writes=off",
	"wal_level=minimal", "max_wal_senders=0", "shared_buffers=8MB", "max_connections=40",
	"autovacuum=off", "jit=off", "max_parallel_workers=0", "max_parallel_maintenance_workers=0",
	"max_parallel_workers_per_gather=0", "log_min_messages=log", "lc_messages=C", "TimeZone=UTC",
}

// launch makes a data folder and starts a server on it. It returns once the server
// accepts connections.
func launch(bin string) (*process, error) {
	account, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := temporaryFolder()
	if err != nil {
		return nil, err
	}
	p := &process{dir: dir, done: make(chan struct{})}
	if account != nil {
		if err := os.Chown(dir, int(account.Uid), int(account.Gid)); err != nil {
			os.RemoveAll(dir)
			return nil, err
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, processAttributes(account)
	if err := run(initdb); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	args := []string{"-D", data, "-k", dir, "-p", strconv.Itoa(port)}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	p.cmd = exec.Command(filepath.Join(bin, "postgres"), args...)
	p.cmd.Dir, p.cmd.SysProcAttr = dir, processAttributes(account)
	if err := p.serve(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return p, nil
}

// run runs a program to its end from a thread that outlives it: the signal at the
// parent's death is bound to the thread that started the child.
func run(cmd *exec.Cmd) error {
	failed := make(chan error)
	go func() {
		runtime.LockOSThread()
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%s: %w\n%s", cmd.Path, err, out)
		}
		failed <- err
	}()
	return <-failed
}

// serve starts the server and waits until it says that it is ready.
func (p *process) serve() error {
	output, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	p.cmd.Stdout, p.cmd.Stderr = writer, writer
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // see run
		err := p.cmd.Start()
		writer.Close()
		started <- err
		if err == nil {
			p.cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		output.Close()
		return err
	}
	lines := bufio.NewReader(output)
	var log strings.Builder
	for {
		line, err := lines.ReadString('\n')
		log.WriteString(line)
		if strings.Contains(line, "database system is ready to accept connections") {
			break
		}
		if err != nil {
			<-p.done
			output.Close()
			return fmt.Errorf("%s ended: %s\n%s", p.cmd.Path, p.cmd.ProcessState, log.String())
		}
	}
	go func() {
		io.Copy(io.Discard, lines)
		output.Close()
	}()
	return nil
}

// stop ends the server at once and removes its folder.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGQUIT)
	<-p.done
	os.RemoveAll(p.dir)
}

// temporaryFolder makes the server's folder: its name must be short, since a unix
// socket's path has at most 107 bytes. Folders of test binaries that died are removed.
func temporaryFolder() (string, error) {
	base := os.TempDir()
	if len(base) > 60 {
		base = "/tmp"
	}
	const prefix = "pmcheck-pg-"
	left, _ := filepath.Glob(filepath.Join(base, prefix+"*"))
	for _, dir := range left {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), prefix), "-")
		if pid, err := strconv.Atoi(owner); err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			os.RemoveAll(dir)
		}
	}
	return os.MkdirTemp(base, fmt.Sprintf("%s%d-", prefix, os.Getpid()))
}

// unprivileged is the account that a server runs as: nil for the current one, and
// postgres or nobody for root, as whom PostgreSQL refuses to run.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(account.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no account postgres or nobody")
}
