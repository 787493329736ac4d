package fakegithub

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// comment is one on a pull request.
type comment struct {
	id        int64
	pull      *Pull
	user      *user
	app       *app // when an App wrote it
	body      string
	created   time.Time
	reactions []reaction
}

type reaction struct {
	id      int64
	user    *user
	content string
	created time.Time
}

// Comment is a comment on a pull request as people see it.
type Comment struct {
	ID        int64
	User      string
	Body      string
	Reactions []string // contents: "+1", "eyes", ...
}

// Comment is what a person writes under the pull request. It sends issue_comment created, and returns the comment's id.
func (p *Pull) Comment(login, body string) (id int64) {
	s := p.Repo.s
	s.mu.Lock()
	c := p.add(s.userOf(login), nil, body)
	send := s.commentEvent(c, "created", nil)
	s.mu.Unlock()
	send()
	return c.id
}

// EditComment changes a comment and sends issue_comment edited.
func (p *Pull) EditComment(id int64, body string) {
	s := p.Repo.s
	s.mu.Lock()
	c := s.comments[id]
	if c == nil || c.pull != p {
		s.mu.Unlock()
		s.fatal(fmt.Errorf("%s#%d has no comment %d", p.Repo.FullName(), p.Number, id))
	}
	before := c.body
	c.body = body
	send := s.commentEvent(c, "edited", obj{"changes": obj{"body": obj{"from": before}}})
	s.mu.Unlock()
	send()
}

// Comments are those under the pull request, oldest first.
func (p *Pull) Comments() []Comment {
	p.Repo.s.mu.Lock()
	defer p.Repo.s.mu.Unlock()
	var out []Comment
	for _, c := range p.comments {
		v := Comment{ID: c.id, User: c.user.login, Body: c.body}
		for _, r := range c.reactions {
			v.Reactions = append(v.Reactions, r.content)
		}
		out = append(out, v)
	}
	return out
}

func (p *Pull) add(u *user, a *app, body string) *comment {
	s := p.Repo.s
	c := &comment{id: s.id("comment"), pull: p, user: u, app: a, body: body, created: s.now()}
	p.comments = append(p.comments, c)
	s.comments[c.id] = c
	return c
}

func (s *Server) commentEvent(c *comment, action string, extra obj) func() {
	p := c.pull
	payload := obj{"action": action, "issue": p.issue(), "comment": c.json(), "repository": p.Repo.rendered(), "sender": s.userJSON(c.user)}
	maps.Copy(payload, extra)
	return s.events(p.Repo, "issue_comment", payload)
}

func association(r *Repo, u *user) string {
	switch level := levelOf(r, u); {
	case u == r.owner:
		return "OWNER"
	case r.perms[u.login] != "" && slices.Index(roles, level) > 0:
		return "COLLABORATOR"
	}
	return "NONE"
}

func rollup(url string, all []reaction) obj {
	o := obj{"url": url, "total_count": len(all)}
	for _, content := range reactionContents {
		n := 0
		for _, r := range all {
			if r.content == content {
				n++
			}
		}
		o[content] = n
	}
	return o
}

