// Command serve starts a fake GitHub to try the App with by hand: a demo repository, a
// pull request that drops a column which the running release still reads, and an App with
// its key and secrets. It posts webhooks, and takes commands:
//
//	go run ./internal/fakegithub/serve --out DIR
//	pmcheck serve --config DIR/pmcheck-app.yml
//
// Commands come as lines on standard input or, with --control ADDRESS, as POST /COMMAND to that
// address with the words in the body; "help" lists them. What is told of a command is printed, or is the answer.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/pmcheck/pmcheck/checks/example"
	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:3000", "loopback `address` to listen on")
	out := flag.String("out", "", "`folder` to write the App's configuration, key and secrets into (default: a new temporary one)")
	hook := flag.String("webhook", "http://127.0.0.1:8080/webhook", "`URL` that gets the webhooks")
	control := flag.String("control", "", "loopback `address` that takes commands by POST; default: only standard input does")
	user := flag.String("user", "octocat", "`login` of who is logged in with a browser")
	seed := flag.Uint64("seed", 1, "of everything that is left to chance")
	flag.Parse()
	if err := run(*addr, *control, *out, *hook, *user, *seed); err != nil {
		log.Fatal(err)
	}
}

// demo is the server with what the commands work on.
type demo struct {
	server *fakegithub.Server
	repo   *fakegithub.Repo
	fork   *fakegithub.Repo

	mu    sync.Mutex
	pulls map[int]*fakegithub.Pull
	next  int
}

func run(addr, control, out, hook, user string, seed uint64) error {
	s, err := fakegithub.Start(fakegithub.Options{Addr: addr, Seed: seed})
	if err != nil {
		return err
	}
	defer s.Close()
	if out == "" {
		if out, err = os.MkdirTemp("", "fakegithub-app-"); err != nil {
			return err
		}
	}
	d, installation, err := newDemo(s, out, hook, user)
	if err != nil {
		return err
	}
	if control != "" {
		l, err := net.Listen("tcp", control)
		if err != nil {
			return err
		}
		if ip, ok := l.Addr().(*net.TCPAddr); !ok || !ip.IP.IsLoopback() {
			l.Close()
			return fmt.Errorf("%s is not a loopback address", control)
		}
		mux := http.NewServeMux()
		mux.HandleFunc("POST /{command}", d.post)
		srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
		go srv.Serve(l)
		defer srv.Close()
	}

	info := s.AppInfo()
	fmt.Printf("GitHub:        %s (REST: %s)\nApp:           %d, %s, installed as %d\nRun it with:   pmcheck serve --config %s\nRepository:    %s\nPull request:  #%d, head %s\nWebhooks to:   %s\n\"help\" lists the commands.\n",
		s.URL, s.APIURL(), info.ID, info.Slug, installation, filepath.Join(out, "pmcheck-app.yml"), d.repo.CloneURL(), 1, d.pulls[1].Head(), hook)

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	lines := make(chan string)
	go func() {
		in := bufio.NewScanner(os.Stdin)
		for in.Scan() {
			lines <- in.Text()
		}
	}()
	for {
		select {
		case <-stop:
			return nil
		case line := <-lines:
			words := strings.Fields(line)
			if len(words) == 0 {
				continue
			}
			if words[0] == "quit" {
				return nil
			}
			text, err := d.do(words[0], words[1:])
			if err != nil {
				text = "error: " + err.Error()
			}
			fmt.Println(text)
		}
	}
}

