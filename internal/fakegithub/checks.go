package fakegithub

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

type suiteKey struct {
	repo, app int64
	head      string
}

// suite is the check runs of one App for one commit.
type suite struct {
	id      int64
	app     *app
	repo    *Repo
	head    string
	runs    []*checkRun
	created time.Time
	updated time.Time
}

// CheckRun is a check run as people see it.
type CheckRun struct {
	ID          int64
	App         int64
	Name        string
	HeadSHA     string
	ExternalID  string
	DetailsURL  string
	Status      string // queued, in_progress, completed
	Conclusion  string // "" until completed
	Title       string
	Summary     string
	Text        string
	Annotations []Annotation // all that were appended
	Actions     []Action
	StartedAt   time.Time
	CompletedAt time.Time
	History     []string // each status it had: "queued", "in_progress", "completed: failure"
	Updates     int      // calls that changed it after it was made
}

// Annotation is a remark on lines of a file.
type Annotation struct {
	Path            string `json:"path"`
	StartLine       int    `json:"start_line"`
	EndLine         int    `json:"end_line"`
	StartColumn     *int   `json:"start_column"`
	EndColumn       *int   `json:"end_column"`
	AnnotationLevel string `json:"annotation_level"`
	Message         string `json:"message"`
	Title           string `json:"title"`
	RawDetails      string `json:"raw_details"`
}

// Action is a button on a check run.
type Action struct {
	Label       string `json:"label"`
	Description string `json:"description"`
	Identifier  string `json:"identifier"`
}

type checkRun struct {
	CheckRun
	app   *app
	repo  *Repo
	suite *suite
}

// CheckRuns are the check runs of a commit, oldest first.
func (r *Repo) CheckRuns(sha string) []CheckRun {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	var out []CheckRun
	for _, c := range r.runs[sha] {
		v := c.CheckRun
		v.Annotations, v.Actions, v.History = slices.Clone(c.Annotations), slices.Clone(c.Actions), slices.Clone(c.History)
		out = append(out, v)
	}
	return out
}

// Rerequest is a person's click on "Re-run" of a check run: check_run rerequested. As at GitHub, the run itself is not changed.
func (r *Repo) Rerequest(checkRunID int64) { r.sendCheckRun(checkRunID, "rerequested", nil) }

// RequestAction is a person's click on a check run's button: check_run requested_action.
func (r *Repo) RequestAction(checkRunID int64, identifier string) {
	r.sendCheckRun(checkRunID, "requested_action", obj{"requested_action": obj{"identifier": identifier}})
}

func (r *Repo) sendCheckRun(id int64, action string, extra obj) {
	s := r.s
	s.mu.Lock()
	c := s.checks[id]
	if c == nil {
		s.mu.Unlock()
		s.fatal(fmt.Errorf("there is no check run %d", id))
	}
	send := s.checkRunEvent(c, action, extra)
	s.mu.Unlock()
	send()
}

// RerequestSuite is a person's click on "Re-run all checks" of the first App at a commit: check_suite rerequested.
func (r *Repo) RerequestSuite(sha string) {
	s := r.s
	s.mu.Lock()
	su := s.suiteOf(r, s.main, sha)
	send := s.suiteEvent(su, "rerequested")
	s.mu.Unlock()
	send()
}

func (s *Server) suiteOf(r *Repo, a *app, head string) *suite {
	key := suiteKey{r.id, a.id, head}
	su := s.suites[key]
	if su == nil {
		su = &suite{id: s.id("suite"), app: a, repo: r, head: head, created: s.now(), updated: s.now()}
		s.suites[key] = su
		s.suiteIDs[su.id] = su
	}
	return su
}

// requestSuites makes the suites that a push makes, and their events.
func (s *Server) requestSuites(r *Repo, head string) func() {
	var sends []func()
	for _, i := range s.installs {
		if i.repos[r.id] == nil || !allows(i.perms, "checks=write") {
			continue
		}
		if auto, set := r.auto[i.app.id]; set && !auto {
			continue
		}
		sends = append(sends, s.suiteEvent(s.suiteOf(r, i.app, head), "requested"))
	}
	return func() {
		for _, send := range sends {
			send()
		}
	}
}

// eventOf makes an event that only the App that owns a check gets.
func (s *Server) eventOf(a *app, r *Repo, event string, payload obj) func() {
	for _, i := range s.installs {
		if i.app == a && i.repos[r.id] != nil && i.gets(event) {
			return s.event(i, event, payload, r)
		}
	}
	return func() {}
}

func (s *Server) suiteEvent(su *suite, action string) func() {
	o := su.json()
	o["head_commit"] = su.repo.simpleCommit(su.head)
	o["latest_check_runs_count"], o["check_runs_url"] = len(su.runs), s.api("/repos/%s/check-suites/%d/check-runs", su.repo.FullName(), su.id)
	o["app"] = s.appInSuite(su.app)
	return s.eventOf(su.app, su.repo, "check_suite", obj{"action": action, "check_suite": o, "repository": su.repo.rendered(), "sender": s.userJSON(su.repo.owner)})
}

