package githubapp_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp"
	"github.com/pmcheck/pmcheck/internal/fakegithub"
	"github.com/pmcheck/pmcheck/internal/pgtest"
)

// slow asks for the large sizes.
var slow = os.Getenv("PMCHECK_SLOW") == "1"

func size(small, large int) int {
	if slow {
		return large
	}
	return small
}

// onDatabases runs a test on a SQLite file, and on an empty PostgreSQL database.
func onDatabases(t *testing.T, f func(t *testing.T, database string)) {
	if testing.Short() {
		t.Skip("-short: processes are killed and servers go down")
	}
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(t, "sqlite:"+filepath.Join(t.TempDir(), "pmcheck.db")) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); f(t, postgres(t).String()) })
}

// postgres is the address of an empty database.
func postgres(t *testing.T) *url.URL {
	t.Helper()
	servers := pgtest.Servers(t)
	config := servers[len(servers)-1].NewDatabase(t).Config()
	query := url.Values{"host": {config.Host}, "port": {fmt.Sprint(config.Port)}}
	return &url.URL{Scheme: "postgres", User: url.User(config.User), Path: "/" + config.Database, RawQuery: query.Encode()}
}

// A field is many pull requests in repositories of several installations: each has its own limits at GitHub.
type field struct {
	*testing.T
	github *fakegithub.Server
	repos  []*fakegithub.Repo
	mu     sync.Mutex
	pulls  []*fakegithub.Pull
	closed map[*fakegithub.Pull]bool
	random *rand.Rand
}

// seed is of what the fault tests do at random: always the same, or what PMCHECK_SEED says, to hunt with.
func seed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("PMCHECK_SEED")
	if text == "" {
		return 1
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("PMCHECK_SEED: %v", err)
	}
	return seed
}

func newField(t *testing.T, repos int) *field {
	t.Helper()
	f := &field{T: t, github: fakegithub.New(t), closed: map[*fakegithub.Pull]bool{}, random: rand.New(rand.NewPCG(seed(t), 2))}
	for i := range repos {
		owner := fmt.Sprintf("org-%d", i)
		repo := f.github.Repo(owner, "orders", before())
		f.github.Install(owner, repo)
		f.repos = append(f.repos, repo)
	}
	return f
}

// pause is a random time.
func (f *field) pause() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Duration(50+f.random.IntN(900)) * time.Millisecond
}

// act opens a pull request, or pushes to one, or closes one.
func (f *field) act() {
	f.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.random.IntN(10)
	switch {
	case len(f.pulls) < 2*len(f.repos) || n < 3:
		repo := f.repos[len(f.pulls)%len(f.repos)]
		branch := fmt.Sprintf("change-%d", len(f.pulls))
		repo.Branch(branch, "main")
		files := map[string]string{"README": branch}
		if n%3 == 0 {
			files = after()
		}
		files["BRANCH"] = branch // else two branches could be one commit
		repo.Commit(branch, files)
		f.pulls = append(f.pulls, repo.OpenPull(branch, "main", branch))
	default:
		pull := f.pulls[f.random.IntN(len(f.pulls))]
		switch {
		case f.closed[pull]:
		case n == 9:
			pull.Close(false)
			f.closed[pull] = true
		default:
			pull.Push(map[string]string{"README": fmt.Sprint(f.random.Int64())})
		}
	}
}

// tally is what a fault test ends with: one line of its table.
type tally struct {
	pulls, lost, twins int
	missing            string // what is not right yet
}

// count looks at each open pull request's newest head: it has to have one check run, which is completed.
func (f *field) count() tally {
	var c tally
	for _, pull := range f.pulls {
		runs := pull.Repo.CheckRuns(pull.Head())
		if f.closed[pull] {
			for _, run := range runs {
				if run.Status != "completed" {
					c.missing = fmt.Sprintf("%s#%d is closed, and its check run %s", pull.Repo.FullName(), pull.Number, run.Status)
				}
			}
			continue
		}
		c.pulls++
		switch {
		case len(runs) == 0 || runs[len(runs)-1].Status != "completed" || runs[len(runs)-1].Conclusion == "cancelled":
			c.lost++
			c.missing = fmt.Sprintf("%s#%d at %s: %+v", pull.Repo.FullName(), pull.Number, pull.Head(), runs)
		case len(runs) > 1:
			c.twins += len(runs) - 1
			c.missing = fmt.Sprintf("%s#%d at %s has %d check runs", pull.Repo.FullName(), pull.Number, pull.Head(), len(runs))
		}
	}
	return c
}

// settle waits until nothing is missing, and prints the line.
func (f *field) settle(what string, kills int) {
	f.Helper()
	deadline := time.Now().Add(patience)
	c := f.count()
	for ; c.missing != "" && c.twins == 0 && time.Now().Before(deadline); c = f.count() {
		time.Sleep(20 * time.Millisecond)
	}
	hooks := f.github.HookCounts()
	f.Logf("%-28s deliveries %5d  failed %4d  kills %3d  open pull requests %4d  lost %d  twins %d", what, hooks.Attempts, hooks.Failed, kills, c.pulls, c.lost, c.twins)
	if c.missing != "" {
		f.Errorf("%s: %s", what, c.missing)
	}
}

