package githubapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// ErrNoInstallation is in errors of an installation that was removed or is suspended.
var ErrNoInstallation = errors.New("the App is not installed there any more, or is suspended")

// ErrNotFound is in errors of what GitHub does not have, or does not show to the App.
var ErrNotFound = errors.New("not found")

// An Error is an answer of GitHub that is not the one that was asked for.
type Error struct {
	Status      int
	Method      string
	Path        string
	Message     string // GitHub's, with its details
	Permissions string // that GitHub would accept, of a 403; "" when it does not say
}

func (e *Error) Error() string {
	s := fmt.Sprintf("GitHub answered %s %s with %d", e.Method, e.Path, e.Status)
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Status == http.StatusForbidden && e.Permissions != "" {
		s += fmt.Sprintf("; the App needs the permission %s: grant it in the App's settings, and accept it in the installation's", e.Permissions)
	}
	return s
}

// Is makes a 404 an ErrNotFound.
func (e *Error) Is(target error) bool {
	return target == ErrNotFound && (e.Status == http.StatusNotFound || e.Status == http.StatusGone)
}

// newError reads the answer's body, which the transport has bounded.
func newError(resp *http.Response) *Error {
	e := &Error{Status: resp.StatusCode}
	if resp.Request != nil {
		e.Method, e.Path = resp.Request.Method, resp.Request.URL.Path
	}
	e.Permissions = clip(resp.Header.Get("X-Accepted-GitHub-Permissions"))
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	var body struct {
		Message string            `json:"message"`
		Errors  []json.RawMessage `json:"errors"` // objects, or strings
	}
	if json.Unmarshal(text, &body) == nil {
		e.Message = body.Message
		for _, raw := range body.Errors {
			e.Message += " " + string(raw)
		}
		e.Message = clip(e.Message)
	}
	return e
}

// clip bounds GitHub's words in an error to one line.
func clip(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if r := []rune(s); len(r) > 500 {
		return string(r[:500]) + "..."
	}
	return s
}

// explain makes one kind of error of go-github's: *Error, *job.RetryAfter, ErrNoInstallation, the context's.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var (
		later    *job.RetryAfter
		response *github.ErrorResponse
		twice    *github.TwoFactorAuthError
	)
	switch {
	case errors.As(err, &later), errors.Is(err, ErrNoInstallation):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &response):
		return newError(response.Response)
	case errors.As(err, &twice):
		return newError(twice.Response)
	}
	return err
}
