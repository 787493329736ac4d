package githubapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// A Client asks as one installation. It is safe for concurrent use. The errors of its
// methods are *Error, *job.RetryAfter, ErrNoInstallation or the context's, maybe wrapped.
type Client struct {
	g      *GitHub
	id     int64
	client *github.Client
	tokens *tokens

	mu        sync.Mutex
	protected map[string]protection // by owner/name and branch
}

// A Pull is a pull request.
type Pull struct {
	Subject  job.Subject
	Revision job.Revision
	State    string // open, closed
	Merged   bool
	URL      string // for people
}

// Token is an installation token for git, good for ten minutes at least. Its user is "x-access-token".
func (c *Client) Token(ctx context.Context) (string, error) { return c.tokens.get(ctx) }

// Pull is a pull request as it is now.
func (c *Client) Pull(ctx context.Context, owner, name string, number int) (Pull, error) {
	if err := checkNames(owner, name); err != nil {
		return Pull{}, err
	}
	p, _, err := c.client.PullRequests.Get(withCall(ctx, call{route: "/repos/{owner}/{repo}/pulls/{pull_number}"}), owner, name, number)
	if err != nil {
		return Pull{}, fmt.Errorf("pull request %s/%s#%d: %w", owner, name, number, explain(ctx, err))
	}
	return c.pull(p), nil
}

// OpenPulls hands out the open pull requests in pages of up to 100, the oldest first. One
// that is closed meanwhile can hide another one at the end of a page. An error of each ends it.
func (c *Client) OpenPulls(ctx context.Context, owner, name string, each func([]Pull) error) error {
	if err := checkNames(owner, name); err != nil {
		return err
	}
	options := &github.PullRequestListOptions{State: "open", Sort: "created", Direction: "asc", ListOptions: github.ListOptions{PerPage: 100}}
	for {
		page, resp, err := c.client.PullRequests.List(withCall(ctx, call{route: "/repos/{owner}/{repo}/pulls"}), owner, name, options)
		if err != nil {
			return fmt.Errorf("open pull requests of %s/%s: %w", owner, name, explain(ctx, err))
		}
		if err := each(c.pulls(page)); err != nil {
			return err
		}
		if options.Page = resp.NextPage; options.Page == 0 {
			return nil
		}
	}
}

// PullsOfCommit are the pull requests of the repository whose head or history has that
// commit, also closed ones, and also those into other repositories: Subject tells.
func (c *Client) PullsOfCommit(ctx context.Context, owner, name, sha string) ([]Pull, error) {
	if err := checkNames(owner, name); err != nil {
		return nil, err
	}
	page, _, err := c.client.PullRequests.ListPullRequestsWithCommit(withCall(ctx, call{route: "/repos/{owner}/{repo}/commits/{commit_sha}/pulls"}),
		owner, name, url.PathEscape(sha), &github.ListOptions{PerPage: 100})
	if err != nil {
		return nil, fmt.Errorf("pull requests of commit %s of %s/%s: %w", sha, owner, name, explain(ctx, err))
	}
	return c.pulls(page), nil
}

func (c *Client) pulls(page []*github.PullRequest) []Pull {
	pulls := make([]Pull, len(page))
	for i, p := range page {
		pulls[i] = c.pull(p)
	}
	return pulls
}

func (c *Client) pull(p *github.PullRequest) Pull {
	base, head := p.GetBase(), p.GetHead()
	r := job.Revision{
		Head:    head.GetSHA(),
		Base:    base.GetSHA(),
		BaseRef: base.GetRef(),
		HeadRef: head.GetRef(),
		Title:   p.GetTitle(),
		Body:    p.GetBody(),
		Author:  p.GetUser().GetLogin(),
		Draft:   p.GetDraft(),
		Fork:    head.GetRepo().GetID() != base.GetRepo().GetID(), // a deleted fork has no repository
		Updated: p.GetUpdatedAt().Time,
	}
	for _, l := range p.Labels {
		r.Labels = append(r.Labels, l.GetName())
	}
	return Pull{
		Subject:  job.Subject{Installation: c.id, Repository: repository(base.GetRepo()), Number: p.GetNumber()},
		Revision: r,
		State:    p.GetState(),
		Merged:   p.GetMerged() || p.MergedAt != nil,
		URL:      p.GetHTMLURL(),
	}
}

func repository(r *github.Repository) job.Repository {
	return job.Repository{
		ID:            r.GetID(),
		Owner:         r.GetOwner().GetLogin(),
		Name:          r.GetName(),
		DefaultBranch: r.GetDefaultBranch(),
		Private:       r.GetPrivate(),
	}
}

// Repositories hands out the repositories that the installation may see, in pages of up
// to 100, without archived and disabled ones: nothing can be written there.
func (c *Client) Repositories(ctx context.Context, each func([]job.Repository) error) error {
	options := &github.ListOptions{PerPage: 100}
	for {
		page, resp, err := c.client.Apps.ListRepos(withCall(ctx, call{route: "/installation/repositories"}), options)
		if err != nil {
			return fmt.Errorf("repositories of installation %d: %w", c.id, explain(ctx, err))
		}
		var some []job.Repository
		for _, r := range page.Repositories {
			if !r.GetArchived() && !r.GetDisabled() {
				some = append(some, repository(r))
			}
		}
		if err := each(some); err != nil {
			return err
		}
		if options.Page = resp.NextPage; options.Page == 0 {
			return nil
		}
	}
}

// A protection is what was known of a branch at a time.
type protection struct {
	protected bool
	asked     time.Time
}

// protectionAge is how long an answer of BranchProtected is used.
const protectionAge = 5 * time.Minute

