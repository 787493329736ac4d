package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// The exit statuses of `pmcheck deploy health` against a service.
func TestDeployHealth(t *testing.T) {
	var calls atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("/well", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	mux.HandleFunc("/bad", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) })
	mux.HandleFunc("/once", func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) > 1 {
			w.WriteHeader(500)
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	for _, test := range []struct {
		args   string
		status int
		says   string
	}{
		{"--url /well --body ^ok$", exitPass, "PASS  all endpoints were healthy 5 times in a row"},
		{"--url /once --tries 6", exitFail, "/once was healthy in 1 of 6 tries; at last: status 500, expected 200"},
		{"--url /well --url /bad", exitFail, "/bad was healthy in 0 of 30 tries"},
		{"--url /bad --status 500-599", exitPass, "PASS"},
	} {
		t.Run(test.args, func(t *testing.T) {
			var out, errs bytes.Buffer
			args := append([]string{"deploy", "health", "--interval", "1ms"}, strings.Fields(strings.ReplaceAll(test.args, "--url /", "--url "+server.URL+"/"))...)
			if status := run(args, &out, &errs); status != test.status || !strings.Contains(out.String(), test.says) || errs.Len() > 0 {
				t.Errorf("status %d\n%s%s", status, out.String(), errs.String())
			}
		})
	}
}
