package pages

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

const (
	countedRows = 300 // subjects that the overview counts
	shownRows   = 50
)

// A row is one subject in a list.
type row struct {
	Href, Name  string // #7, or the merge group
	Title       string
	Repository  string // "" on a repository's own page
	RepoHref    string
	Badge       badge
	Line        string // the verdict in one line
	Overridden  int
	When        *moment
	Took        string
	Author      string
	Draft, Fork bool
}

func repoHref(owner, name string) string {
	return strings.TrimSuffix(Path(job.Subject{Repository: job.Repository{Owner: owner, Name: name}}, ""), "/0")
}

// row describes a standing; repository has the names that GitHub gives it now.
func (s *server) row(at job.Standing, repository readable, named bool) row {
	subject := job.Subject{Repository: job.Repository{Owner: repository.Owner, Name: repository.Name}, Number: at.Subject.Number}
	out := row{Badge: badgeOf(at), Title: plain(at.Revision.Title), Author: plain(at.Revision.Author), Draft: at.Revision.Draft, Fork: at.Revision.Fork, When: s.moment(at.Wanted)}
	if at.Subject.Number > 0 {
		out.Name, out.Href = fmt.Sprintf("#%d", at.Subject.Number), Path(subject, "")
	} else {
		out.Name, out.Href = "merge queue", Path(subject, at.Revision.Head)
		if out.Title == "" {
			out.Title = plain(strings.TrimPrefix(at.Subject.Ref, "refs/heads/gh-readonly-queue/"))
		}
	}
	if out.Title == "" {
		out.Title = "(no title)"
	}
	if named {
		out.Repository, out.RepoHref = repository.FullName(), repoHref(repository.Owner, repository.Name)
	}
	if v := at.Verdict; v != nil && at.Phase == job.Done {
		out.Line, out.Overridden = plain(v.Title), len(v.Overridden)
		out.When, out.Took = s.moment(v.Ended), took(v.Began, v.Ended)
	}
	if at.Phase == job.Running && !at.Began.IsZero() {
		out.When = s.moment(at.Began)
	}
	return out
}

// repoRow is a repository in the list of all.
type repoRow struct {
	readable
	Href          string
	Pulls         int
	Failing, Busy int
	Latest        *row
}

type overview struct {
	Repositories []repoRow
	Busy, Latest []row
	Chips        []chip
	More         bool // more was judged than is counted
	Install      string
}

type chip struct {
	Number int
	What   string
	Class  string
}

// watched are the repositories that the reader may read and the App is installed on.
func (s *server) watched(r *http.Request, who *reader) (map[int64]readable, []int64, error) {
	list, err := s.github.repositories(r.Context(), who)
	if err != nil {
		return nil, nil, err
	}
	may := make(map[int64]readable, len(list))
	ids := make([]int64, 0, len(list))
	for _, repository := range list {
		may[repository.ID] = repository
		ids = append(ids, repository.ID)
	}
	if len(ids) == 0 {
		return may, nil, nil
	}
	known, err := s.Store.Repositories(r.Context(), ids)
	if err != nil {
		return nil, nil, fmt.Errorf("list the repositories: %w", err)
	}
	ids = ids[:0]
	for _, repository := range known {
		if _, ok := may[repository.ID]; ok {
			ids = append(ids, repository.ID)
		}
	}
	return may, ids, nil
}

func (s *server) overview(w http.ResponseWriter, r *http.Request, who *reader) {
	may, ids, err := s.watched(r, who)
	if err != nil {
		s.failed(w, r, who, err)
		return
	}
	page := overview{Install: s.InstallURL}
	var recent []job.Standing
	if len(ids) > 0 {
		if recent, err = s.Store.Recent(r.Context(), ids, countedRows); err != nil {
			s.failed(w, r, who, fmt.Errorf("list the verdicts: %w", err))
			return
		}
	}
	page.More = len(recent) == countedRows
	rows := map[int64]*repoRow{}
	for _, id := range ids {
		rows[id] = &repoRow{readable: may[id], Href: repoHref(may[id].Owner, may[id].Name)}
	}
	numbers := map[string]int{}
	for _, at := range recent {
		repository, ok := rows[at.Subject.Repository.ID]
		if !ok {
			continue
		}
		line := s.row(at, repository.readable, true)
		repository.Pulls++
		numbers[line.Badge.Class]++
		switch line.Badge.Class {
		case "busy":
			repository.Busy++
			if len(page.Busy) < shownRows {
				page.Busy = append(page.Busy, line)
			}
			continue
		case "fail", "undone":
			repository.Failing++
		}
		if repository.Latest == nil {
			repository.Latest = &line
		}
		if len(page.Latest) < shownRows {
			page.Latest = append(page.Latest, line)
		}
	}
	for _, id := range ids {
		page.Repositories = append(page.Repositories, *rows[id])
	}
	slices.SortFunc(page.Repositories, func(a, b repoRow) int {
		return cmp.Compare(strings.ToLower(a.FullName()), strings.ToLower(b.FullName()))
	})
	for _, c := range []chip{{numbers["busy"], "queued or running", "busy"}, {numbers["fail"], "failing", "fail"}, {numbers["undone"], "not checked", "undone"},
		{numbers["mild"], "neutral", "mild"}, {numbers["pass"], "passing", "pass"}} {
		if c.Number > 0 {
			page.Chips = append(page.Chips, c)
		}
	}
	s.show(w, r, http.StatusOK, who, "overview", "Overview", page)
}

type repositoryPage struct {
	readable
	Web         string
	Busy, Pulls []row
	More        bool
}

// open resolves the repository of a request's path. It answers itself when there is none
// for this reader: GitHub is asked before the store, so that what the store has makes no
// difference to what may not be read, in words or in time.
func (s *server) open(w http.ResponseWriter, r *http.Request, who *reader) (readable, bool) {
	repository, ok, err := s.github.repository(r.Context(), who, r.PathValue("owner"), r.PathValue("repo"))
	if err != nil {
		s.failed(w, r, who, err)
		return readable{}, false
	}
	if ok {
		known, err := s.Store.Repositories(r.Context(), []int64{repository.ID})
		if err != nil {
			s.failed(w, r, who, fmt.Errorf("find the repository: %w", err))
			return readable{}, false
		}
		ok = slices.ContainsFunc(known, func(k job.Repository) bool { return k.ID == repository.ID })
	}
	if !ok {
		s.notFound(w, r, who)
	}
	return repository, ok
}

func (s *server) repository(w http.ResponseWriter, r *http.Request, who *reader) {
	repository, ok := s.open(w, r, who)
	if !ok {
		return
	}
	recent, err := s.Store.Recent(r.Context(), []int64{repository.ID}, 4*shownRows)
	if err != nil {
		s.failed(w, r, who, fmt.Errorf("list the verdicts of %s: %w", repository.FullName(), err))
		return
	}
	page := repositoryPage{readable: repository, Web: s.web + "/" + repository.FullName(), More: len(recent) == 4*shownRows}
	for _, at := range recent {
		if at.Subject.Repository.ID != repository.ID {
			continue
		}
		if line := s.row(at, repository, false); line.Badge.Class == "busy" {
			page.Busy = append(page.Busy, line)
		} else {
			page.Pulls = append(page.Pulls, line)
		}
	}
	s.show(w, r, http.StatusOK, who, "repository", repository.FullName(), page)
}