// BranchProtected says whether a rule protects the branch, by a ruleset or the older
// branch protection; a branch that is gone is not protected. The answer may be five minutes old.
func (c *Client) BranchProtected(ctx context.Context, owner, name, branch string) (bool, error) {
	if err := checkNames(owner, name); err != nil {
		return false, err
	}
	key := owner + "/" + name + " " + branch
	now := c.g.options.Now()
	c.mu.Lock()
	known, ok := c.protected[key]
	c.mu.Unlock()
	if age := now.Sub(known.asked); ok && age >= 0 && age < protectionAge {
		return known.protected, nil
	}
	answer, err := c.branch(ctx, owner, name, branch)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return false, err
	}
	// A renamed branch is answered with the new one, which says nothing about another of the old name.
	protected := answer.Protected && answer.Name == branch
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, p := range c.protected {
		if now.Sub(p.asked) >= protectionAge {
			delete(c.protected, k)
		}
	}
	c.protected[key] = protection{protected, now}
	return protected, nil
}

// BranchTip is the commit that a branch points to now.
func (c *Client) BranchTip(ctx context.Context, owner, name, branch string) (commit string, err error) {
	if err := checkNames(owner, name); err != nil {
		return "", err
	}
	b, err := c.branch(ctx, owner, name, branch)
	if err == nil && b.Name != branch {
		err = fmt.Errorf("branch %s of %s/%s was renamed to %s", branch, owner, name, b.Name)
	}
	return b.Commit.SHA, err
}

type branch struct {
	Name      string `json:"name"`
	Protected bool   `json:"protected"`
	Commit    struct {
		SHA string `json:"sha"`
	} `json:"commit"`
}

func (c *Client) branch(ctx context.Context, owner, name, of string) (b branch, err error) {
	path := fmt.Sprintf("repos/%s/%s/branches/%s", owner, name, url.PathEscape(of))
	if err := c.do(ctx, http.MethodGet, path, call{route: "/repos/{owner}/{repo}/branches/{branch}"}, nil, &b); err != nil {
		return b, fmt.Errorf("branch %s of %s/%s: %w", of, owner, name, err)
	}
	return b, nil
}

// Permission is what a user may do in a repository: admin, maintain, write, triage, read
// or none. Of a role that the organization has made it is the greatest of those that it includes.
func (c *Client) Permission(ctx context.Context, owner, name, user string) (string, error) {
	if err := checkNames(owner, name); err != nil {
		return "", err
	}
	var answer struct {
		Permission string `json:"permission"` // maintain is write here, and triage read
		RoleName   string `json:"role_name"`
		User       struct {
			Permissions map[string]bool `json:"permissions"`
		} `json:"user"`
	}
	path := fmt.Sprintf("repos/%s/%s/collaborators/%s/permission", owner, name, url.PathEscape(user))
	err := c.do(ctx, http.MethodGet, path, call{route: "/repos/{owner}/{repo}/collaborators/{username}/permission"}, nil, &answer)
	if errors.Is(err, ErrNotFound) {
		return "none", nil
	}
	if err != nil {
		return "", fmt.Errorf("permission of %s in %s/%s: %w", user, owner, name, err)
	}
	switch answer.RoleName {
	case "admin", "maintain", "write", "triage", "read", "none":
		return answer.RoleName, nil
	}
	for _, p := range []struct{ flag, permission string }{{"admin", "admin"}, {"maintain", "maintain"}, {"push", "write"}, {"triage", "triage"}, {"pull", "read"}} {
		if answer.User.Permissions[p.flag] {
			return p.permission, nil
		}
	}
	switch answer.Permission {
	case "admin", "write", "read":
		return answer.Permission, nil
	}
	return "none", nil
}

// Comment writes below a pull request. When the answer is lost, the error is a
// *job.RetryAfter and the comment may be there.
func (c *Client) Comment(ctx context.Context, owner, name string, number int, body string) (id int64, err error) {
	if err := checkNames(owner, name); err != nil {
		return 0, err
	}
	made, _, err := c.client.Issues.CreateComment(withCall(ctx, call{route: "/repos/{owner}/{repo}/issues/{issue_number}/comments"}),
		owner, name, number, &github.IssueComment{Body: &body})
	if err != nil {
		return 0, fmt.Errorf("comment on %s/%s#%d: %w", owner, name, number, explain(ctx, err))
	}
	return made.GetID(), nil
}

// React puts a reaction ("+1", "-1", "eyes", "rocket", ...) on a comment of a pull
// request; one that is there already stays.
func (c *Client) React(ctx context.Context, owner, name string, comment int64, reaction string) error {
	if err := checkNames(owner, name); err != nil {
		return err
	}
	_, _, err := c.client.Reactions.CreateIssueCommentReaction(withCall(ctx, call{route: "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions", repeat: true}),
		owner, name, comment, reaction)
	if err != nil {
		return fmt.Errorf("reaction to comment %d of %s/%s: %w", comment, owner, name, explain(ctx, err))
	}
	return nil
}

// do sends what the library has no method for, or a narrower one.
func (c *Client) do(ctx context.Context, method, path string, what call, body, answer any) error {
	return do(ctx, c.client, method, path, what, body, answer)
}

func do(ctx context.Context, client *github.Client, method, path string, what call, body, answer any) error {
	req, err := client.NewRequest(method, path, body)
	if err != nil {
		return err
	}
	_, err = client.Do(withCall(ctx, what), req, answer)
	return explain(ctx, err)
}

var nameParts = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// checkNames keeps what is no name out of paths: "..", slashes, question marks.
func checkNames(owner, name string) error {
	for _, s := range []string{owner, name} {
		if len(s) > 100 || !nameParts.MatchString(s) || s == "." || s == ".." {
			return fmt.Errorf("%q is not the name of a repository or its owner", s)
		}
	}
	return nil
}
