package pages

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strconv"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

const shownRevisions = 100

// commitName is a commit as GitHub names it: SHA-1 or SHA-256.
var commitName = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)

type verdictPage struct {
	Repository   readable
	RepoHref     string
	Number       int
	Title        string
	Author       string
	Labels       []string
	Draft, Fork  bool
	Badge        badge
	Line         string // the verdict in one line
	Pull, Commit string // at GitHub
	Head, Base   string
	HeadFull     string
	When         *moment
	Took         string

	Busy      bool
	Refresh   int // seconds until the page asks again; 0 never
	Attempt   int
	LastError []string
	Problem   []string
	Trace     string
	Lost      string // the head that was asked for, where nothing is kept of it
	Newest    string // the page of the newest revision, where this is another
	Before    string // the newest revision that has a verdict, where this has none
	Overrides []override
	Report    string
	History   []revision
}

type override struct {
	Rule, Because, By, URL string
	At                     *moment
}

type revision struct {
	Href, Head string
	Badge      badge
	Line       string
	When       *moment
	Took       string
	Here       bool
}

// refreshEvery is how soon the page of a check that runs asks again, in seconds.
const refreshEvery = 15

// subject is what a request's path and query name. at is its standing among history; -1
// where nothing is kept of that head of a pull request.
func (s *server) subject(w http.ResponseWriter, r *http.Request, who *reader) (repository readable, history []job.Standing, at int, ok bool) {
	number, err := strconv.Atoi(r.PathValue("number"))
	head := r.URL.Query().Get("head")
	sound := err == nil && number >= 0 && number < 1<<31 && strconv.Itoa(number) == r.PathValue("number") && (head == "" || commitName.MatchString(head))
	if repository, ok = s.open(w, r, who); !ok {
		return
	}
	if sound {
		if history, err = s.Store.History(r.Context(), repository.ID, number, shownRevisions); err != nil {
			s.failed(w, r, who, fmt.Errorf("read the verdicts on %s#%d: %w", repository.FullName(), number, err))
			return repository, nil, 0, false
		}
	}
	for i, standing := range history {
		if standing.Subject.Repository.ID == repository.ID && (head == "" || standing.Revision.Head == head) {
			return repository, history, i, true
		}
	}
	if len(history) > 0 && number > 0 {
		return repository, history, -1, true
	}
	s.notFound(w, r, who)
	return repository, nil, 0, false
}

func (s *server) verdict(w http.ResponseWriter, r *http.Request, who *reader) {
	repository, history, i, ok := s.subject(w, r, who)
	if !ok {
		return
	}
	lost := i < 0
	i = max(i, 0)
	at := history[i]
	own := job.Subject{Repository: job.Repository{Owner: repository.Owner, Name: repository.Name}, Number: at.Subject.Number}
	line := s.row(at, repository, false)
	web := s.web + "/" + repository.FullName()
	page := verdictPage{
		Repository: repository, RepoHref: repoHref(repository.Owner, repository.Name), Number: at.Subject.Number,
		Title: line.Title, Author: line.Author, Draft: line.Draft, Fork: line.Fork, Badge: line.Badge, Line: line.Line, When: line.When, Took: line.Took,
		Commit: web + "/commit/" + at.Revision.Head, Head: short(at.Revision.Head), HeadFull: at.Revision.Head, Base: plain(at.Revision.BaseRef),
	}
	if lost {
		page.Lost = short(r.URL.Query().Get("head"))
	}
	if at.Subject.Number > 0 {
		page.Pull = fmt.Sprintf("%s/pull/%d", web, at.Subject.Number)
	}
	for _, label := range at.Revision.Labels {
		page.Labels = append(page.Labels, plain(label))
	}
	switch at.Phase {
	case job.Queued, job.Running:
		page.Busy, page.Refresh, page.Attempt, page.LastError = true, refreshEvery, at.Attempt, lines(at.LastError)
	}
	if v := at.Verdict; v != nil && at.Phase == job.Done {
		page.Problem, page.Trace = lines(v.Problem), plain(v.Trace)
		for _, o := range v.Overridden {
			page.Overrides = append(page.Overrides, override{plain(o.Rule), plain(o.Because), plain(o.By), s.atGitHub(o.URL), s.moment(o.At)})
		}
		html, err := s.Store.Report(r.Context(), repository.ID, at.Subject.Number, at.Revision.Head)
		if err != nil {
			s.failed(w, r, who, fmt.Errorf("read the report on %s#%d: %w", repository.FullName(), at.Subject.Number, err))
			return
		}
		if len(html) > 0 {
			page.Report = fmt.Sprintf("%s/%d/report?head=%s", page.RepoHref, at.Subject.Number, at.Revision.Head)
		}
	}
	// In the merge queue each group is its own subject: none is newer than another.
	if at.Subject.Number > 0 && i > 0 {
		page.Newest = Path(own, "")
	}
	for n, other := range history {
		r := s.row(other, repository, false)
		page.History = append(page.History, revision{Path(own, other.Revision.Head), short(other.Revision.Head), r.Badge, r.Line, r.When, r.Took, n == i})
		if n > i && page.Before == "" && page.Report == "" && at.Phase != job.Done && other.Phase == job.Done && at.Subject.Number > 0 {
			page.Before = Path(own, other.Revision.Head)
		}
	}
	w.Header().Set("Content-Security-Policy", pagePolicy+"; frame-src 'self'")
	name := fmt.Sprintf("%s#%d", repository.FullName(), at.Subject.Number)
	if at.Subject.Number == 0 {
		name = repository.FullName() + ", merge queue"
	}
	s.show(w, r, http.StatusOK, who, "verdict", fmt.Sprintf("%s: %s", line.Badge.Word, name), page)
}

// The report is a whole document that was made from what a stranger wrote. It is shown
// in a frame, and apart from everything else: sandboxed, so that it has an origin of its
// own, runs nothing and sends no form, and can neither read this site nor navigate it.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox " + reportSandbox

// Its links lead out of the frame, into a new tab.
const reportSandbox = "allow-popups allow-popups-to-escape-sandbox"

func (s *server) report(w http.ResponseWriter, r *http.Request, who *reader) {
	repository, history, i, ok := s.subject(w, r, who)
	if !ok {
		return
	}
	if i < 0 {
		s.notFound(w, r, who)
		return
	}
	at := history[i]
	html, err := s.Store.Report(r.Context(), repository.ID, at.Subject.Number, at.Revision.Head)
	switch {
	case err != nil:
		s.failed(w, r, who, fmt.Errorf("read the report on %s#%d: %w", repository.FullName(), at.Subject.Number, err))
		return
	case len(html) == 0:
		s.notFound(w, r, who)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", reportPolicy)
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.Write(outward(html))
}

// outward makes a report's links to other sites open in a tab of their own: GitHub
// refuses to be shown in a frame. Only the report's template writes these bytes, since
// it escapes the quotes of all that it shows.
func outward(report []byte) []byte {
	return bytes.ReplaceAll(report, []byte(` rel="noreferrer">`), []byte(` rel="noreferrer" target="_blank">`))
}
