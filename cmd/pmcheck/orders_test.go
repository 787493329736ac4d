package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// orders is the orders service on a real PostgreSQL: its instances send the query that the code of their release has.
type orders struct {
	*httptest.Server
	t         testing.TB
	show      func(object string) string // git show
	mu        sync.Mutex
	db        *pgx.Conn
	instances []string // the query of each
}

func newOrders(t testing.TB, db *pgx.Conn, show func(object string) string) *orders {
	o := &orders{t: t, db: db, show: show}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /stats", o.stats)
	o.Server = httptest.NewServer(mux)
	t.Cleanup(o.Close)
	return o
}

var selects = regexp.MustCompile("`\\s*(SELECT[^`]*)`")

// serve starts an instance of each of these releases in place of those that run.
func (o *orders) serve(releases ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.instances = nil
	for _, release := range releases {
		query := selects.FindStringSubmatch(o.show(release + ":internal/store/customers.go"))
		if query == nil {
			o.t.Fatalf("release %s sends no query", release)
		}
		o.instances = append(o.instances, query[1])
	}
}

// migrate runs a migration of the repository.
func (o *orders) migrate(object string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.db.Exec(context.Background(), o.show(object), pgx.QueryExecModeSimpleProtocol); err != nil {
		o.t.Fatal(err)
	}
}

const requests = 100

// stats answers how many requests fail.
func (o *orders) stats(w http.ResponseWriter, r *http.Request) {
	failed := o.failing(r.Context())
	fmt.Fprintf(w, `{"requests": %d, "failed": %d, "error_rate": %g}`, requests, failed, float64(failed)/requests)
}

// rate is how many of a hundred requests fail.
func (o *orders) rate() string { return fmt.Sprintf("%d%%", o.failing(context.Background())) }

// failing sends requests to the instances in turn, and counts those that fail.
func (o *orders) failing(ctx context.Context) (failed int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range requests {
		rows, err := o.db.Query(ctx, o.instances[i%len(o.instances)], 1)
		if err == nil {
			rows.Close()
			err = rows.Err()
		}
		if err != nil {
			failed++
		}
	}
	return failed
}
