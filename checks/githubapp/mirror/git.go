package mirror

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// inherited are the variables that git gets of ours: where programs are, and how the network is reached. Everything else
// could send it elsewhere, or, like GIT_TRACE_CURL, write the token into a file.
var inherited = []string{
	"PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
	"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy",
}

// settings of every git command. None is in a file: a mirror whose configuration is lost works as well. fetch.fsckObjects is
// not among them: old repositories have objects that it refuses, every id is computed anew without it, and nothing is checked
// out.
var settings = [][2]string{
	{"core.hooksPath", os.DevNull},
	{"core.fsmonitor", "false"},
	{"core.alternateRefsCommand", ""},
	{"core.askPass", ""},
	{"credential.helper", ""},
	{"core.bigFileThreshold", "16m"}, // larger files go through git in pieces, not whole into memory
	{"pack.threads", "1"},
	{"pack.windowMemory", "128m"},
	{"pack.deltaCacheSize", "64m"},
	{"gc.auto", "0"},
	{"maintenance.auto", "false"},
	{"fetch.unpackLimit", "1"}, // one file for a fetch, not thousands
	{"fetch.recurseSubmodules", "false"},
	{"fetch.writeCommitGraph", "false"},
	{"transfer.bundleURI", "false"},
	{"protocol.version", "2"}, // which gives commits by their ids
	{"http.followRedirects", "false"},
	{"http.lowSpeedLimit", "1000"}, // bytes a second; also ends a git whose pmcheck was killed
	{"http.lowSpeedTime", "30"},
}

// environment of a git command. The token is in it, as an HTTP header: a command line can
// be read by everybody on the machine, a file outlives the command, and an askpass program
// would cost a refused request each time. /proc/PID/environ can be read by the same user
// only.
func (f *fetching) environment(g *generation) []string {
	env := []string{
		"GIT_DIR=" + g.dir, // looked for nowhere else, however broken it is
		"LC_ALL=C",         // messages are matched
		"HOME=" + os.DevNull,
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_NO_LAZY_FETCH=1",
		"GIT_NO_REPLACE_OBJECTS=1",
		"GIT_ALLOW_PROTOCOL=" + strings.Join(f.m.o.Protocols, ":"),
	}
	for _, name := range inherited {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	config := append(slices.Clone(settings), [2]string{"remote.origin.url", f.remote.URL})
	if f.header != "" {
		u, _ := url.Parse(f.remote.URL) // was parsed before
		config = append(config, [2]string{"http." + u.Scheme + "://" + u.Host + "/.extraHeader", f.header})
	}
	env = append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(config)))
	for i, pair := range config {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, pair[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, pair[1]))
	}
	return env
}

// authorize asks for the token, before the first fetch.
func (f *fetching) authorize(ctx context.Context) error {
	if f.remote.Token == nil || f.header != "" {
		return nil
	}
	token, err := f.remote.Token(ctx)
	if err != nil {
		return fmt.Errorf("a token for git: %w", err)
	}
	encoded := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))
	f.header = "Authorization: Basic " + encoded
	f.secrets = []string{encoded, token}
	return nil
}

// grace is how long git has to clean up after it was told to stop.
const grace = 5 * time.Second

// git runs a command in a mirror, with stdin, and returns what it prints without the line break at its end. Every git and its
// children hold the lock: when pmcheck is killed and they go on for a while, nobody else writes into the mirror.
func (f *fetching) git(ctx context.Context, g *generation, lock *os.File, stdin string, args ...string) (string, error) {
	network := args[0] == "fetch"
	if network {
		if err := f.authorize(ctx); err != nil {
			return "", err
		}
		var stop context.CancelCauseFunc
		ctx, stop = context.WithCancelCause(ctx)
		defer stop(nil)
		go f.watch(ctx, g, stop)
	}
	cmd := exec.CommandContext(ctx, f.m.o.Git, args...)
	cmd.Dir = g.dir
	cmd.Env = f.environment(g)
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = grace
	if stdin != "" {
		cmd.Stdin = strings.NewReader(stdin)
	}
	stdout, stderr := &capped{}, &tail{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Start()
	if err == nil {
		lower(cmd.Process.Pid)
		err = cmd.Wait()
	}
	if cmd.Process != nil && ctx.Err() != nil {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // its children, if it left some
	}
	out := strings.TrimSuffix(stdout.kept.String(), "\n")
	if err == nil {
		return out, nil
	}
	if ctx.Err() != nil {
		return "", fmt.Errorf("git %s: %w", args[0], context.Cause(ctx))
	}
	return out, f.explain(args[0], network, stderr.String(), err)
}

// watch stops a fetch when the mirror gets too large. git has no limit of its own for what it fetches.
func (f *fetching) watch(ctx context.Context, g *generation, stop context.CancelCauseFunc) {
	if f.m.o.MaxRepository <= 0 {
		return
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if g.size() > f.m.o.MaxRepository {
				stop(f.tooLarge())
				return
			}
		}
	}
}

