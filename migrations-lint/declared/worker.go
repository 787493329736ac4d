package declared

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"time"
)

// Limits of the child process.
var timeLimit = 60 * time.Second // a test on a busy machine gives more

const (
	memoryLimit = 1 << 30   // bytes that the Go runtime holds
	stackLimit  = 256 << 20 // bytes of a goroutine's stack
)

// workerVariable tells a process that it is the child. A variable and no command, since the program that links this package may be any: the
// command-line program, the App, a test.
const workerVariable = "PMCHECK_SQLDEF_WORKER"

func init() {
	if os.Getenv(workerVariable) != "" {
		os.Exit(work(os.Stdin, os.Stdout, os.Stderr))
	}
}

// request is what the child is asked.
type request struct {
	Engine       string
	Concurrently bool
	From, To     []string // statements
	Written      []string // those of To as the file has them, which is how they run where the object is new
}

// reply is what it says.
type reply struct {
	Steps    []string
	From, To map[int]string // why statements are not read, by their index in the request
	Failed   string
}

// work is the child's whole life: a request in, a reply out.
func work(in io.Reader, out, errs io.Writer) int {
	debug.SetMaxStack(stackLimit)
	debug.SetMemoryLimit(memoryLimit * 3 / 4)
	go watchMemory(errs)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	var req request
	if err := json.NewDecoder(in).Decode(&req); err != nil {
		fmt.Fprintln(errs, "read the request:", err)
		return 1
	}
	if err := json.NewEncoder(out).Encode(generate(req)); err != nil {
		fmt.Fprintln(errs, "write the reply:", err)
		return 1
	}
	return 0
}

// watchMemory ends the process that needs too much.
func watchMemory(errs io.Writer) {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	for range time.Tick(20 * time.Millisecond) {
		if metrics.Read(sample); sample[0].Value.Uint64() > memoryLimit {
			fmt.Fprintf(errs, "it needs more than %d MB of memory\n", memoryLimit>>20)
			os.Exit(1)
		}
	}
}

// run has a child process answer.
func run(ctx context.Context, req request) (*reply, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, to run sqldef in: %w", err)
	}
	question, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	cmd := exec.CommandContext(limited, self)
	cmd.Env = []string{workerVariable + "=1"} // nothing of the caller's environment changes what sqldef does
	cmd.Stdin = bytes.NewReader(question)
	var out bytes.Buffer
	errs := &tail{limit: 4 << 10}
	cmd.Stdout, cmd.Stderr = &out, errs
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, fmt.Errorf("sqldef was stopped after %s", timeLimit)
	case err != nil:
		return nil, fmt.Errorf("sqldef ended: %s", lastWords(errs.String(), err))
	}
	var answer reply
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		return nil, fmt.Errorf("sqldef's plan cannot be read: %w", err)
	}
	if answer.Failed != "" {
		return nil, errors.New(answer.Failed)
	}
	return &answer, nil
}

// lastWords is the line that says why a process ended.
func lastWords(said string, err error) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") || strings.HasPrefix(line, "runtime:") {
			return line
		}
	}
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return err.Error()
}

// tail keeps the beginning of what is written.
type tail struct {
	bytes.Buffer
	limit int
}

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	if room := t.limit - t.Len(); room > 0 {
		t.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
