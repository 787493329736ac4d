package fakegithub

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Repo is a repository at the server: a bare one that the git program made.
type Repo struct {
	s       *Server
	id      int64
	owner   *user
	name    string
	dir     string // of git
	root    *Repo  // of the network of forks; nil for the root itself
	private bool
	created time.Time
	pushed  time.Time

	git sync.Mutex // one writer at a time

	// Under the server's lock:
	refs      map[string]string // all of git's, by full name
	commits   map[string]*commitInfo
	protected map[string]bool
	perms     map[string]string // role by login
	pulls     map[int]*Pull
	order     []*Pull // by number
	byHead    map[string][]*Pull
	number    int
	auto      map[int64]bool         // whether an App's check suites are made at a push
	runs      map[string][]*checkRun // by head
	json      []byte
	issues    map[string]*issue
}

type commitInfo struct {
	message, tree string
	parents       []string
	at            time.Time
}

// File is one in a commit.
type File struct {
	Path    string
	Content string
	Mode    string // "" = 100644; 120000 is a symbolic link, 100755 a program
	Delete  bool
}

// ID is the repository's, which stays when it is renamed.
func (r *Repo) ID() int64 { return r.id }

// FullName is OWNER/NAME.
func (r *Repo) FullName() string { return r.owner.login + "/" + r.name }

// Owner and Name are the two parts of FullName.
func (r *Repo) Owner() string { return r.owner.login }
func (r *Repo) Name() string  { return r.name }

// Dir is the bare repository's folder.
func (r *Repo) Dir() string { return r.dir }

// CloneURL is the address for git.
func (r *Repo) CloneURL() string { return r.s.GitURL + "/" + r.FullName() + ".git" }

// Repo makes a private repository, its default branch main with one commit. Installations for
// all repositories of the account get it.
func (s *Server) Repo(owner, name string, files map[string]string) *Repo {
	r, err := s.newRepo(owner, name, nil)
	if err != nil {
		s.fatal(err)
	}
	r.commit("main", "First commit", filesOf(files))
	return r
}

