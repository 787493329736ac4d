package pages

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

type lessonsPage struct {
	Repositories []lessonsOf
	Chips        []chip
}

type lessonsOf struct {
	Name, Href string
	At         *moment
	Documents  []document
	Problem    bool
}

type document struct {
	ID, Title, Severity, Status, Date string
	Source                            string // the document at GitHub
	Items                             []item
	Pulls                             int // pull requests in which one of its items caught something
}

type item struct {
	ID, Action, Type, Priority, Owner, Status string
	Due                                       string
	Late                                      string // "overdue by 3 days", "due in 2 days"
	Overdue                                   bool
	Issue                                     string
	Rules                                     []string
	Closed                                    bool // done or cancelled
	Pulls                                     int
	Last                                      *caught
}

// caught is the newest pull request in which an item's rules found something.
type caught struct {
	Name, Href string
	When       *moment
}

func (s *server) postmortems(w http.ResponseWriter, r *http.Request, who *reader) {
	may, ids, err := s.watched(r, who)
	if err != nil {
		s.failed(w, r, who, err)
		return
	}
	var lessons []job.Lessons
	if len(ids) > 0 {
		if lessons, err = s.Store.Lessons(r.Context(), ids); err != nil {
			s.failed(w, r, who, fmt.Errorf("read the post-mortems: %w", err))
			return
		}
	}
	page := lessonsPage{}
	numbers := map[string]int{}
	for _, l := range lessons {
		repository, ok := may[l.Repository.ID]
		if !ok || !slices.Contains(ids, repository.ID) {
			continue
		}
		of := lessonsOf{Name: repository.FullName(), Href: repoHref(repository.Owner, repository.Name), At: s.moment(l.At)}
		var documents []facts.Postmortem
		if err := json.Unmarshal(l.Documents, &documents); err != nil {
			s.Log.ErrorContext(r.Context(), "post-mortems of a repository cannot be read", "repository", repository.FullName(), "error", err)
			of.Problem = true
		}
		for _, d := range documents {
			of.Documents = append(of.Documents, s.document(d, l, repository, numbers))
		}
		slices.SortStableFunc(of.Documents, func(a, b document) int { return cmp.Or(-cmp.Compare(a.Date, b.Date), cmp.Compare(a.ID, b.ID)) })
		if len(of.Documents) > 0 || of.Problem {
			page.Repositories = append(page.Repositories, of)
		}
	}
	slices.SortFunc(page.Repositories, func(a, b lessonsOf) int {
		return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	for _, c := range []chip{{numbers["overdue"], "overdue", "fail"}, {numbers["unguarded"], "open without a rule", "undone"}, {numbers["open"], "open", "none"},
		{numbers["closed"], "done or cancelled", "pass"}, {numbers["guarded"], "guarded by rules", "busy"}} {
		if c.Number > 0 {
			page.Chips = append(page.Chips, c)
		}
	}
	s.show(w, r, http.StatusOK, who, "postmortems", "Post-mortems", page)
}

func (s *server) document(d facts.Postmortem, l job.Lessons, repository readable, numbers map[string]int) document {
	out := document{ID: plain(d.ID), Title: plain(d.Title), Severity: plain(d.Severity), Status: plain(strings.ReplaceAll(d.Status, "_", " ")), Date: plain(d.Date)}
	branch := cmp.Or(l.Repository.DefaultBranch, "HEAD")
	if d.Path != "" {
		out.Source = s.web + (&url.URL{Path: "/" + repository.FullName() + "/blob/" + branch + "/" + d.Path}).EscapedPath()
	}
	pulls := map[int]bool{}
	for _, a := range d.ActionItems {
		one := item{ID: plain(a.ID), Action: plain(a.Action), Type: plain(a.Type), Priority: plain(a.Priority), Owner: plain(a.Owner),
			Status: plain(strings.ReplaceAll(a.Status, "_", " ")), Due: plain(a.Due), Issue: webAddress(a.Issue)}
		one.Closed = a.Status == "done" || a.Status == "cancelled"
		if !one.Closed {
			one.Late, one.Overdue = due(s.Now(), a.Due)
		}
		for _, rule := range a.EnforcedBy {
			one.Rules = append(one.Rules, plain(rule))
		}
		last := job.Catch{}
		for _, c := range l.Caught {
			if c.Postmortem != d.ID || c.Item != a.ID || c.Findings == 0 {
				continue
			}
			one.Pulls++
			pulls[c.Number] = true
			if c.At.After(last.At) {
				last = c
			}
		}
		if one.Pulls > 0 {
			name := fmt.Sprintf("#%d", last.Number)
			if last.Number == 0 {
				name = "the merge queue"
			}
			subject := job.Subject{Repository: job.Repository{Owner: repository.Owner, Name: repository.Name}, Number: last.Number}
			one.Last = &caught{name, Path(subject, ""), s.moment(last.At)}
		}
		out.Items = append(out.Items, one)
		for what, yes := range map[string]bool{"open": !one.Closed, "closed": one.Closed, "overdue": one.Overdue, "guarded": len(one.Rules) > 0, "unguarded": !one.Closed && len(one.Rules) == 0} {
			if yes {
				numbers[what]++
			}
		}
	}
	out.Pulls = len(pulls)
	return out
}

// due says how near a date is; a date that cannot be read says nothing. An item is
// overdue once its day is over in UTC.
func due(now time.Time, date string) (string, bool) {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return "", false
	}
	today := now.UTC().Truncate(24 * time.Hour)
	switch days := int(day.Sub(today).Hours() / 24); {
	case days < 0:
		return "overdue by " + count(-days, "day"), true
	case days == 0:
		return "due today", false
	case days <= 14:
		return "due in " + count(days, "day"), false
	}
	return "", false
}

// webAddress is an address that a link may lead to, or "".
func webAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil {
		return ""
	}
	return u.String()
}

// atGitHub is an address at this GitHub, or "".
func (s *server) atGitHub(address string) string {
	if strings.HasPrefix(address, s.web+"/") {
		return webAddress(address)
	}
	return ""
}