// newDemo puts the demo into a new server.
func newDemo(s *fakegithub.Server, out, hook, user string) (d *demo, installation int64, err error) {
	s.Login(user)
	s.Organization("acme")
	d = &demo{server: s, pulls: map[int]*fakegithub.Pull{}}
	archive := example.Incident()
	d.repo = s.Repo("acme", "orders", side(archive, "base/"))
	d.repo.Protect("main")
	d.repo.SetPermission(user, "admin")
	if err := d.credentials(out, hook); err != nil {
		return nil, 0, err
	}
	s.WebhookTo(hook)
	installation = s.Install("acme")
	changes := side(archive, "head/")
	for _, f := range archive.Files {
		if path, ok := strings.CutPrefix(f.Name, "deleted/"); ok {
			changes[path] = ""
		}
	}
	d.repo.Commit("change", changes)
	d.add(d.repo.OpenPull("change", "main", "Drop the legacy column"))
	return d, installation, nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// side is the files of one side of the archive.
func side(archive *txtar.Archive, prefix string) map[string]string {
	files := map[string]string{}
	for _, f := range archive.Files {
		if path, ok := strings.CutPrefix(f.Name, prefix); ok {
			files[path] = string(f.Data)
		}
	}
	return files
}

// credentials writes what the App's owner has been given, with a configuration of pmcheck serve that names it.
func (d *demo) credentials(out, hook string) error {
	at, err := url.Parse(hook)
	if err != nil || at.Host == "" {
		return fmt.Errorf("%q is no URL for webhooks", hook)
	}
	info := d.server.AppInfo()
	if err := os.MkdirAll(out, 0o700); err != nil {
		return err
	}
	config := fmt.Sprintf("app_id: %d\nprivate_key_file: private-key.pem\nwebhook_secret_file: webhook-secret\nclient_id: %s\nclient_secret_file: client-secret\n"+
		"github_url: %s\nlisten: %s\nurl: %s://%s\ndata: data\n", info.ID, info.ClientID, d.server.URL, at.Host, at.Scheme, at.Host)
	for name, text := range map[string]string{"private-key.pem": string(info.PrivateKey), "webhook-secret": info.WebhookSecret, "client-secret": info.ClientSecret, "pmcheck-app.yml": config} {
		if err := os.WriteFile(filepath.Join(out, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) add(p *fakegithub.Pull) *fakegithub.Pull {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pulls[p.Number] = p
	return p
}

func (d *demo) post(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err == nil {
		var text string
		if text, err = d.do(r.PathValue("command"), strings.Fields(string(body))); err == nil {
			fmt.Fprintln(w, text)
			return
		}
	}
	http.Error(w, err.Error(), http.StatusBadRequest)
}

const help = `open [FILE]              opens a pull request: with FILE's content as a migration, else one that drops a column
fork                     opens one from a fork
push N [FILE]            pushes to pull request N: FILE, or a file that changes nothing of the schema
close N | merge N        closes or merges it
comment N USER TEXT...   comments; USER is given the permission "maintain"
queue N...               makes a group of the merge queue
rerun N                  presses "Re-run" on its newest check run
checks N                 tells of its check runs
deliveries               tells what became of the webhooks
redeliver                sends again what failed
webhook URL              sends webhooks there from now on
down | up                refuses all calls, or ends that
hour                     moves the clock one hour: tokens expire
login USER               logs in somebody else with the browser
apps                     tells of the Apps, those that came by a manifest too
install APP              installs such an App
quit                     ends`

// do carries a command out, and tells of it. What the fake can't do, it says by a panic.
func (d *demo) do(command string, words []string) (text string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return d.carryOut(command, words)
}

func (d *demo) carryOut(command string, words []string) (string, error) {
	pull := func() (*fakegithub.Pull, error) {
		if len(words) == 0 {
			return nil, fmt.Errorf("%s: which pull request?", command)
		}
		n, err := strconv.Atoi(words[0])
		d.mu.Lock()
		defer d.mu.Unlock()
		if p := d.pulls[n]; err == nil && p != nil {
			return p, nil
		}
		return nil, fmt.Errorf("there is no pull request %s", words[0])
	}
	switch command {
	case "help":
		return help, nil
	case "open", "fork":
		return d.open(command == "fork", words)
	case "webhook":
		if len(words) != 1 {
			return "", fmt.Errorf("webhook: one URL")
		}
		d.server.WebhookTo(words[0])
		return "webhooks go to " + words[0], nil
	case "down":
		d.server.Down()
		return "down", nil
	case "up":
		d.server.Up()
		return "up", nil
	case "hour":
		d.server.Advance(3600e9)
		return "it is " + d.server.Now().Format("15:04:05"), nil
	case "login":
		if len(words) != 1 {
			return "", fmt.Errorf("login: one USER")
		}
		d.server.Login(words[0])
		return words[0] + " is logged in", nil
	case "deliveries", "redeliver":
		return d.deliveries(command == "redeliver"), nil
	case "apps":
		var lines []string
		for _, a := range d.server.Apps() {
			lines = append(lines, fmt.Sprintf("%d %s, webhooks to %s", a.ID, a.Slug, or(a.WebhookURL, "nowhere")))
		}
		return strings.Join(lines, "\n"), nil
	case "install":
		for _, a := range d.server.Apps() {
			if len(words) == 1 && words[0] == strconv.FormatInt(a.ID, 10) {
				return fmt.Sprintf("installed as %d", d.server.InstallApp(a.ID, "acme")), nil
			}
		}
		return "", fmt.Errorf("install: the id of an App; \"apps\" lists them")
	case "queue":
		var group []*fakegithub.Pull
		for len(words) > 0 {
			p, err := pull()
			if err != nil {
				return "", err
			}
			group, words = append(group, p), words[1:]
		}
		if len(group) == 0 {
			return "", fmt.Errorf("queue: which pull requests?")
		}
		g := d.repo.MergeGroup("main", group...)
		return g.HeadRef + " " + g.HeadSHA, nil
	}
	if !slices.Contains([]string{"push", "close", "merge", "comment", "rerun", "checks"}, command) {
		return "", fmt.Errorf("there is no command %q; \"help\" lists them", command)
	}
	p, err := pull()
	if err != nil {
		return "", err
	}
	switch command {
	case "push":
		files, err := migration(words[1:], fmt.Sprintf("notes/%d.md", d.number()))
		if err != nil {
			return "", err
		}
		return p.Push(files), nil
	case "close", "merge":
		p.Close(command == "merge")
		return command + "d", nil
	case "comment":
		if len(words) < 3 {
			return "", fmt.Errorf("comment: N USER TEXT")
		}
		d.repo.SetPermission(words[1], "maintain")
		return fmt.Sprintf("comment %d", p.Comment(words[1], strings.Join(words[2:], " "))), nil
	case "rerun":
		runs := d.repo.CheckRuns(p.Head())
		if len(runs) == 0 {
			return "", fmt.Errorf("%s has no check run", p.Head())
		}
		d.repo.Rerequest(runs[len(runs)-1].ID)
		return "asked", nil
	case "checks":
		var lines []string
		for _, c := range d.repo.CheckRuns(p.Head()) {
			lines = append(lines, fmt.Sprintf("%s: %s, %d annotations, %s\n%s\n%s", c.Name, strings.Join(c.History, ", "), len(c.Annotations), c.DetailsURL, c.Title, c.Summary))
		}
		return or(strings.Join(lines, "\n"), "none"), nil
	}
	return "", nil
}

func (d *demo) number() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next++
	return d.next
}

// migration is a file's content as the next migration of the demo or, without a file, a text at another path.
func migration(words []string, otherwise string) (map[string]string, error) {
	if len(words) == 0 {
		return map[string]string{otherwise: "Nothing about the schema.\n"}, nil
	}
	text, err := os.ReadFile(words[0])
	if err != nil {
		return nil, err
	}
	return map[string]string{"migrations/" + filepath.Base(words[0]): string(text)}, nil
}

func (d *demo) open(fork bool, words []string) (string, error) {
	n := d.number()
	branch := fmt.Sprintf("by-hand-%d", n)
	files := side(example.Incident(), "head/")
	if len(words) > 0 {
		var err error
		if files, err = migration(words, ""); err != nil {
			return "", err
		}
	}
	from := d.repo
	if fork {
		d.mu.Lock()
		if d.fork == nil {
			d.fork = d.repo.Fork("mallory")
		}
		from = d.fork
		d.mu.Unlock()
	}
	from.Commit(branch, files)
	title := fmt.Sprintf("Change %d", n)
	var p *fakegithub.Pull
	if fork {
		p = d.repo.OpenPullFromFork(from, branch, "main", title)
	} else {
		p = d.repo.OpenPull(branch, "main", title)
	}
	d.add(p)
	return fmt.Sprintf("#%d %s", p.Number, p.Head()), nil
}

func (d *demo) deliveries(again bool) string {
	all := d.server.Deliveries()
	done := map[string]bool{}
	for _, v := range all {
		if v.Status == "OK" {
			done[v.GUID] = true
		}
	}
	var lines []string
	for _, v := range slices.Backward(all) {
		switch {
		case !again:
			lines = append(lines, fmt.Sprintf("%s %s %s: %s", v.At.Format("15:04:05"), v.Event, v.Action, v.Status))
		case !done[v.GUID]:
			done[v.GUID] = true
			d.server.Redeliver(v)
			lines = append(lines, fmt.Sprintf("%s %s sent again", v.Event, v.Action))
		}
	}
	return or(strings.Join(lines, "\n"), "none")
}
