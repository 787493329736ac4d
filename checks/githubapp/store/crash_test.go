package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	sqlite3 "modernc.org/sqlite/lib"

	"modernc.org/sqlite"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// childDatabase names, in the environment, the database that a child process works on. It
// accepts what stands on its standard input, a line "ID NUMBER HEAD SECOND" for each
// delivery, and answers with the id once it is kept.
const childDatabase = "PMCHECK_TEST_STORE_CHILD"

// lease is that of child processes: long enough that the system does not keep one from renewing
// it for so long, and no longer, since it is what passes before a killed one's turns are taken over.
const lease = 8 * time.Second

func childMain(url string) {
	ctx := context.Background()
	s, err := Open(ctx, url, Options{Poll: 20 * time.Millisecond, Lease: lease, MaxAttempts: 1000,
		Backoff: func(int) time.Duration { return time.Millisecond }})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	h := judges(nil)
	h.Judge = func(ctx context.Context, w job.Work) (job.Verdict, error) {
		done, err := alone(ctx, url, w)
		if err != nil {
			return job.Verdict{}, err
		}
		defer done()
		select { // some are killed at the beginning, some in the midst
		case <-time.After(time.Duration(rand.IntN(15)) * time.Millisecond):
			return verdict(w), nil
		case <-ctx.Done():
			return job.Verdict{}, context.Cause(ctx)
		}
	}
	go func() {
		err := s.Run(ctx, h)
		fmt.Println("error: Run ended:", err)
		os.Exit(1)
	}()
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var id, head string
		var number, second int
		if _, err := fmt.Sscan(in.Text(), &id, &number, &head, &second); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		if _, err := s.Accept(ctx, job.Delivery{ID: id, Received: time.Now()}, []job.Want{pull(number, head, second)}); err != nil {
			fmt.Println("error", err)
			continue
		}
		fmt.Println(id)
	}
	select {}
}

// alone holds a lock of the server's for as long as one turn of a subject lasts: the
// server gives it up when the process dies, and refuses it to a second turn.
func alone(ctx context.Context, url string, w job.Work) (func(), error) {
	if strings.HasPrefix(url, "sqlite:") {
		return func() {}, nil
	}
	config, err := pgx.ParseConfig(strings.Replace(url, "pool_max_conns", "application_name", 1))
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(context.WithoutCancel(ctx), config)
	if err != nil {
		return nil, err
	}
	got := false
	if err := conn.QueryRow(context.WithoutCancel(ctx), "SELECT pg_try_advisory_lock(4711, $1)", w.Subject.Number).Scan(&got); err != nil {
		return nil, err
	}
	if !got {
		fmt.Println("TWICE", w.Subject.Key())
	}
	return func() { conn.Close(context.WithoutCancel(ctx)) }, nil
}

// A child is a process that works on a database, and is killed.
type child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines <-chan string // closed when it has ended
}

func startChild(t testing.TB, url string) *child {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1000)
	c := &child{cmd: exec.Command(program), lines: said}
	c.cmd.Env = append(os.Environ(), childDatabase+"="+url)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(said)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			said <- lines.Text()
		}
	}()
	t.Cleanup(c.kill)
	return c
}

func (c *child) kill() {
	if c.cmd.ProcessState == nil {
		c.cmd.Process.Kill()
		for range c.lines { // to the end, before Wait closes the pipe
		}
		c.cmd.Wait()
	}
}

// A SQLite store is killed at random moments while it accepts and judges. What it said it
// had kept ends in a verdict.
func TestKilled(t *testing.T) {
	kills, subjects := 25, 8
	if testing.Short() {
		kills = 6
	}
	url := "sqlite:" + filepath.Join(t.TempDir(), "pmcheck.db")
	newest := map[int]int{} // by pull request: of what was kept, and of what may be
	may := map[int]int{}
	n, kept := 0, 0
	for range kills {
		c := startChild(t, url)
		sent := map[string][2]int{}
		for range 20 {
			n++
			id, number := fmt.Sprint("d", n), n%subjects+1
			sent[id] = [2]int{number, n}
			may[number] = n
			fmt.Fprintln(c.in, id, number, fmt.Sprint("head", n), n)
		}
		lives := time.After(time.Duration(100+rand.IntN(200)) * time.Millisecond)
		first := true
	living:
		for {
			select {
			case line, open := <-c.lines:
				if !open {
					t.Fatal("the child ended by itself")
				}
				what, ok := sent[line]
				if !ok {
					t.Fatalf("the child says: %s", line)
				}
				kept++
				newest[what[0]] = what[1]
				if first { // a process that never gets so far proves nothing
					first = false
					lives = time.After(time.Duration(rand.IntN(150)) * time.Millisecond)
				}
			case <-lives:
				if first {
					lives = time.After(within)
					continue
				}
				break living
			}
		}
		c.cmd.Process.Kill()
		for line := range c.lines { // said before it died
			if what, ok := sent[line]; ok {
				kept++
				newest[what[0]] = what[1]
			}
		}
		c.cmd.Wait()
	}
	s := open(t, url, Options{MaxAttempts: 1000})
	start(t, s, judges(nil))
	for number, least := range newest {
		v := settled(t, s, number)
		var got int
		if _, err := fmt.Sscanf(v.Revision.Head, "head%d", &got); err != nil || got < least || got > may[number] {
			t.Errorf("pull request %d: verdict on %s; head%d was kept, head%d was the newest", number, v.Revision.Head, least, may[number])
		}
	}
	t.Logf("%d kills, %d deliveries sent, %d kept before the kill, none of these lost", kills, n, kept)
	if kept < kills { // each process lives until it has kept one
		t.Errorf("%d deliveries were kept: this proves nothing", kept)
	}
}

