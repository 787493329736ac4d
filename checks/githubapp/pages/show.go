package pages

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"html/template"
	"net/http"
)

//go:embed layout.tmpl overview.tmpl verdict.tmpl postmortems.tmpl small.tmpl
var templateFiles embed.FS

//go:embed page.css
var style []byte

//go:embed icon.svg
var icon []byte

var (
	stylePath = "/style." + digest(style) + ".css"
	iconPath  = "/icon." + digest(icon) + ".svg"
	templates = template.Must(template.New("").Funcs(template.FuncMap{
		"style": func() string { return stylePath }, "icon": func() string { return iconPath }, "sandbox": func() string { return reportSandbox }, "count": count,
	}).ParseFS(templateFiles, "*.tmpl"))
)

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// asset serves what has its contents' digest in its name.
func asset(kind string, b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Write(b)
	}
}

// frame is what layout.tmpl shows around a page.
type frame struct {
	Title   string
	Page    string // which of the navigation's
	Login   string // "" where nobody is signed in
	Class   string // of the bar at the top
	Refresh int
	Body    template.HTML // what a page's template made
}

// show answers with a page. It is made whole before its first byte is sent.
func (s *server) show(w http.ResponseWriter, r *http.Request, status int, who *reader, page, title string, data any) {
	var body, whole bytes.Buffer
	out := frame{Title: title, Page: page}
	if who != nil {
		out.Login = plain(who.Login)
	}
	if v, ok := data.(verdictPage); ok {
		out.Class, out.Refresh = v.Badge.Class, v.Refresh
	}
	err := templates.ExecuteTemplate(&body, page, data)
	if err == nil {
		out.Body = template.HTML(body.String())
		err = templates.ExecuteTemplate(&whole, "layout", out)
	}
	if err != nil {
		s.Log.ErrorContext(r.Context(), "a page cannot be made", "page", page, "error", err)
		http.Error(w, "This page cannot be made. The log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(whole.Bytes())
}

// problem is what a page without anything else says.
type problem struct{ Heading, Text, Next, Href, ID string }

func (s *server) notFound(w http.ResponseWriter, r *http.Request, who *reader) {
	s.show(w, r, http.StatusNotFound, who, "problem", "Not found", problem{
		Heading: "Not found", Text: "There is no such page, or GitHub does not say that you may read what it is about.", Next: "To the overview", Href: "/"})
}

// foreign answers what another site made the browser send.
func (s *server) foreign(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusForbidden, nil, "problem", "Not from here", problem{
		Heading: "Not from here", Text: "Another site sent this request. Nothing was done.", Next: "To the overview", Href: "/"})
}

func (s *server) unavailable(w http.ResponseWriter, r *http.Request, who *reader, err error) {
	s.Log.WarnContext(r.Context(), "GitHub could not be asked", "error", err)
	w.Header().Set("Retry-After", "30")
	s.show(w, r, http.StatusServiceUnavailable, who, "problem", "GitHub does not answer", problem{
		Heading: "GitHub does not answer", Text: "Only GitHub knows what you may read, so nothing is shown until it answers again. Checks wait and are not lost.", Next: "Try again", Href: safeNext(r.URL.RequestURI())})
}

// failed answers for an error, by what is to be done about it.
func (s *server) failed(w http.ResponseWriter, r *http.Request, who *reader, err error) {
	switch {
	case errors.Is(err, errRevoked):
		if err := s.forget(r.Context()); err != nil {
			s.failed(w, r, nil, err)
			return
		}
		s.showLogin(w, r, http.StatusUnauthorized, safeNext(r.URL.RequestURI()), "GitHub no longer accepts your login: it was revoked, or it is too old. Please sign in again.")
	case errors.Is(err, errUnavailable), errors.Is(err, errHidden):
		s.unavailable(w, r, who, err)
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil: // nobody is there to read an answer
	default:
		id := rand.Text()[:10]
		s.Log.ErrorContext(r.Context(), "a page failed", "id", id, "path", r.URL.Path, "error", err)
		s.show(w, r, http.StatusInternalServerError, who, "problem", "Something failed", problem{
			Heading: "Something failed", Text: "The page could not be put together. The log of pmcheck has the reason.", ID: id, Next: "Try again", Href: safeNext(r.URL.RequestURI())})
	}
}