// program builds pmcheck once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "pmcheck-program-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "pmcheck")
	cmd := exec.Command("go", "build", "-o", path, "../../cmd/pmcheck")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build pmcheck: %w\n%s", err, out)
	}
	return path, nil
})

// A process is pmcheck serve.
type process struct {
	cmd  *exec.Cmd
	url  string
	log  *lockedBuffer
	done chan struct{} // closed when it has ended
}

// serve writes a configuration for pmcheck serve, and returns what starts it.
func (f *field) serve(database string, more string) (start func() *process) {
	f.Helper()
	path, err := program()
	if err != nil {
		f.Fatal(err)
	}
	app, dir := f.github.AppInfo(), f.TempDir()
	for name, content := range map[string]string{
		"app.pem": string(app.PrivateKey), "secret": app.WebhookSecret,
		"app.yml": fmt.Sprintf("app_id: %d\nprivate_key_file: app.pem\nwebhook_secret_file: secret\ngithub_url: %s\nlisten: 127.0.0.1:0\ndata: data\ndatabase: %q\nlog_level: info\n%s",
			app.ID, f.github.URL, database, more),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	return func() *process {
		f.Helper()
		p := &process{cmd: exec.Command(path, "serve", "--config", filepath.Join(dir, "app.yml")), log: &lockedBuffer{}, done: make(chan struct{})}
		out, err := p.cmd.StderrPipe()
		if err != nil {
			f.Fatal(err)
		}
		if err := p.cmd.Start(); err != nil {
			f.Fatal(err)
		}
		listening := make(chan string, 1)
		go func() {
			defer close(p.done)
			defer close(listening)
			for lines := bufio.NewReader(io.TeeReader(out, p.log)); ; {
				line, err := lines.ReadBytes('\n')
				if err != nil {
					_ = p.cmd.Wait()
					return
				}
				var entry struct{ Msg, Address string }
				if bytes.Contains(line, []byte(`"listening"`)) && json.Unmarshal(line, &entry) == nil {
					listening <- "http://" + entry.Address
				}
			}
		}()
		f.Cleanup(func() {
			p.kill()
			if f.Failed() {
				f.Logf("the log of process %d:\n%s", p.cmd.Process.Pid, p.log)
			}
		})
		p.url = <-listening // also when it is killed before
		if p.url != "" {
			f.github.WebhookTo(p.url + "/webhook")
		}
		return p
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// TestKilled kills the process at random moments while pull requests are opened, pushed to and closed.
func TestKilled(t *testing.T) {
	onDatabases(t, func(t *testing.T, database string) {
		f := newField(t, size(5, 20))
		start := f.serve(database, "reconcile: 2s\ngrace: 5s\n")
		kills := size(8, 100)
		for range kills {
			p := start()
			acting := make(chan struct{})
			go func() {
				defer close(acting)
				for range 3 {
					f.act()
				}
			}()
			time.Sleep(f.pause()) // at any moment: nothing waits for this
			p.kill()
			<-acting
		}
		p := start()
		f.settle("kill -9 on "+t.Name(), kills)

		// SIGTERM ends it in peace.
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		<-p.done
		if status := p.cmd.ProcessState.ExitCode(); status != 0 {
			t.Errorf("SIGTERM ends it with status %d", status)
		}
	})
}

// TestTwoProcesses has two processes share a PostgreSQL, one of which is killed again and again.
func TestTwoProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	t.Parallel()
	f := newField(t, 4)
	start := f.serve(postgres(t).String(), "reconcile: 2s\n")
	second := start()
	kills := size(4, 40)
	for range kills {
		p := start()
		for range 3 {
			f.act()
		}
		p.kill()
	}
	f.github.WebhookTo(second.url + "/webhook")
	f.settle("two processes, one killed", kills)
}

// TestGitHubDown takes GitHub away while pull requests change.
func TestGitHubDown(t *testing.T) {
	onDatabases(t, func(t *testing.T, database string) {
		f := newField(t, 3)
		start := f.serve(database, "reconcile: 2s\n")
		start()
		for range size(2, 5) {
			for range 4 {
				f.act()
			}
			f.github.Down()
			for range 4 {
				f.act()
			}
			time.Sleep(time.Second) // that long it is down
			f.github.Up()
		}
		f.settle("GitHub down on "+t.Name(), 0)
	})
}

// TestDatabaseGone cuts the connections to PostgreSQL, and refuses new ones for a while.
func TestDatabaseGone(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	t.Parallel()
	address := postgres(t)
	query := address.Query()
	between := newGate(t, filepath.Join(query.Get("host"), ".s.PGSQL."+query.Get("port")), filepath.Join(shortDir(t), ".s.PGSQL."+query.Get("port")))
	query.Set("host", filepath.Dir(between.path))
	address.RawQuery = query.Encode()
	f := newField(t, 3)
	start := f.serve(address.String(), "reconcile: 2s\n")
	p := start()
	for range size(2, 5) {
		for range 3 {
			f.act()
		}
		between.shut(true)
		for range 3 {
			f.act()
		}
		if got := (&scene{T: t, url: p.url}).get("/readyz"); !strings.HasPrefix(got, "503") {
			t.Errorf("without its database it says: %s", got)
		}
		between.shut(false)
	}
	f.settle("database gone", 0)
	if f.github.HookCounts().Failed == 0 {
		t.Error("no delivery failed: the database was not gone")
	}
}

// A gate is between a program and a server's socket.
type gate struct {
	path   string
	closed atomic.Bool
	mu     sync.Mutex
	open   []net.Conn
}

func newGate(t *testing.T, server, path string) *gate {
	t.Helper()
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	g := &gate{path: path}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			behind, err := net.Dial("unix", server)
			if err != nil || g.closed.Load() {
				client.Close()
				if behind != nil {
					behind.Close()
				}
				continue
			}
			g.mu.Lock()
			g.open = append(g.open, client, behind)
			g.mu.Unlock()
			go func() { _, _ = io.Copy(behind, client); behind.Close() }()
			go func() { _, _ = io.Copy(client, behind); client.Close() }()
		}
	}()
	return g
}

