package githubapp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"time"
)

// leastFree is how many bytes the data folder's disk must have free for the App to call itself ready.
const leastFree = 256 << 20

// Handler answers HTTP: GitHub's webhook, the pages, and what those who run the App ask.
func (a *App) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /webhook", a.webhook)
	if a.circle != nil {
		mux.Handle("POST /circleci", a.circle)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", a.readyz)
	if a.config.MetricsListen == "" {
		mux.Handle("GET /metrics", a.metrics.Handler())
	}
	if a.pages != nil {
		mux.Handle("/", a.pages)
	}
	return secured(mux, a.config.TLSCertificate != "" || a.config.URL != nil && a.config.URL.Scheme == "https")
}

// secured adds the headers that hold for every answer. What a page needs beyond that, the pages set.
func secured(next http.Handler, https bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("Cache-Control", "no-store")
		if https {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// readyz says whether this process can take deliveries and judge, and if not, why.
func (a *App) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	err := a.unready(ctx)
	if err == nil {
		fmt.Fprintln(w, "ready")
		return
	}
	a.log.WarnContext(ctx, "not ready", "error", err)
	w.WriteHeader(http.StatusServiceUnavailable)
	fmt.Fprintln(w, "not ready") // why is for the log: anybody may ask
}

func (a *App) unready(ctx context.Context) error {
	var problems []error
	if a.stopping.Load() {
		problems = append(problems, errors.New("the process is stopping"))
	}
	if err := a.store.Ping(ctx); err != nil {
		problems = append(problems, fmt.Errorf("the database does not answer: %w", err))
	}
	if free, err := freeBytes(a.config.Data); err != nil {
		problems = append(problems, fmt.Errorf("the data folder: %w", err))
	} else if free < leastFree {
		problems = append(problems, fmt.Errorf("the data folder %s has %d MB free, fewer than %d", a.config.Data, free>>20, leastFree>>20))
	}
	if _, err := exec.LookPath("git"); err != nil {
		problems = append(problems, errors.New("git is not installed, or not in PATH"))
	}
	return errors.Join(problems...)
}

// newServer bounds what a client may take in time and headers.
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second, // a delivery has up to 25 MB
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // strangers cause these
	}
}

// serve answers on an address until ctx ends; open requests are then finished.
func (a *App) serve(ctx context.Context, address string, handler http.Handler, certificate, key, what string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	server := newServer(handler, a.log)
	a.log.InfoContext(ctx, what, "address", listener.Addr().String(), "tls", certificate != "")
	failed := make(chan error, 1)
	go func() {
		if certificate != "" {
			failed <- server.ServeTLS(listener, certificate, key)
		} else {
			failed <- server.Serve(listener)
		}
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", address, err)
	case <-ctx.Done():
	}
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(finish); err != nil {
		server.Close()
	}
	return nil
}
