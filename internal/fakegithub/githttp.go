package fakegithub

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

var gitPath = sync.OnceValues(func() (string, error) { return exec.LookPath("git") })

// serveGit serves a repository over smart HTTP with git http-backend, to be read only. A private one
// needs a token with contents=read, as the password of x-access-token.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request) {
	call := Call{Method: r.Method, Route: "git", Path: r.URL.Path}
	f := s.fault(r.Method, "git")
	if f != nil && !f.before(s, w, r, &call) {
		return
	}
	defer func() { s.record(call) }()
	refuse := func(status int, message string) {
		call.Status = status
		if status == 401 {
			w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
		}
		http.Error(w, message, status)
	}
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), ".git/")
	service := r.URL.Query().Get("service")
	if rest == "git-receive-pack" || service == "git-receive-pack" {
		refuse(403, "The fake GitHub takes no pushes over HTTP.")
		return
	}
	if rest != "git-upload-pack" && (rest != "info/refs" || service != "git-upload-pack") {
		refuse(404, "Not Found") // the dumb protocol is not served
		return
	}
	s.mu.Lock()
	repo := s.repos[strings.ToLower(name)]
	if repo == nil { // git follows a rename without being told
		repo = s.repoIDs[s.moved[strings.ToLower(name)]]
	}
	status, message := s.mayFetch(r, repo, &call)
	s.mu.Unlock()
	if status != 200 {
		refuse(status, message)
		return
	}
	git, err := gitPath()
	if err != nil {
		refuse(500, err.Error())
		return
	}
	if len(r.TransferEncoding) > 0 { // CGI has no chunks
		body, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
		if err != nil {
			return
		}
		r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	}
	r.URL.Path = "/" + filepath.Base(repo.dir) + "/" + rest
	h := &cgi.Handler{
		Path: git, Args: []string{"http-backend"}, Dir: s.dir, Stderr: io.Discard, Logger: log.New(io.Discard, "", 0),
		Env: append(gitEnv(), "GIT_PROJECT_ROOT="+s.dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_PROTOCOL="+r.Header.Get("Git-Protocol")),
	}
	seen := &statusWriter{ResponseWriter: w, fault: f}
	h.ServeHTTP(seen, r)
	call.Status = seen.status
	if seen.broken {
		panic(http.ErrAbortHandler) // the client must see that this is not all
	}
}

// mayFetch judges a fetch as GitHub does: what one may not see does not exist. The server is locked.
func (s *Server) mayFetch(r *http.Request, repo *Repo, call *Call) (int, string) {
	_, password, ok := r.BasicAuth()
	if !ok {
		if repo != nil && !repo.private {
			return 200, ""
		}
		return 401, "Repository not found."
	}
	t, e := s.findToken(password)
	if e != nil {
		if e.status == 401 {
			return 401, "Invalid username or token. Password authentication is not supported for Git operations."
		}
		return e.status, e.message
	}
	call.App = t.app.id
	if t.inst != nil {
		call.Installation = t.inst.id
	}
	switch {
	case repo == nil:
		return 404, "Repository not found."
	case !repo.private:
		return 200, ""
	case t.user != nil:
		if !s.userSees(t, repo) {
			return 404, "Repository not found."
		}
	case !t.may(repo):
		return 404, "Repository not found."
	case !allows(t.perms, "contents=read"):
		return 403, "Write access to repository not granted." // GitHub says so of reading too
	}
	return 200, ""
}

// statusWriter notes the status, and breaks the answer off where a fault says so.
type statusWriter struct {
	http.ResponseWriter
	fault  *Fault
	status int
	bytes  int
	broken bool
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = 200
	}
	if f := w.fault; f != nil && f.Truncate != 0 && w.bytes+len(b) > f.Truncate {
		w.ResponseWriter.Write(b[:max(f.Truncate-w.bytes, 0)])
		w.broken = true
		return 0, errors.New("broken off by a fault")
	}
	if f := w.fault; f != nil && f.Slow > 0 {
		select {
		case <-time.After(f.Slow):
		case <-f.removed:
		}
	}
	w.bytes += len(b)
	return w.ResponseWriter.Write(b)
}

func (w *statusWriter) Flush() { http.NewResponseController(w.ResponseWriter).Flush() }