var reactionContents = []string{"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}

func (c *comment) json() obj {
	s, r := c.pull.Repo.s, c.pull.Repo
	api := s.api("/repos/%s/issues/comments/%d", r.FullName(), c.id)
	o := obj{
		"id": c.id, "node_id": nodeID("IssueComment", c.id), "url": api, "html_url": fmt.Sprintf("%s/%s/pull/%d#issuecomment-%d", s.URL, r.FullName(), c.pull.Number, c.id),
		"issue_url": s.api("/repos/%s/issues/%d", r.FullName(), c.pull.Number), "user": s.userJSON(c.user), "created_at": stamp(c.created), "updated_at": stamp(c.created),
		"author_association": association(r, c.user), "body": c.body, "reactions": rollup(api+"/reactions", c.reactions), "performed_via_github_app": nil,
	}
	if c.app != nil {
		o["performed_via_github_app"] = s.appJSON(c.app)
	}
	return o
}

// issue is the pull request as an issue.
func (p *Pull) issue() obj {
	s, r := p.Repo.s, p.Repo
	api, html := s.api("/repos/%s/issues/%d", r.FullName(), p.Number), fmt.Sprintf("%s/%s/pull/%d", s.URL, r.FullName(), p.Number)
	var body any
	if p.body != "" {
		body = p.body
	}
	labels := []obj{}
	for _, l := range p.labels {
		labels = append(labels, labelJSON(r, l))
	}
	o := obj{
		"id": p.issueID, "node_id": nodeID("PullRequest", p.id), "url": api, "repository_url": s.api("/repos/%s", r.FullName()), "labels_url": api + "/labels{/name}",
		"comments_url": api + "/comments", "events_url": api + "/events", "html_url": html, "number": p.Number, "title": p.title, "user": s.userJSON(p.author),
		"labels": labels, "state": p.state, "state_reason": nil, "locked": false, "assignee": nil, "assignees": []obj{}, "milestone": nil, "comments": len(p.comments),
		"created_at": stamp(p.created), "updated_at": stamp(p.updated), "closed_at": stampOrNil(p.closed), "author_association": association(r, p.author),
		"active_lock_reason": nil, "draft": p.draft, "body": body, "reactions": rollup(api+"/reactions", nil), "timeline_url": api + "/timeline",
		"performed_via_github_app": nil,
		"pull_request": obj{
			"url": s.api("/repos/%s/pulls/%d", r.FullName(), p.Number), "html_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch", "merged_at": nil,
		},
	}
	if p.merged {
		o["pull_request"].(obj)["merged_at"] = stamp(p.closed)
	}
	return o
}

func getIssue(q *request) (int, any) {
	if p := q.pull("issue_number"); p != nil {
		return 200, p.issue()
	}
	if i := q.repo.issues[q.vars["issue_number"]]; i != nil {
		return 200, i.json(q.repo)
	}
	return notFound()
}

func listComments(q *request) (int, any) {
	p := q.pull("issue_number")
	if p == nil {
		return notFound()
	}
	out := []obj{}
	for _, c := range page(q, p.comments) {
		out = append(out, c.json())
	}
	return 200, out
}

func createComment(q *request) (int, any) {
	p := q.pull("issue_number")
	if p == nil {
		return notFound()
	}
	var f struct{ Body string }
	if e := q.decode(record(map[string]shape{"body!": text(65536)}), &f); e != nil {
		return e.status, e
	}
	if f.Body == "" {
		return 422, &apiError{status: 422, message: "Validation Failed", errors: []obj{{"resource": "IssueComment", "code": "missing_field", "field": "body"}}}
	}
	c := p.add(q.actor(), q.byApp(), f.Body)
	q.after = append(q.after, q.s.commentEvent(c, "created", nil))
	q.head.Set("Location", q.s.api("/repos/%s/issues/comments/%d", q.repo.FullName(), c.id))
	return 201, c.json()
}

// actor is who acts: the person, or the App's bot.
func (q *request) actor() *user {
	if q.tok.user != nil {
		return q.tok.user
	}
	return q.s.userOf(q.app.slug + "[bot]")
}

func (q *request) byApp() *app {
	if q.tok.user != nil {
		return nil
	}
	return q.app
}

func (q *request) comment() *comment {
	id, _ := strconv.ParseInt(q.vars["comment_id"], 10, 64)
	c := q.s.comments[id]
	if c == nil || c.pull.Repo != q.repo {
		return nil
	}
	return c
}

func getComment(q *request) (int, any) {
	c := q.comment()
	if c == nil {
		return notFound()
	}
	return 200, c.json()
}

func (r reaction) json(s *Server) obj {
	return obj{"id": r.id, "node_id": nodeID("Reaction", r.id), "user": s.userJSON(r.user), "content": r.content, "created_at": stamp(r.created)}
}

// createReaction answers 201, or 200 when the caller has put that reaction there already.
func createReaction(q *request) (int, any) {
	c := q.comment()
	if c == nil {
		return notFound()
	}
	var f struct{ Content string }
	if e := q.decode(record(map[string]shape{"content!": oneOf(reactionContents...)}), &f); e != nil {
		return e.status, e
	}
	for _, r := range c.reactions {
		if r.user == q.actor() && r.content == f.Content {
			return 200, r.json(q.s)
		}
	}
	r := reaction{id: q.s.id("reaction"), user: q.actor(), content: f.Content, created: q.s.now()}
	c.reactions = append(c.reactions, r)
	return 201, r.json(q.s)
}

func listReactions(q *request) (int, any) {
	c := q.comment()
	if c == nil {
		return notFound()
	}
	out := []obj{}
	for _, r := range page(q, c.reactions) {
		out = append(out, r.json(q.s))
	}
	return 200, out
}

// issue is one that is no pull request.
type issue struct {
	id                   int64
	number               int
	title, state, reason string
	created, closed      time.Time
}

// Issue opens an issue and returns its number. SetIssue closes it.
func (r *Repo) Issue(title string) (number int) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.number++
	r.issues[strconv.Itoa(r.number)] = &issue{id: r.s.id("issue"), number: r.number, title: title, state: "open", created: r.s.now()}
	return r.number
}

// SetIssue gives an issue a state (open, closed) and the reason of it (completed, not_planned, reopened, duplicate).
func (r *Repo) SetIssue(number int, state, reason string) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	i := r.issues[strconv.Itoa(number)]
	if i == nil {
		r.s.fatal(fmt.Errorf("%s has no issue %d", r.FullName(), number))
	}
	i.state, i.reason, i.closed = state, reason, time.Time{}
	if state == "closed" {
		i.closed = r.s.now()
	}
}

func (i *issue) json(r *Repo) obj {
	p := &Pull{Repo: r, Number: i.number, issueID: i.id, title: i.title, state: i.state, author: r.owner, created: i.created, updated: i.created, closed: i.closed}
	o := p.issue()
	delete(o, "pull_request")
	o["html_url"] = fmt.Sprintf("%s/%s/issues/%d", r.s.URL, r.FullName(), i.number)
	o["state_reason"] = orNil(i.reason)
	return o
}