// appInSuite is the App as check_suite has it: GitHub's description of that payload does not know the newer events.
func (s *Server) appInSuite(a *app) obj {
	o := s.appJSON(a)
	o["events"] = slices.DeleteFunc(slices.Clone(a.events), func(e string) bool { return e == "merge_group" })
	return o
}

func (s *Server) checkRunEvent(c *checkRun, action string, extra obj) func() {
	o := c.json()
	o["check_suite"] = c.suite.json()
	payload := obj{"action": action, "check_run": o, "repository": c.repo.rendered(), "sender": s.userJSON(c.repo.owner)}
	maps.Copy(payload, extra)
	return s.eventOf(c.app, c.repo, "check_run", payload)
}

// heads are the open pull requests of the repository itself whose head is a commit: those of forks are not named in checks.
func (r *Repo) heads(sha string) (branch any, pulls []obj) {
	pulls = []obj{}
	for _, p := range r.byHead[sha] {
		if p.headRepo == r && p.state == "open" {
			branch = p.headRef
			pulls = append(pulls, p.minimal())
		}
	}
	if branch == nil {
		for _, p := range r.byHead[sha] {
			if p.headRepo != r {
				return nil, pulls
			}
		}
	}
	return branch, pulls
}

// state is a suite's status and conclusion, from its runs.
func (su *suite) state() (status string, conclusion any) {
	if len(su.runs) == 0 {
		return "queued", nil
	}
	worst := 0
	order := []string{"success", "skipped", "neutral", "cancelled", "timed_out", "action_required", "failure"}
	for _, c := range su.runs {
		if c.Status != "completed" {
			return "in_progress", nil
		}
		worst = max(worst, slices.Index(order, c.Conclusion))
	}
	return "completed", order[worst]
}

func (su *suite) json() obj {
	s, r := su.repo.s, su.repo
	branch, pulls := r.heads(su.head)
	status, conclusion := su.state()
	return obj{
		"id": su.id, "node_id": nodeID("CheckSuite", su.id), "head_branch": branch, "head_sha": su.head, "status": status, "conclusion": conclusion,
		"url": s.api("/repos/%s/check-suites/%d", r.FullName(), su.id), "before": nil, "after": su.head, "pull_requests": pulls, "app": s.appJSON(su.app),
		"created_at": stamp(su.created), "updated_at": stamp(su.updated),
	}
}

func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (c *checkRun) json() obj {
	s, r := c.repo.s, c.repo
	api := s.api("/repos/%s/check-runs/%d", r.FullName(), c.ID)
	_, pulls := r.heads(c.HeadSHA)
	details := c.DetailsURL
	if details == "" {
		details = c.app.url
	}
	return obj{
		"id": c.ID, "node_id": nodeID("CheckRun", c.ID), "name": c.Name, "head_sha": c.HeadSHA, "external_id": c.ExternalID, "url": api,
		"html_url": fmt.Sprintf("%s/%s/runs/%d", s.URL, r.FullName(), c.ID), "details_url": details, "status": c.Status, "conclusion": orNil(c.Conclusion),
		"started_at": stamp(c.StartedAt), "completed_at": stampOrNil(c.CompletedAt),
		"output": obj{
			"title": orNil(c.Title), "summary": orNil(c.Summary), "text": orNil(c.Text), "annotations_count": len(c.Annotations), "annotations_url": api + "/annotations",
		},
		"check_suite": obj{"id": c.suite.id}, "app": s.appJSON(c.app), "pull_requests": pulls,
	}
}

// apply takes over what the form says.
func (c *checkRun) apply(f *checkRunForm, now time.Time) {
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&c.Name, f.Name)
	set(&c.DetailsURL, f.DetailsURL)
	set(&c.ExternalID, f.ExternalID)
	status := c.Status
	set(&status, f.Status)
	if f.Conclusion != nil {
		status = "completed"
		c.Conclusion = *f.Conclusion
	}
	if status != "completed" {
		c.Conclusion, c.CompletedAt = "", time.Time{}
	} else if c.CompletedAt.IsZero() {
		c.CompletedAt = now
	}
	if f.StartedAt != nil {
		c.StartedAt = *f.StartedAt
	}
	if f.CompletedAt != nil && status == "completed" {
		c.CompletedAt = *f.CompletedAt
	}
	c.Status = status
	if f.Output != nil {
		set(&c.Title, f.Output.Title)
		c.Summary = f.Output.Summary
		set(&c.Text, f.Output.Text)
		c.Annotations = append(c.Annotations, f.Output.Annotations...)
	}
	if f.Actions != nil {
		c.Actions = f.Actions
	}
	state := c.Status
	if state == "completed" {
		state += ": " + c.Conclusion
	}
	if n := len(c.History); n == 0 || c.History[n-1] != state {
		c.History = append(c.History, state)
	}
	c.suite.updated = now
}

