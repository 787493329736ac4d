package webhook

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// payload is what is read of all events. go-github's types lack the newer fields, and are
// a hundred times as large.
type payload struct {
	event string
	appID int64

	Action       string         `json:"action"`
	Reason       string         `json:"reason"` // of merge_group.destroyed
	Repository   *repository    `json:"repository"`
	PullRequest  *fullPull      `json:"pull_request"`
	MergeGroup   *group         `json:"merge_group"`
	CheckRun     *run           `json:"check_run"`
	CheckSuite   *suite         `json:"check_suite"`
	Issue        *issue         `json:"issue"`
	Comment      *issueComment  `json:"comment"`
	Installation installationOf `json:"installation"`
	Changes      struct {
		Base *struct{} `json:"base"`
	} `json:"changes"`
	RequestedAction struct {
		Identifier string `json:"identifier"`
	} `json:"requested_action"`
	Repositories        []repository `json:"repositories"`
	RepositoriesAdded   []repository `json:"repositories_added"`
	RepositoriesRemoved []repository `json:"repositories_removed"`
	RepositorySelection string       `json:"repository_selection"`
}

type repository struct {
	ID            int64   `json:"id"`
	Name          string  `json:"name"`
	FullName      string  `json:"full_name"`
	Owner         account `json:"owner"` // not in the lists of the installation events
	DefaultBranch string  `json:"default_branch"`
	Private       bool    `json:"private"`
}

type account struct {
	Login string `json:"login"`
	Type  string `json:"type"` // User, Bot, Organization
}

type installationOf struct {
	ID      int64   `json:"id"`
	AppID   int64   `json:"app_id"` // in the installation events only
	Account account `json:"account"`
}

type fullPull struct {
	Number  int       `json:"number"`
	State   string    `json:"state"`
	Title   string    `json:"title"`
	Body    string    `json:"body"`
	Draft   bool      `json:"draft"`
	User    account   `json:"user"`
	Updated time.Time `json:"updated_at"`
	Labels  []struct {
		Name string `json:"name"`
	} `json:"labels"`
	Head side `json:"head"`
	Base side `json:"base"`
}

type side struct {
	SHA  string `json:"sha"`
	Ref  string `json:"ref"`
	Repo *struct {
		ID int64 `json:"id"`
	} `json:"repo"` // null when a fork was deleted
}

type linkedPull struct {
	Number int  `json:"number"`
	Base   side `json:"base"`
}

type group struct {
	HeadSHA    string `json:"head_sha"`
	HeadRef    string `json:"head_ref"`
	BaseSHA    string `json:"base_sha"`
	BaseRef    string `json:"base_ref"`
	HeadCommit struct {
		Message string `json:"message"`
	} `json:"head_commit"`
}

type app struct {
	ID int64 `json:"id"`
}

type run struct {
	HeadSHA      string       `json:"head_sha"`
	App          app          `json:"app"`
	PullRequests []linkedPull `json:"pull_requests"`
	CheckSuite   struct {
		HeadBranch string `json:"head_branch"` // null for a fork
	} `json:"check_suite"`
}

type suite struct {
	HeadSHA      string       `json:"head_sha"`
	HeadBranch   string       `json:"head_branch"`
	App          app          `json:"app"`
	PullRequests []linkedPull `json:"pull_requests"`
}

type issue struct {
	Number      int       `json:"number"`
	State       string    `json:"state"`
	PullRequest *struct{} `json:"pull_request"` // not there for an issue
}

type issueComment struct {
	ID      int64     `json:"id"`
	Body    string    `json:"body"`
	URL     string    `json:"html_url"`
	User    account   `json:"user"`
	Created time.Time `json:"created_at"`
}

// How much of a text is kept, in bytes. GitHub's own limits are 256 characters for a title, 65,536 for a description, 100
// labels of 50 characters.
const (
	maxTitle  = 4 * 256
	maxBody   = 4 * 65536
	maxLabel  = 4 * 50
	maxLabels = 100
	maxPulls  = 100 // of one commit
)

var (
	commitForm = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	loginForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*(\[bot\])?$`)
	nameForm   = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	branchForm = regexp.MustCompile(`^[^\x00-\x20\x7f~^:?*\[\\]+$`)
)

func isCommit(s string) bool { return commitForm.MatchString(s) && strings.Trim(s, "0") != "" }
func isLogin(s string) bool  { return len(s) <= 105 && loginForm.MatchString(s) }

// isBranch follows git check-ref-format, and takes no name that a program could read as an option.
func isBranch(s string) bool {
	if utf8.RuneCountInString(s) > 500 || !branchForm.MatchString(s) || !utf8.ValidString(s) || strings.HasPrefix(s, "-") || strings.HasSuffix(s, ".") ||
		strings.Contains(s, "..") || strings.Contains(s, "@{") || s == "@" {
		return false
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}

func (p *payload) repository() (job.Repository, error) {
	if p.Repository == nil {
		return job.Repository{}, errors.New("repository is missing")
	}
	r, err := p.Repository.checked()
	if err != nil {
		return r, fmt.Errorf("repository.%w", err)
	}
	return r, nil
}

// checked is a repository whose names can stand in a path.
func (r *repository) checked() (job.Repository, error) {
	owner, name, _ := strings.Cut(r.FullName, "/")
	if r.Owner.Login != "" {
		owner, name = r.Owner.Login, r.Name
	}
	switch {
	case r.ID <= 0:
		return job.Repository{}, errors.New("id is not positive")
	case !isLogin(owner):
		return job.Repository{}, errors.New("owner.login is not a login")
	case len(name) > 100 || !nameForm.MatchString(name) || name == "." || name == "..":
		return job.Repository{}, errors.New("name is not the name of a repository")
	case r.DefaultBranch != "" && !isBranch(r.DefaultBranch):
		return job.Repository{}, errors.New("default_branch is not a branch")
	}
	return job.Repository{ID: r.ID, Owner: owner, Name: name, DefaultBranch: r.DefaultBranch, Private: r.Private}, nil
}

func listed(field string, repositories []repository) ([]job.Repository, error) {
	var all []job.Repository
	for i := range repositories {
		r, err := repositories[i].checked()
		if err != nil {
			return nil, fmt.Errorf("%s[%d].%w", field, i, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// clip is a text without NUL, which PostgreSQL cannot keep, of at most so many bytes.
func clip(s string, most int) string {
	s = strings.ReplaceAll(s, "\x00", "")
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