func (s *Server) newRepo(owner, name string, root *Repo) (*Repo, error) {
	s.mu.Lock()
	if s.repos[strings.ToLower(owner+"/"+name)] != nil {
		s.mu.Unlock()
		return nil, fmt.Errorf("there is a repository %s/%s already", owner, name)
	}
	r := &Repo{
		s: s, id: s.id("repository"), owner: s.userOf(owner), name: name, private: true, created: s.now(), root: root,
		refs: map[string]string{}, commits: map[string]*commitInfo{}, protected: map[string]bool{}, perms: map[string]string{},
		pulls: map[int]*Pull{}, byHead: map[string][]*Pull{}, auto: map[int64]bool{}, issues: map[string]*issue{}, runs: map[string][]*checkRun{},
	}
	r.dir = filepath.Join(s.dir, strconv.FormatInt(r.id, 10)+".git")
	s.mu.Unlock()
	if _, err := r.run(nil, "init", "-q", "--bare", "-b", "main", r.dir); err != nil {
		return nil, err
	}
	config, err := os.OpenFile(filepath.Join(r.dir, "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	// As GitHub has it: any commit of the network can be asked for, and filters are there.
	_, err = config.WriteString("[uploadpack]\n\tallowAnySHA1InWant = true\n\tallowReachableSHA1InWant = true\n\tallowTipSHA1InWant = true\n\tallowFilter = true\n" +
		"[http]\n\treceivepack = false\n[gc]\n\tauto = 0\n[receive]\n\tautogc = false\n[core]\n\tfsync = none\n")
	if err == nil {
		err = config.Close()
	}
	if err == nil && root != nil {
		r.private = root.private
		err = os.WriteFile(filepath.Join(r.dir, "objects", "info", "alternates"), []byte(filepath.Join(root.dir, "objects")+"\n"), 0o644)
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repos[strings.ToLower(owner+"/"+name)] = r
	s.repoIDs[r.id] = r
	delete(s.moved, strings.ToLower(owner+"/"+name))
	for _, i := range s.installs {
		if i.all && i.account == r.owner {
			i.repos[r.id] = r
		}
	}
	return r, nil
}

// Fork makes a fork at another account. It shares the objects, as at GitHub.
func (r *Repo) Fork(owner string) *Repo {
	f, err := r.s.newRepo(owner, r.name, r.network())
	if err != nil {
		r.s.fatal(err)
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for ref, sha := range r.refs {
		if strings.HasPrefix(ref, "refs/heads/") {
			if err := f.setRef(ref, sha); err != nil {
				r.s.fatal(err)
			}
		}
	}
	return f
}

// Rename gives a repository another owner or name. Calls by the old name are redirected.
func (r *Repo) Rename(owner, name string) {
	s := r.s
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.repos, strings.ToLower(r.FullName()))
	s.moved[strings.ToLower(r.FullName())] = r.id
	r.owner, r.name, r.json = s.userOf(owner), name, nil
	s.repos[strings.ToLower(r.FullName())] = r
}

// SetPrivate makes a repository private or public. New ones are private.
func (r *Repo) SetPrivate(yes bool) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.private, r.json = yes, nil
}

func (r *Repo) network() *Repo {
	if r.root != nil {
		return r.root
	}
	return r
}

// run runs git in the repository, away from the user's configuration.
func (r *Repo) run(stdin []byte, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	if args[0] == "init" {
		cmd.Dir = r.s.dir
	}
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Env = append(gitEnv(), "GIT_OBJECT_DIRECTORY="+filepath.Join(r.network().dir, "objects"))
	if args[0] == "init" {
		cmd.Env = gitEnv()
	} else {
		cmd.Env = append(cmd.Env, "GIT_DIR="+r.dir)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}

func gitEnv() []string {
	env := []string{
		"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TEMPLATE_DIR=", "LC_ALL=C", "PATH=" + os.Getenv("PATH"), "HOME=" + os.DevNull,
		"GIT_COMMITTER_NAME=GitHub", "GIT_COMMITTER_EMAIL=noreply@github.com", "GIT_AUTHOR_NAME=octocat", "GIT_AUTHOR_EMAIL=octocat@example.com",
	}
	if dir := os.Getenv("TMPDIR"); dir != "" {
		env = append(env, "TMPDIR="+dir)
	}
	return env
}

// Git runs git in the bare repository and returns what it prints: for what nothing else here does.
// Branches that it moves are read anew; no event is sent.
func (r *Repo) Git(stdin []byte, args ...string) string {
	r.git.Lock()
	defer r.git.Unlock()
	out, err := r.run(stdin, args...)
	if err != nil {
		r.s.fatal(err)
	}
	refs, err := r.run(nil, "for-each-ref", "--format=%(refname) %(objectname)")
	if err != nil {
		r.s.fatal(err)
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.refs = map[string]string{}
	for line := range strings.Lines(refs) {
		name, sha, _ := strings.Cut(strings.TrimSpace(line), " ")
		r.refs[name] = sha
	}
	return out
}

// setRef moves a ref. The server is locked.
func (r *Repo) setRef(ref, sha string) error {
	path := filepath.Join(r.dir, filepath.FromSlash(ref))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp := path + ".lock"
	if err := os.WriteFile(tmp, []byte(sha+"\n"), 0o644); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	r.refs[ref] = sha
	return nil
}

func filesOf(files map[string]string) []File {
	var out []File
	for _, path := range slices.Sorted(maps.Keys(files)) {
		out = append(out, File{Path: path, Content: files[path], Delete: files[path] == ""})
	}
	return out
}

// importer writes a stream for git fast-import.
type importer struct{ bytes.Buffer }

// commit begins a commit; from is a commit, or ":1" for a mark, or "".
func (i *importer) commit(ref, mark, message, from, merge string, at time.Time) {
	fmt.Fprintf(i, "commit %s\n", ref)
	if mark != "" {
		fmt.Fprintf(i, "mark %s\n", mark)
	}
	fmt.Fprintf(i, "author octocat <octocat@example.com> %d +0000\ncommitter octocat <octocat@example.com> %d +0000\ndata %d\n%s\n", at.Unix(), at.Unix(), len(message), message)
	if from != "" {
		fmt.Fprintf(i, "from %s\n", from)
	}
	if merge != "" {
		fmt.Fprintf(i, "merge %s\n", merge)
	}
}

func (i *importer) files(files []File) {
	for _, f := range files {
		path := f.Path
		if strings.HasPrefix(path, `"`) || strings.ContainsAny(path, "\n\\") {
			path = strconv.Quote(path)
		}
		if f.Delete {
			fmt.Fprintf(i, "D %s\n", path)
			continue
		}
		mode := f.Mode
		if mode == "" {
			mode = "100644"
		}
		fmt.Fprintf(i, "M %s inline %s\ndata %d\n%s\n", mode, path, len(f.Content), f.Content)
	}
}

// write carries the stream out, and returns the commits of the marks that were asked for, in their order.
func (r *Repo) write(stream []byte) ([]string, error) {
	out, err := r.run(stream, "fast-import", "--quiet", "--force", "--done")
	return strings.Fields(out), err
}

// Commit puts a commit on a branch, which it begins from main when it is new, and returns the commit.
// "" as a file's content deletes it. It sends no event of a pull request: Pull.Push does.
func (r *Repo) Commit(branch string, files map[string]string) (sha string) {
	return r.commit(branch, "Change "+strings.Join(slices.Sorted(maps.Keys(files)), ", "), filesOf(files))
}

// CommitFiles is Commit for what a map of texts can't say: links, modes, empty files.
func (r *Repo) CommitFiles(branch string, files ...File) (sha string) {
	return r.commit(branch, "Change files", files)
}

func (r *Repo) commit(branch, message string, files []File) string {
	r.git.Lock()
	defer r.git.Unlock()
	r.s.mu.Lock()
	from := r.refs["refs/heads/"+branch]
	if from == "" {
		from = r.refs["refs/heads/main"]
	}
	at := r.s.now()
	r.s.mu.Unlock()
	var in importer
	in.commit("refs/heads/"+branch, ":1", message, from, "", at)
	in.files(files)
	in.WriteString("\nget-mark :1\ndone\n")
	shas, err := r.write(in.Bytes())
	if err != nil || len(shas) != 1 {
		r.s.fatal(fmt.Errorf("a commit on %s of %s: %v %v", branch, r.FullName(), shas, err))
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.refs["refs/heads/"+branch] = shas[0]
	r.pushed = at
	var parents []string
	if from != "" {
		parents = []string{from}
	}
	r.network().commits[shas[0]] = &commitInfo{message: message, parents: parents, at: at}
	return shas[0]
}

// Branch begins a branch at another one, or at a commit.
func (r *Repo) Branch(name, from string) {
	r.git.Lock()
	defer r.git.Unlock()
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	sha := r.resolve(from)
	if sha == "" {
		r.s.fatal(fmt.Errorf("%s has no %s", r.FullName(), from))
	}
	if err := r.setRef("refs/heads/"+name, sha); err != nil {
		r.s.fatal(err)
	}
}

// Head is the commit at a branch's tip, "" when there is no such branch.
func (r *Repo) Head(branch string) string {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.refs["refs/heads/"+branch]
}

// Protect protects a branch.
func (r *Repo) Protect(branch string) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.protected[branch] = true
}

// resolve finds the commit that a branch, a ref or a commit's id names; "" when there is none. The server is locked.
func (r *Repo) resolve(name string) string {
	for _, ref := range []string{name, "refs/" + name, "refs/heads/" + name, "refs/tags/" + name} {
		if sha := r.refs[ref]; sha != "" {
			return sha
		}
	}
	if len(name) == 40 && r.commitInfo(name) != nil {
		return name
	}
	return ""
}

// commitInfo is what is known of a commit; git is asked when nothing is. nil = there is none. The server is locked.
func (r *Repo) commitInfo(sha string) *commitInfo {
	c := r.network().commits[sha]
	if c != nil && c.tree != "" {
		return c
	}
	if !commit.pattern.MatchString(sha) {
		return nil
	}
	out, err := r.run(nil, "show", "-s", "--format=%T%n%P%n%ct%n%B", sha, "--")
	if err != nil {
		return nil
	}
	parts := strings.SplitN(out, "\n", 4)
	if len(parts) != 4 {
		return nil
	}
	seconds, _ := strconv.ParseInt(parts[2], 10, 64)
	c = &commitInfo{tree: parts[0], parents: strings.Fields(parts[1]), at: time.Unix(seconds, 0).UTC(), message: strings.TrimRight(parts[3], "\n")}
	r.network().commits[sha] = c
	return c
}

// has tells whether the commit is there, without asking git when the server made it. The server is locked.
func (r *Repo) has(sha string) bool {
	return r.network().commits[sha] != nil || len(sha) == 40 && r.commitInfo(sha) != nil
}
