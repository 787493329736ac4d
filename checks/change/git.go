package change

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// maxOutput bounds what one git command may answer, so that a tree of trees that names the same million files a million
// times ends in an error. It is room for about a million paths.
const maxOutput = 128 << 20

// maxStderr is as much of git's own message as an error repeats.
const maxStderr = 4 << 10

// hardened stands before the sub-command of every call. A repository's own configuration may name programs; nothing here
// needs one of them, so each is switched off although most of them belong to commands that are never called.
var hardened = []string{
	"--no-pager",
	"-c", "core.fsmonitor=false", // asked what changed whenever an index is read
	"-c", "core.hooksPath=" + os.DevNull,
	"-c", "core.attributesFile=" + os.DevNull,
	"-c", "core.alternateRefsCommand=",
	"-c", "core.sshCommand=false",
	"-c", "core.gitProxy=",
	"-c", "core.askPass=",
	"-c", "credential.helper=",
	"-c", "diff.external=",
	"-c", "protocol.allow=never",
}

// settings is added to the environment of every call.
var settings = []string{
	"LC_ALL=C",                // messages are matched
	"GIT_ALLOW_PROTOCOL=none", // wins over a repository's protocol.ext.allow, under which a fetch runs a program
	"GIT_NO_LAZY_FETCH=1",     // not known to older versions of git, which the line above keeps off the network
	"GIT_NO_REPLACE_OBJECTS=1",
	"GIT_GRAFT_FILE=" + os.DevNull,
	"GIT_LITERAL_PATHSPECS=1",
	"GIT_OPTIONAL_LOCKS=0",
	"GIT_TERMINAL_PROMPT=0",
	"GIT_ATTR_NOSYSTEM=1",
	"GIT_PAGER=cat",
}

// kept lists the inherited GIT_ variables that say where configuration is and how far up a repository is looked for. A
// safe.directory of the user lives there. The others (GIT_DIR, GIT_INDEX_FILE, ... as set for hooks) would send a command
// to another repository than the one named.
var kept = []string{"GIT_CONFIG_", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM"}

// environment is the caller's environment without what redirects git, and with settings.
func environment(inherited []string) []string {
	env := make([]string, 0, len(inherited)+len(settings))
	for _, variable := range inherited {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "GIT_") && !hasAnyPrefix(name, kept) {
			continue
		}
		env = append(env, variable)
	}
	return append(env, settings...)
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

// git runs commands of the git program in one directory.
type git struct {
	program string
	dir     string
	env     []string
}

// newGit finds the git program and checks that dir is a directory. An empty dir is the current one.
func newGit(dir string) (git, error) {
	if dir == "" {
		dir = "."
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return git{}, err
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return git{}, fmt.Errorf("repository %s: no such directory", dir)
	case err != nil:
		return git{}, fmt.Errorf("repository: %w", err)
	case !info.IsDir():
		return git{}, fmt.Errorf("repository %s: not a directory", dir)
	}
	program, err := exec.LookPath("git")
	if err != nil {
		return git{}, fmt.Errorf("the git program is needed and was not found: install git, or add its folder to PATH: %w", err)
	}
	return git{program: program, dir: dir, env: environment(os.Environ())}, nil
}

// command prepares a call; it ends with ctx.
func (g git) command(ctx context.Context, args ...string) (*exec.Cmd, *capped) {
	cmd := exec.CommandContext(ctx, g.program, append(append([]string{}, hardened...), args...)...)
	cmd.Dir = g.dir
	cmd.Env = g.env
	cmd.WaitDelay = 20 * time.Second // a child of git that outlives it must not keep the caller waiting for ever; a busy machine may need seconds
	stderr := &capped{limit: maxStderr, dropRest: true}
	cmd.Stderr = stderr
	return cmd, stderr
}

// output runs a command to its end and returns what it printed, at most limit bytes.
// With a *gitError what had been printed until then is returned too.
func (g git) output(ctx context.Context, limit int, args ...string) (string, error) {
	return g.input(ctx, limit, "", args...)
}

// input is output of a command that reads a text.
func (g git) input(ctx context.Context, limit int, text string, args ...string) (string, error) {
	cmd, stderr := g.command(ctx, args...)
	if text != "" {
		cmd.Stdin = strings.NewReader(text)
	}
	stdout := &capped{limit: limit}
	cmd.Stdout = stdout
	err := cmd.Run()
	switch {
	case err == nil:
		return stdout.String(), nil
	case stdout.exceeded:
		return "", fmt.Errorf("git %s: more than %d bytes of answer, which is more than is read of one repository", args[0], limit)
	case ctx.Err() != nil:
		return "", fmt.Errorf("git %s: %w", args[0], context.Cause(ctx))
	}
	return stdout.String(), &gitError{command: args[0], message: strings.TrimSpace(stderr.String()), err: err}
}

// gitError is a failed command with git's own message.
type gitError struct {
	command string
	message string
	err     error
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

// capped keeps the first limit bytes written to it. Beyond them it drops the rest or refuses it, which ends the command.
type capped struct {
	kept     bytes.Buffer // a field: embedded, its ReadFrom would go past the limit
	limit    int
	dropRest bool
	exceeded bool
}

func (c *capped) Write(p []byte) (int, error) {
	room := c.limit - c.kept.Len()
	if len(p) <= room {
		return c.kept.Write(p)
	}
	c.exceeded = true
	c.kept.Write(p[:room])
	if c.dropRest {
		return len(p), nil
	}
	return room, errors.New("answer too long")
}

func (c *capped) String() string { return c.kept.String() }
