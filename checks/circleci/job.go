package circleci

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/internal/outgoing"
)

// Job is the CircleCI job that the program runs in, by its environment
// (https://circleci.com/docs/reference/variables/#built-in-environment-variables).
type Job struct {
	Directory   string // of the checkout
	Branch      string // "" for a tag's
	Tag         string
	PullRequest int    // its number; 0 when the branch has none that CircleCI knows of
	Repository  string // OWNER/NAME of the pull request
	Host        string // "github.com"
	QueueBase   string // in a merge queue of GitHub: the commit that the pull request is merged onto
}

var (
	pullRequestPath = regexp.MustCompile(`^/([\w.-]+/[\w.-]+)/pull/(\d{1,9})$`)
	queueBranch     = regexp.MustCompile(`^gh-readonly-queue/.+/pr-(\d{1,9})-([0-9a-f]{40})$`)
)

// FindJob is the job; nil outside of CircleCI.
func FindJob(getenv func(string) string) *Job {
	if getenv("CIRCLECI") != "true" {
		return nil
	}
	j := &Job{Directory: getenv("CIRCLE_WORKING_DIRECTORY"), Branch: getenv("CIRCLE_BRANCH"), Tag: getenv("CIRCLE_TAG")}
	if rest, ok := strings.CutPrefix(j.Directory, "~"); ok { // as `working_directory: ~/project` has it
		if home, err := os.UserHomeDir(); err == nil {
			j.Directory = filepath.Join(home, rest)
		}
	}
	if at, err := url.Parse(getenv("CIRCLE_PULL_REQUEST")); err == nil {
		if m := pullRequestPath.FindStringSubmatch(at.Path); m != nil {
			j.Host, j.Repository = at.Host, m[1]
			j.PullRequest, _ = strconv.Atoi(m[2])
		}
	}
	if m := queueBranch.FindStringSubmatch(j.Branch); m != nil {
		j.PullRequest, _ = strconv.Atoi(m[1])
		j.QueueBase = m[2]
	}
	return j
}

// PullRequest is what GitHub says of the job's pull request.
type PullRequest struct {
	Base   string // the branch that it is to be merged into
	Title  string
	Labels []string
}

// AskGitHub asks GitHub for the job's pull request, since no variable of CircleCI names the branch that it is for. api is the
// address of the REST API; "" is the one of github.com.
func (j *Job) AskGitHub(ctx context.Context, token, api string) (PullRequest, error) {
	if j.Host != "github.com" && api == "" {
		return PullRequest{}, fmt.Errorf("GITHUB_API_URL names no API for %s", j.Host)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Second, errors.New("GitHub did not answer in 10s"))
	defer cancel()
	address := strings.TrimSuffix(cmp.Or(api, "https://api.github.com"), "/") + fmt.Sprintf("/repos/%s/pulls/%d", j.Repository, j.PullRequest)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return PullRequest{}, err
	}
	if host := request.URL.Hostname(); request.URL.Scheme != "https" && !outgoing.Local(host) {
		return PullRequest{}, fmt.Errorf("GITHUB_API_URL is %s: a token is sent over https alone", api)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/vnd.github+json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return PullRequest{}, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return PullRequest{}, fmt.Errorf("GitHub answered %d about pull request #%d of %s", answer.StatusCode, j.PullRequest, j.Repository)
	}
	var said struct {
		Title  string
		Labels []struct{ Name string }
		Base   struct{ Ref string }
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxBody)).Decode(&said); err != nil || said.Base.Ref == "" {
		return PullRequest{}, fmt.Errorf("GitHub's answer about pull request #%d of %s was not understood: %v", j.PullRequest, j.Repository, err)
	}
	out := PullRequest{Base: said.Base.Ref, Title: said.Title}
	for _, label := range said.Labels {
		out.Labels = append(out.Labels, label.Name)
	}
	return out, nil
}