// shut cuts what is open and refuses what comes, until it is shut no more.
func (g *gate) shut(yes bool) {
	g.closed.Store(yes)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.open {
		c.Close()
	}
	g.open = nil
}

// shortDir is a folder whose path is short enough for a socket in it.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// TestStarved has the first pull request of a repository hang: those of other repositories and installations do not wait for it.
func TestStarved(t *testing.T) {
	s := newScene(t, func(c *githubapp.Config) { c.Workers = 3 })
	s.looked()
	second := s.github.Repo("acme", "shop", before())
	s.github.AddRepos(s.installation, second)
	hang := s.github.Fault((&fakegithub.Fault{Hang: true}).On("", "git").For(1))
	stuck := s.change("slow", after())
	s.until("the first pull request hangs", func() bool { return hang.Count() == 1 })
	other := s.github.Repo("other", "shop", before())
	s.github.Install("other", other)
	for i, repo := range []*fakegithub.Repo{other, second, other, other, second} {
		branch := fmt.Sprint("b", i)
		repo.Branch(branch, "main")
		repo.Commit(branch, map[string]string{"README": branch})
		pull := repo.OpenPull(branch, "main", branch)
		s.until("a verdict in "+repo.FullName(), func() bool {
			runs := repo.CheckRuns(pull.Head())
			return len(runs) == 1 && runs[0].Conclusion == "success"
		})
	}
	if runs := s.repo.CheckRuns(stuck.Head()); len(runs) != 1 || runs[0].Status == "completed" {
		t.Errorf("the first one does not hang any more: %+v", runs)
	}
	hang.Remove()
	s.one(s.repo, stuck.Head(), "failure")
}

// TestAPIFaults has GitHub fail in one way at a time: there is one check run all the same.
func TestAPIFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	t.Parallel()
	const checkRuns, checkRun = "/repos/{owner}/{repo}/check-runs", "/repos/{owner}/{repo}/check-runs/{check_run_id}"
	for name, fault := range map[string]*fakegithub.Fault{
		"made, and the answer is lost":    (&fakegithub.Fault{Drop: true, Carried: true}).On("POST", checkRuns).For(1),
		"not made, without an answer":     (&fakegithub.Fault{Drop: true}).On("POST", checkRuns).For(1),
		"502 when it is made":             (&fakegithub.Fault{Status: 502}).On("POST", checkRuns).For(2),
		"changed, and the answer is lost": (&fakegithub.Fault{Drop: true, Carried: true}).On("PATCH", checkRun).For(2),
		"500 when it is changed":          (&fakegithub.Fault{Status: 500}).On("PATCH", checkRun).For(3),
		"404 just after it was made":      (&fakegithub.Fault{Status: 404, Message: "Not Found"}).On("PATCH", checkRun).For(1),
		"secondary limit":                 fakegithub.SecondaryLimit(5*time.Second).On("", "/repos/*").For(2),
		"secondary limit without advice":  fakegithub.SecondaryLimit(0).On("", "/repos/*").For(1),
		"429":                             fakegithub.TooMany(5*time.Second).On("", "/repos/*").For(2),
		"no token":                        (&fakegithub.Fault{Status: 500}).On("POST", "/app/installations/{installation_id}/access_tokens").For(2),
		"git refuses":                     (&fakegithub.Fault{Status: 503}).On("", "git").For(2),
		"git breaks off":                  (&fakegithub.Fault{Truncate: 200}).On("", "git").For(2),
		"answers break off":               (&fakegithub.Fault{Truncate: 20}).On("", "/repos/*").For(2),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			s := newScene(t, func(c *githubapp.Config) {
				c.Now = func() time.Time { return start.Add(20 * time.Since(start)) } // so that waits are short
				c.Store.Lease = 10 * time.Minute
			})
			if name != "no token" {
				s.looked()
			}
			s.github.Fault(fault)
			s.one(s.repo, s.change("drop", after()).Head(), "failure")
			if fault.Count() == 0 {
				t.Error("the fault was not met")
			}
		})
	}
}
