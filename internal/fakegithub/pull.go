package fakegithub

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Pull is a pull request.
type Pull struct {
	Number int
	Repo   *Repo // the base's

	id, issueID int64
	headRepo    *Repo
	headRef     string
	headSHA     string
	baseRef     string
	baseSHA     string // the base branch's tip when the pull request last changed, as GitHub says it
	mergeSHA    string // of refs/pull/N/merge; "" when it conflicts
	title, body string
	author      *user
	labels      []string
	state       string // open, closed
	draft       bool
	merged      bool
	created     time.Time
	updated     time.Time
	closed      time.Time
	stack       *stack
	paths       map[string]bool
	lines       int
	pushes      int
	comments    []*comment
}

type stack struct {
	id      int64
	number  int
	baseRef string
	pulls   []*Pull
}

// OpenPull opens a pull request of a branch of the repository itself, and sends
// pull_request opened. refs/pull/N/head and, where it merges, refs/pull/N/merge are there.
func (r *Repo) OpenPull(head, base, title string) *Pull { return r.open(r, head, base, title, false) }

// OpenDraft is OpenPull for a draft.
func (r *Repo) OpenDraft(head, base, title string) *Pull { return r.open(r, head, base, title, true) }

// OpenPullFromFork opens a pull request of a fork's branch.
func (r *Repo) OpenPullFromFork(fork *Repo, head, base, title string) *Pull {
	return r.open(fork, head, base, title, false)
}

func (r *Repo) open(from *Repo, head, base, title string, draft bool) *Pull {
	s := r.s
	s.mu.Lock()
	p := r.newPull(from, head, base, title)
	p.draft = draft
	if p.headSHA == "" || p.baseSHA == "" {
		s.mu.Unlock()
		s.fatal(fmt.Errorf("%s: a pull request of %s into %s: no such branch", r.FullName(), head, base))
	}
	if from != r {
		p.author = from.owner
	}
	p.pushes = 1
	s.mu.Unlock()
	p.settle()
	s.mu.Lock()
	push := s.pushEvents(from, "refs/heads/"+head, "", p.headSHA)
	send := s.pullEvent(p, "opened", nil)
	s.mu.Unlock()
	push()
	send()
	return p
}

// newPull registers a pull request. The server is locked.
func (r *Repo) newPull(from *Repo, head, base, title string) *Pull {
	s := r.s
	r.number++
	p := &Pull{
		Number: r.number, Repo: r, id: s.id("pull"), issueID: s.id("issue"), headRepo: from, headRef: head, headSHA: from.refs["refs/heads/"+head],
		baseRef: base, baseSHA: r.refs["refs/heads/"+base], title: title, author: s.userOf("octocat"), state: "open",
		created: s.now(), updated: s.now(), paths: map[string]bool{},
	}
	r.pulls[p.Number] = p
	r.order = append(r.order, p)
	r.byHead[p.headSHA] = append(r.byHead[p.headSHA], p)
	return p
}

// moveHead keeps the index by head. The server is locked.
func (p *Pull) moveHead(sha string) {
	r := p.Repo
	r.byHead[p.headSHA] = slices.DeleteFunc(r.byHead[p.headSHA], func(o *Pull) bool { return o == p })
	if len(r.byHead[p.headSHA]) == 0 {
		delete(r.byHead, p.headSHA)
	}
	p.headSHA = sha
	r.byHead[sha] = append(r.byHead[sha], p)
}

// settle sets refs/pull/N/head and merge, and what the base branch's tip is.
func (p *Pull) settle() {
	r := p.Repo
	r.git.Lock()
	defer r.git.Unlock()
	r.s.mu.Lock()
	p.baseSHA = r.refs["refs/heads/"+p.baseRef]
	base, head, at := p.baseSHA, p.headSHA, r.s.now()
	err := r.setRef(p.ref("head"), head)
	r.s.mu.Unlock()
	if err != nil {
		r.s.fatal(err)
	}
	merge, err := r.merge(p.ref("merge"), fmt.Sprintf("Merge %s into %s", head, base), base, head, at)
	if err != nil {
		r.s.fatal(err)
	}
	r.s.mu.Lock()
	p.mergeSHA = merge
	r.s.mu.Unlock()
}

func (p *Pull) ref(kind string) string { return fmt.Sprintf("refs/pull/%d/%s", p.Number, kind) }

