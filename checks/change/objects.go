package change

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

// objects is a git process that answers one request after the other for as long as a Change is open: `cat-file
// --batch-check` (id, type, size) or `cat-file --batch` (the contents too). Requests of several goroutines are pipelined.
type objects struct {
	ctx      context.Context // whose end is the reason when answers stop
	cmd      *exec.Cmd
	stderr   *capped
	contents bool
	stdout   *bufio.Reader
	pending  chan request // written to git and not yet answered, in order
	finished chan struct{}

	mu     sync.Mutex // of what follows
	stdin  *bufio.Writer
	pipe   io.Closer
	closed bool
}

type request struct {
	name string
	done chan<- object
}

// object is the answer to one request.
type object struct {
	id      string
	kind    string // blob, tree, commit, tag; "missing" and "ambiguous" when the name leads to no single object
	size    int64
	content []byte
	err     error
}

// startObjects starts a process that lives until ctx ends or close is called.
func startObjects(ctx context.Context, g git, contents bool) (*objects, error) {
	mode := "--batch-check"
	if contents {
		mode = "--batch"
	}
	cmd, stderr := g.command(ctx, "cat-file", mode)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	o := &objects{
		ctx: ctx, cmd: cmd, stderr: stderr, contents: contents,
		stdin: bufio.NewWriterSize(stdin, 16<<10), pipe: stdin,
		stdout:  bufio.NewReaderSize(stdout, 64<<10),
		pending: make(chan request, 512), finished: make(chan struct{}),
	}
	go o.answer()
	return o, nil
}

// ask writes requests and returns where each will be answered, without waiting for the answers.
func (o *objects) ask(names ...string) []<-chan object {
	answers := make([]<-chan object, len(names))
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, name := range names {
		done := make(chan object, 1)
		answers[i] = done
		switch {
		case o.closed:
			done <- object{err: errors.New("git cat-file: the change is closed")}
			continue
		case strings.ContainsAny(name, "\n\x00"): // would be read as two requests
			done <- object{kind: "missing"}
			continue
		}
		next := request{name: name, done: done}
		select {
		case o.pending <- next:
		default: // full: git must see what is buffered before there can be room
			o.stdin.Flush()
			o.pending <- next
		}
		o.stdin.WriteString(name)
		o.stdin.WriteByte('\n')
	}
	o.stdin.Flush() // when git has gone, its answers end too, and answer says why
	return answers
}

// answer reads git's answers in the order of the requests. After a failure every further request gets that failure.
func (o *objects) answer() {
	defer close(o.finished)
	var failure error
	for next := range o.pending {
		if failure != nil {
			next.done <- object{err: failure}
			continue
		}
		found, err := readObject(o.stdout, next.name, o.contents)
		if err != nil {
			failure = o.failed(err)
			found = object{err: failure}
		}
		next.done <- found
	}
}

// failed explains the end of the answers.
func (o *objects) failed(err error) error {
	o.cmd.Process.Kill()
	waited := o.cmd.Wait()
	if o.ctx.Err() != nil {
		return fmt.Errorf("git cat-file: %w", context.Cause(o.ctx))
	}
	message := strings.TrimSpace(o.stderr.String())
	if message == "" && waited != nil && errors.Is(err, io.EOF) {
		err = waited
	}
	if message == "" {
		return fmt.Errorf("git cat-file: %w", err)
	}
	return &gitError{command: "cat-file", message: message, err: err}
}

// close ends the process. Requests that wait are answered with an error.
func (o *objects) close() {
	o.cmd.Process.Kill()
	o.mu.Lock()
	if !o.closed {
		o.closed = true
		close(o.pending)
		o.pipe.Close()
	}
	o.mu.Unlock()
	<-o.finished
	o.cmd.Wait()
}

// readObject reads one answer of `cat-file --batch-check`, or of `cat-file --batch` when contents is set
// (git-cat-file(1), BATCH OUTPUT).
func readObject(r *bufio.Reader, name string, contents bool) (object, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return object{}, unexpected(err)
	}
	line = line[:len(line)-1]
	if state, ok := strings.CutPrefix(line, name+" "); ok && (state == "missing" || state == "ambiguous") {
		return object{kind: state}, nil
	}
	fields := strings.Split(line, " ")
	if len(fields) == 2 && isID(fields[0]) && fields[1] == "submodule" { // git 2.51: a commit of another repository
		return object{id: fields[0], kind: "missing"}, nil
	}
	if len(fields) != 3 || !isID(fields[0]) {
		return object{}, fmt.Errorf("unexpected answer %q", line)
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil || size < 0 {
		return object{}, fmt.Errorf("unexpected answer %q", line)
	}
	found := object{id: fields[0], kind: fields[1], size: size}
	if !contents {
		return found, nil
	}
	if size > MaxFileBytes {
		return object{}, fmt.Errorf("%s has %d bytes: %w", found.id, size, ErrTooLarge)
	}
	found.content = make([]byte, size)
	if _, err := io.ReadFull(r, found.content); err != nil {
		return object{}, unexpected(err)
	}
	if end, err := r.ReadByte(); err != nil || end != '\n' {
		return object{}, fmt.Errorf("the contents of %s end in an unexpected way: %w", found.id, unexpected(err))
	}
	return found, nil
}

// unexpected makes an end of input in the middle of an answer an io.ErrUnexpectedEOF, which nobody takes for a normal end.
func unexpected(err error) error {
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// isID tells whether s is a whole object name, SHA-1 or SHA-256, in hexadecimal.
func isID(s string) bool {
	if len(s) != 40 && len(s) != 64 {
		return false
	}
	return isHex(s)
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