func createCheckRun(q *request) (int, any) {
	var f checkRunForm
	if e := q.decode(createCheckRunShape, &f); e != nil {
		return e.status, e
	}
	if e := f.refuse(false); e != nil {
		return e.status, e
	}
	if !q.repo.has(f.HeadSHA) {
		return fail(422, "No commit found for SHA: %s", f.HeadSHA)
	}
	now := q.s.now()
	c := &checkRun{
		CheckRun: CheckRun{ID: q.s.id("check"), App: q.app.id, HeadSHA: f.HeadSHA, Status: "queued", StartedAt: now},
		app:      q.app, repo: q.repo, suite: q.s.suiteOf(q.repo, q.app, f.HeadSHA),
	}
	c.apply(&f, now)
	q.s.checks[c.ID] = c
	c.suite.runs = append(c.suite.runs, c)
	q.repo.runs[f.HeadSHA] = append(q.repo.runs[f.HeadSHA], c)
	q.tell(c, "created")
	return 201, c.json()
}

// tell sends the check run's events to its own App, after the answer, when that is asked for.
func (q *request) tell(c *checkRun, action string) {
	if !q.s.chatty {
		return
	}
	q.after = append(q.after, q.s.checkRunEvent(c, action, nil))
	if c.Status == "completed" && action != "completed" {
		q.after = append(q.after, q.s.checkRunEvent(c, "completed", nil))
	}
}

func (q *request) checkRun() *checkRun {
	id, _ := strconv.ParseInt(q.vars["check_run_id"], 10, 64)
	c := q.s.checks[id]
	if c == nil || c.repo != q.repo {
		return nil
	}
	return c
}

func updateCheckRun(q *request) (int, any) {
	c := q.checkRun()
	if c == nil {
		return notFound()
	}
	if c.app != q.app {
		return fail(403, "Invalid app_id `%d` - check run can only be modified by the GitHub App that created it.", q.app.id)
	}
	var f checkRunForm
	if e := q.decode(updateCheckRunShape, &f); e != nil {
		return e.status, e
	}
	if e := f.refuse(c.Conclusion != ""); e != nil {
		return e.status, e
	}
	before := c.Status
	c.apply(&f, q.s.now())
	c.Updates++
	if before != "completed" && c.Status == "completed" {
		q.tell(c, "completed")
	}
	return 200, c.json()
}

func getCheckRun(q *request) (int, any) {
	c := q.checkRun()
	if c == nil {
		return notFound()
	}
	return 200, c.json()
}

func listAnnotations(q *request) (int, any) {
	c := q.checkRun()
	if c == nil {
		return notFound()
	}
	out := []obj{}
	for _, a := range page(q, c.Annotations) {
		out = append(out, obj{
			"path": a.Path, "start_line": a.StartLine, "end_line": a.EndLine, "start_column": a.StartColumn, "end_column": a.EndColumn,
			"annotation_level": a.AnnotationLevel, "title": orNil(a.Title), "message": a.Message, "raw_details": orNil(a.RawDetails),
			"blob_href": fmt.Sprintf("%s/%s/blob/%s/%s", q.s.URL, q.repo.FullName(), c.HeadSHA, a.Path),
		})
	}
	return 200, out
}

// listCheckRuns answers for a ref, or for a suite: the newest first.
func listCheckRuns(q *request) (int, any) {
	var runs []*checkRun
	if id := q.vars["check_suite_id"]; id != "" {
		n, _ := strconv.ParseInt(id, 10, 64)
		su := q.s.suiteIDs[n]
		if su == nil || su.repo != q.repo {
			return notFound()
		}
		runs = su.runs
	} else {
		sha := q.repo.resolve(q.vars["ref"])
		if sha == "" {
			return fail(422, "No commit found for SHA: %s", q.vars["ref"])
		}
		runs = q.repo.runs[sha]
	}
	filter := q.query.Get("filter")
	latest := map[string]bool{}
	chosen := []*checkRun{}
	for i := len(runs) - 1; i >= 0; i-- {
		c := runs[i]
		if name := q.query.Get("check_name"); name != "" && name != c.Name {
			continue
		}
		if id := q.query.Get("app_id"); id != "" && id != strconv.FormatInt(c.app.id, 10) {
			continue
		}
		key := fmt.Sprintf("%d %s", c.suite.id, c.Name)
		if filter != "all" && latest[key] {
			continue
		}
		latest[key] = true
		if st := q.query.Get("status"); st != "" && st != c.Status {
			continue
		}
		chosen = append(chosen, c)
	}
	out := []obj{}
	for _, c := range page(q, chosen) {
		out = append(out, c.json())
	}
	return 200, obj{"total_count": len(chosen), "check_runs": out}
}