// merge makes a merge commit and sets ref to it; "" when the two conflict. r.git is locked.
func (r *Repo) merge(ref, message, base, head string, at time.Time) (string, error) {
	tree, err := r.run(nil, "merge-tree", "--write-tree", "--allow-unrelated-histories", base, head)
	if err != nil {
		if len(strings.Fields(tree)) > 0 { // the tree with the conflicts in it
			return "", nil
		}
		return "", err
	}
	tree = strings.TrimSpace(tree)
	var in importer
	in.commit(ref, ":1", message, base, head, at)
	fmt.Fprintf(&in, "M 040000 %s \n\nget-mark :1\ndone\n", tree)
	shas, err := r.write(in.Bytes())
	if err != nil || len(shas) != 1 {
		return "", fmt.Errorf("a merge commit: %v %w", shas, err)
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.refs[ref] = shas[0]
	r.network().commits[shas[0]] = &commitInfo{message: message, tree: tree, parents: []string{base, head}, at: at}
	return shas[0], nil
}

// OpenPulls opens n pull requests at once, each with one commit that adds a file, with one run of git for
// all of them, and sends no event. files, when it is not nil, says what the i-th changes.
func (r *Repo) OpenPulls(n int, files func(i int) map[string]string) []*Pull {
	r.git.Lock()
	defer r.git.Unlock()
	s := r.s
	s.mu.Lock()
	base, at := r.refs["refs/heads/main"], s.now()
	pulls := make([]*Pull, n)
	for i := range pulls {
		p := r.newPull(r, "", "main", "")
		p.headRef, p.title = fmt.Sprintf("change-%d", p.Number), fmt.Sprintf("Change %d", p.Number)
		pulls[i] = p
	}
	s.mu.Unlock()
	const scratch = "refs/scratch" // git takes ever longer for each of many refs: they are written below
	var in importer
	for i, p := range pulls {
		change := map[string]string{fmt.Sprintf("changes/%d.txt", p.Number): p.title + "\n"}
		if files != nil {
			change = files(i)
		}
		p.count(filesOf(change))
		head := fmt.Sprintf(":%d", 2*i+1)
		in.commit(scratch, head, p.title, base, "", at)
		in.files(filesOf(change))
		in.WriteString("\n")
		// The head stands on the base's tip, so the merged tree is the head's.
		in.commit(scratch, fmt.Sprintf(":%d", 2*i+2), fmt.Sprintf("Merge %s into %s", p.headRef, base), base, head, at)
		in.files(filesOf(change))
		fmt.Fprintf(&in, "\nget-mark :%d\nget-mark :%d\n", 2*i+1, 2*i+2)
	}
	in.WriteString("done\n")
	shas, err := r.write(in.Bytes())
	if err != nil || len(shas) != 2*n {
		s.fatal(fmt.Errorf("%d pull requests: %d commits: %v", n, len(shas), err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	commits := r.network().commits
	for i, p := range pulls {
		head, merge := shas[2*i], shas[2*i+1]
		p.moveHead(head)
		p.mergeSHA = merge
		r.refs["refs/heads/"+p.headRef], r.refs[p.ref("head")], r.refs[p.ref("merge")] = head, head, merge
		commits[head] = &commitInfo{message: p.title, parents: []string{base}, at: at}
		commits[merge] = &commitInfo{message: "Merge " + head + " into " + base, parents: []string{base, head}, at: at}
	}
	if err := errors.Join(os.Remove(filepath.Join(r.dir, filepath.FromSlash(scratch))), r.packRefs()); err != nil {
		s.fatal(err)
	}
	return pulls
}

// packRefs writes all refs into one file. The server is locked.
func (r *Repo) packRefs() error {
	var b strings.Builder
	b.WriteString("# pack-refs with: sorted \n")
	for _, name := range slices.Sorted(maps.Keys(r.refs)) {
		fmt.Fprintf(&b, "%s %s\n", r.refs[name], name)
	}
	return os.WriteFile(filepath.Join(r.dir, "packed-refs"), []byte(b.String()), 0o644)
}

// count counts what a pull request changes, from what was pushed; GitHub counts a diff.
func (p *Pull) count(files []File) {
	p.pushes++
	for _, f := range files {
		p.paths[f.Path] = true
		p.lines += strings.Count(f.Content, "\n")
	}
}

// Push puts a commit on the head branch and sends pull_request synchronize; "" deletes a file. It returns the commit.
func (p *Pull) Push(files map[string]string) (sha string) { return p.PushFiles(filesOf(files)...) }

// PushFiles is Push with modes and empty files.
func (p *Pull) PushFiles(files ...File) (sha string) {
	sha = p.headRepo.commit(p.headRef, "Change files", files)
	p.Repo.s.mu.Lock()
	p.count(files)
	p.Repo.s.mu.Unlock()
	p.synchronize(sha)
	return sha
}

// ForcePush sets the head branch to a commit that is there already, and sends pull_request synchronize.
func (p *Pull) ForcePush(sha string) {
	p.headRepo.Branch(p.headRef, sha)
	p.synchronize(sha)
}

func (p *Pull) synchronize(sha string) {
	s := p.Repo.s
	s.mu.Lock()
	if p.state != "open" {
		s.mu.Unlock()
		return
	}
	before := p.headSHA
	p.moveHead(sha)
	p.updated = s.now()
	s.mu.Unlock()
	p.settle()
	s.mu.Lock()
	push := s.pushEvents(p.headRepo, "refs/heads/"+p.headRef, before, sha)
	send := s.pullEvent(p, "synchronize", obj{"before": before, "after": sha})
	s.mu.Unlock()
	push()
	send()
}

// Head is the newest commit; Base the base branch's tip as the pull request says it; Merge the commit of refs/pull/N/merge, "" with conflicts.
func (p *Pull) Head() string  { return p.locked(func() string { return p.headSHA }) }
func (p *Pull) Base() string  { return p.locked(func() string { return p.baseSHA }) }
func (p *Pull) Merge() string { return p.locked(func() string { return p.mergeSHA }) }

func (p *Pull) locked(f func() string) string {
	p.Repo.s.mu.Lock()
	defer p.Repo.s.mu.Unlock()
	return f()
}

// act changes the pull request and sends the event of an action.
func (p *Pull) act(action string, extra obj, change func()) {
	s := p.Repo.s
	s.mu.Lock()
	change()
	p.updated = s.now()
	send := s.pullEvent(p, action, extra)
	s.mu.Unlock()
	send()
}

// Close closes the pull request, merged or not, and sends the event. Merging moves the base branch.
func (p *Pull) Close(merged bool) {
	r := p.Repo
	if merged {
		p.settle()
		r.git.Lock()
		r.s.mu.Lock()
		if p.mergeSHA == "" {
			r.s.mu.Unlock()
			r.git.Unlock()
			r.s.fatal(fmt.Errorf("%s#%d has conflicts: it can't be merged", r.FullName(), p.Number))
		}
		if err := r.setRef("refs/heads/"+p.baseRef, p.mergeSHA); err != nil {
			r.s.mu.Unlock()
			r.git.Unlock()
			r.s.fatal(err)
		}
		push := r.s.pushEvents(r, "refs/heads/"+p.baseRef, p.baseSHA, p.mergeSHA)
		r.s.mu.Unlock()
		r.git.Unlock()
		push()
	}
	p.act("closed", nil, func() { p.state, p.merged, p.closed = "closed", merged, r.s.now() })
}

// Reopen opens a closed pull request again, and sends the event.
func (p *Pull) Reopen() {
	p.act("reopened", nil, func() { p.state, p.closed = "open", time.Time{} })
}

// Ready ends a draft and sends ready_for_review.
func (p *Pull) Ready() { p.act("ready_for_review", nil, func() { p.draft = false }) }

// EditBase gives the pull request another base branch and sends pull_request edited.
func (p *Pull) EditBase(base string) {
	s := p.Repo.s
	s.mu.Lock()
	ref, sha := p.baseRef, p.baseSHA
	p.baseRef = base
	known := p.Repo.refs["refs/heads/"+base] != ""
	s.mu.Unlock()
	if !known {
		s.fatal(fmt.Errorf("%s has no branch %s", p.Repo.FullName(), base))
	}
	p.settle()
	p.act("edited", obj{"changes": obj{"base": obj{"ref": obj{"from": ref}, "sha": obj{"from": sha}}}}, func() {})
}

// EditTitle and EditBody change what the author has written, and send pull_request edited.
func (p *Pull) EditTitle(title string) { p.edit("title", &p.title, title) }
func (p *Pull) EditBody(body string)   { p.edit("body", &p.body, body) }

func (p *Pull) edit(what string, text *string, to string) {
	from := p.locked(func() string { return *text })
	p.act("edited", obj{"changes": obj{what: obj{"from": from}}}, func() { *text = to })
}

// Label puts labels on, and sends an event for each.
func (p *Pull) Label(labels ...string) {
	for _, l := range labels {
		p.act("labeled", obj{"label": labelJSON(p.Repo, l)}, func() { p.labels = append(p.labels, l) })
	}
}

// Stack opens a pull request of a branch into this one's head branch, and sends opened and stacked.
func (p *Pull) Stack(head, title string) *Pull {
	upper := p.Repo.OpenPull(head, p.headRef, title)
	s := p.Repo.s
	s.mu.Lock()
	st := p.stack
	if st == nil {
		st = &stack{id: s.id("issue"), number: p.Number, baseRef: p.baseRef, pulls: []*Pull{p}}
		p.stack = st
	}
	st.pulls = append(st.pulls, upper)
	upper.stack = st
	send := s.pullEvent(upper, "stacked", nil)
	s.mu.Unlock()
	send()
	return upper
}

// Send sends the event of an action once more, as the pull request now is: what GitHub does for actions that nothing here does.
func (p *Pull) Send(action string) { p.act(action, nil, func() {}) }

// SetAuthor sets who opened it.
func (p *Pull) SetAuthor(login string) {
	p.Repo.s.mu.Lock()
	defer p.Repo.s.mu.Unlock()
	p.author = p.Repo.s.userOf(login)
}

// MergeGroup is a group of the merge queue.
type MergeGroup struct {
	Repo                            *Repo
	HeadRef, HeadSHA, BaseRef, Base string // refs are full
}

// MergeGroup queues pull requests: a branch of the queue with their merges on it is made, and
// merge_group checks_requested sent.
func (r *Repo) MergeGroup(base string, pulls ...*Pull) *MergeGroup {
	s := r.s
	r.git.Lock()
	s.mu.Lock()
	tip, at := r.refs["refs/heads/"+base], s.now()
	s.mu.Unlock()
	if tip == "" || len(pulls) == 0 {
		r.git.Unlock()
		s.fatal(fmt.Errorf("%s: a merge group of %d pull requests into %s", r.FullName(), len(pulls), base))
	}
	last := pulls[len(pulls)-1]
	g := &MergeGroup{Repo: r, BaseRef: "refs/heads/" + base, Base: tip, HeadRef: fmt.Sprintf("refs/heads/gh-readonly-queue/%s/pr-%d-%s", base, last.Number, tip)}
	for _, p := range pulls {
		sha, err := r.merge(g.HeadRef, fmt.Sprintf("Merge pull request #%d from %s/%s\n\n%s", p.Number, p.headRepo.owner.login, p.headRef, p.title), tip, p.Head(), at)
		if err != nil || sha == "" {
			r.git.Unlock()
			s.fatal(fmt.Errorf("%s#%d can't be merged into the group: %v", r.FullName(), p.Number, err))
		}
		tip = sha
	}
	g.HeadSHA = tip
	r.git.Unlock()
	g.send("checks_requested", "")
	return g
}

// Destroy ends the group and sends merge_group destroyed; the reason is merged, invalidated or dequeued.
func (g *MergeGroup) Destroy(reason string) { g.send("destroyed", reason) }

func (g *MergeGroup) send(action, reason string) {
	s := g.Repo.s
	s.mu.Lock()
	payload := obj{"action": action, "merge_group": g.json(), "repository": g.Repo.rendered(), "sender": s.userJSON(g.Repo.owner)}
	if reason != "" {
		payload["reason"] = reason
	}
	send := s.events(g.Repo, "merge_group", payload)
	s.mu.Unlock()
	send()
}

// pullEvent makes a pull_request event; the server is locked. What it returns sends it, unlocked.
func (s *Server) pullEvent(p *Pull, action string, extra obj) func() {
	payload := obj{
		"action": action, "number": p.Number, "pull_request": p.json(true), "repository": p.Repo.rendered(), "sender": s.userJSON(p.author),
	}
	maps.Copy(payload, extra)
	return s.events(p.Repo, "pull_request", payload)
}

func (s *Server) pushEvents(r *Repo, ref, before, after string) func() {
	if !s.chatty {
		return func() {}
	}
	push := s.events(r, "push", s.pushJSON(r, ref, before, after))
	suites := s.requestSuites(r, after)
	return func() {
		push()
		suites()
	}
}
