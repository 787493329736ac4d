package fakegithub_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

// BenchmarkDelivery is one event of a pull request: its payload made, signed, sent and recorded.
func BenchmarkDelivery(b *testing.B) {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	defer receiver.Close()
	s := fakegithub.New(b)
	if err := s.ValidateWith(""); err != nil {
		b.Fatal(err)
	}
	s.WebhookTo(receiver.URL)
	repo := s.Repo("acme", "orders", map[string]string{"a": "a\n"})
	s.Install("acme", repo)
	pull := repo.OpenPulls(1, nil)[0]
	b.ReportAllocs()
	for b.Loop() {
		pull.Send("opened")
	}
}

func BenchmarkOpen1000Pulls(b *testing.B) {
	s := fakegithub.New(b)
	repo := s.Repo("acme", "orders", map[string]string{"a": "a\n"})
	for b.Loop() {
		repo.OpenPulls(1000, nil)
	}
}