// Three processes share a PostgreSQL, and one after the other is killed. Nothing is lost,
// and no subject is judged by two at once.
func TestProcessesKilledOnPostgres(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		if strings.HasPrefix(url, "sqlite:") {
			t.Skip("a SQLite file has one process")
		}
		kills, subjects := 12, 20
		if testing.Short() {
			kills = 4
		}
		url = strings.Replace(url, "pool_max_conns=6", "pool_max_conns=4", 1)
		s := open(t, url, Options{})
		var children []*child
		var twice []string
		var mu sync.Mutex
		begin := func() *child {
			c := startChild(t, url)
			watched := make(chan string, 1000)
			lines := c.lines
			c.lines = watched
			go func() {
				defer close(watched)
				for line := range lines {
					if strings.HasPrefix(line, "TWICE") {
						mu.Lock()
						twice = append(twice, line)
						mu.Unlock()
					}
				}
			}()
			return c
		}
		for range 3 {
			children = append(children, begin())
		}
		n := 0
		push := func() {
			for range 10 {
				n++
				accept(t, s, fmt.Sprint("d", n), pull(n%subjects+1, fmt.Sprint("head", n), n))
			}
		}
		for k := range kills {
			before, err := s.Verdicts(t.Context(), 0, 1)
			if err != nil {
				t.Fatal(err)
			}
			push()                                       // after that: all of it may be judged before this goes on
			eventually(t, "a new verdict", func() bool { // so that each kill meets work
				now, err := s.Verdicts(t.Context(), 0, 1)
				return err == nil && len(now) > 0 && (len(before) == 0 || now[0].Revision.Head != before[0].Revision.Head)
			})
			children[k%3].kill()
			children[k%3] = begin()
		}
		push()
		for number := 1; number <= subjects; number++ {
			want := ""
			for i := 1; i <= n; i++ {
				if i%subjects+1 == number {
					want = fmt.Sprint("head", i)
				}
			}
			if v := settled(t, s, number); v.Revision.Head != want {
				t.Errorf("pull request %d: verdict on %s, not on %s", number, v.Revision.Head, want)
			}
		}
		for _, c := range children {
			c.kill()
		}
		mu.Lock()
		defer mu.Unlock()
		if len(twice) > 0 {
			t.Errorf("judged by two at once: %v", twice)
		}
		t.Logf("%d kills among 3 processes, %d deliveries, none lost, none judged by two at once", kills, n)
	})
}

func TestDiskFull(t *testing.T) {
	s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "pmcheck.db"), Options{})
	limit := func(pragma string) {
		t.Helper()
		if _, err := s.engine.(*sqliteEngine).db.ExecContext(t.Context(), pragma); err != nil {
			t.Fatal(err)
		}
	}
	start(t, s, judges(nil))
	accept(t, s, "d0", pull(1, "aaa", 1))
	settled(t, s, 1)
	limit("PRAGMA max_page_count = 1") // it becomes what the file has
	big := pull(2, "bbb", 1)
	big.Revision.Body = strings.Repeat("x", 60_000)
	kept := 0
	var full error
	for full == nil && kept < 1000 {
		big.Subject.Number++
		if _, full = s.Accept(t.Context(), job.Delivery{ID: fmt.Sprint("big", kept+1), Received: time.Now()}, []job.Want{big}); full == nil {
			kept++
		}
	}
	if e := (*sqlite.Error)(nil); !errors.As(full, &e) || e.Code() != sqlite3.SQLITE_FULL {
		t.Fatalf("after %d deliveries: %v", kept, full)
	}
	var deliveries int
	if err := s.engine.reader().row(t.Context(), "SELECT count(*) FROM deliveries WHERE id LIKE 'big%'").Scan(&deliveries); err != nil || deliveries != kept {
		t.Errorf("%d deliveries were kept, %d are there: %v", kept, deliveries, err)
	}
	limit("PRAGMA max_page_count = 1000000")
	if !accept(t, s, fmt.Sprint("big", kept+1), big) {
		t.Error("half of the delivery was kept")
	}
	for number := 3; number <= big.Subject.Number; number++ {
		settled(t, s, number)
	}
}