func (f *fetching) tooLarge() error {
	return fmt.Errorf("%w: the commits need more than the %d MB that one mirror may have", ErrTooLarge, f.m.o.MaxRepository>>20)
}

// What git says when it fails, in the order of matching. The server's own words stand behind "remote:".
var (
	saysDiskFull  = regexp.MustCompile(`(?i)No space left on device|Disk quota exceeded`)
	saysServerBad = regexp.MustCompile(`(?i)repository corruption on the remote side|certificate|returned error: 3\d\d|redirect`)
	saysNotFound  = regexp.MustCompile(`not our ref|unadvertised object|couldn't find remote ref|[Rr]epository .*not found|returned error: (404|410)`)
	saysAuth      = regexp.MustCompile(`Authentication failed|could not read (Username|Password)|terminal prompts disabled|Invalid username|returned error: (401|403)|Permission denied|access denied`)
	saysServer    = regexp.MustCompile(`(?m)^(fatal: )?remote( error)?:`)
	saysSlowDown  = regexp.MustCompile(`returned error: 429`)
	saysNetwork   = regexp.MustCompile(`(?i)returned error: 5\d\d|could not resolve|failed to connect|couldn't connect|connection (refused|reset|timed out)|timed? ?out|too slow|early EOF|hung up|RPC failed|unexpected disconnect|empty reply|recv failure|send failure|transfer closed|HTTP/2 stream|SSL_|gnutls|TLS|network is unreachable|expected .* packet|bad line length|disconnected`)
)

// explain makes an error of one of the kinds out of what git said.
func (f *fetching) explain(command string, network bool, message string, err error) error {
	for _, secret := range f.secrets {
		message = strings.ReplaceAll(message, secret, "***")
	}
	message = strings.TrimSpace(message)
	failed := &gitError{command: command, message: message, err: err}
	var exit *exec.ExitError
	switch {
	case saysDiskFull.MatchString(message):
		failed.blameless = true
		return fmt.Errorf("%w: make room where the mirrors are, or lower their limit: %w", ErrDiskFull, failed)
	case !errors.As(err, &exit) || !exit.Exited(): // it did not start, or was killed
		failed.blameless = true
		return failed
	case !network:
		return failed
	case saysServerBad.MatchString(message):
		failed.blameless = true
		return failed
	case saysNotFound.MatchString(message):
		failed.blameless = true
		return fmt.Errorf("%w: %w", ErrNotFound, failed)
	case saysAuth.MatchString(message):
		failed.blameless = true
		return fmt.Errorf("%w: %w", ErrAuth, failed)
	case saysSlowDown.MatchString(message):
		failed.blameless = true
		return f.retry(5*time.Minute, failed)
	case saysNetwork.MatchString(message):
		failed.blameless = true
		return f.retry(30*time.Second, failed)
	}
	failed.blameless = saysServer.MatchString(message)
	return failed
}

// asKind adds that the mirror is broken to what only that explains.
func asKind(err error) error {
	var failed *gitError
	if errors.As(err, &failed) && !failed.blameless {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	return err
}

// gitError is a failed command with git's own message.
type gitError struct {
	command, message string
	err              error
	blameless        bool // the mirror is not the reason
}

func (e *gitError) Error() string {
	if e.message == "" {
		return fmt.Sprintf("git %s: %v", e.command, e.err)
	}
	return fmt.Sprintf("git %s: %s", e.command, e.message)
}

func (e *gitError) Unwrap() error { return e.err }

// exitCode is the status of a command that ran and failed, else -1.
func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

// capped refuses more than anybody asks git for: a commit's message may have any length.
type capped struct{ kept bytes.Buffer }

const maxOutput = 64 << 20

func (c *capped) Write(p []byte) (int, error) {
	if c.kept.Len()+len(p) > maxOutput {
		return 0, errors.New("git answers more than is read of one repository")
	}
	return c.kept.Write(p)
}

// tail keeps the last of what is written to it: git's reason comes at the end, behind what a server had to say.
type tail struct{ kept []byte }

const maxTail = 2000

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - maxTail; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.kept) }
