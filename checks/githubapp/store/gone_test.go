package store

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// A gate is a way to a server that can be shut: what is under way is cut, and what comes is refused.
type gate struct {
	address string // of the server's socket
	mu      sync.Mutex
	shut    bool
	conns   map[net.Conn]bool
}

func newGate(t testing.TB, socket string) (*gate, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{address: socket, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { l.Close(); g.set(true) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go g.pass(c)
		}
	}()
	return g, l.Addr().String()
}

func (g *gate) pass(c net.Conn) {
	server, err := net.Dial("unix", g.address)
	if err != nil {
		c.Close()
		return
	}
	g.mu.Lock()
	if g.shut {
		g.mu.Unlock()
		c.Close()
		server.Close()
		return
	}
	g.conns[c], g.conns[server] = true, true
	g.mu.Unlock()
	go func() { io.Copy(server, c); server.Close() }()
	io.Copy(c, server)
	c.Close()
	g.mu.Lock()
	delete(g.conns, c)
	delete(g.conns, server)
	g.mu.Unlock()
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	if shut {
		for c := range g.conns {
			c.Close()
		}
	}
}

// The server is gone in the midst of a turn, and comes back: what was kept is done, and
// what could not be kept was refused.
func TestServerGoneAndBack(t *testing.T) {
	onEngines(t, func(t *testing.T, address string) {
		if strings.HasPrefix(address, "sqlite:") {
			t.Skip("TestFileLockedAndFree is for SQLite")
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		query := u.Query()
		g, at := newGate(t, filepath.Join(query.Get("host"), ".s.PGSQL."+query.Get("port")))
		query.Del("host")
		query.Del("port")
		u.Host, u.RawQuery = at, query.Encode()
		s := open(t, u.String(), Options{MaxAttempts: 1})
		h, turns := holds()
		start(t, s, h)
		accept(t, s, "d1", pull(7, "aaa", 1))
		first := receive(t, turns)
		g.set(true)
		if err := s.Ping(t.Context()); err == nil {
			t.Error("the server answers")
		}
		if _, err := s.Accept(t.Context(), job.Delivery{ID: "d2", Received: time.Now()}, []job.Want{pull(8, "bbb", 1)}); err == nil {
			t.Error("a delivery was kept without a server")
		}
		first.end <- verdict(first.work) // it cannot be kept yet
		g.set(false)
		judged := func(number int, head string) {
			eventually(t, "a verdict", func() bool { // connections that are cut fail once more
				v, found, err := s.Verdict(t.Context(), "acme", "shop", number)
				return err == nil && found && v.Revision.Head == head && v.Problem == ""
			})
		}
		judged(7, "aaa")
		fresh := false
		eventually(t, "a delivery is kept", func() bool {
			fresh, err = s.Accept(t.Context(), job.Delivery{ID: "d2", Received: time.Now()}, []job.Want{pull(8, "bbb", 1)})
			return err == nil
		})
		if !fresh {
			t.Error("half of the refused delivery was kept")
		}
		next := receive(t, turns)
		next.end <- verdict(next.work)
		judged(8, "bbb")
	})
}

// Somebody else holds the file for a while.
func TestFileLockedAndFree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pmcheck.db")
	s := open(t, "sqlite:"+path, Options{})
	start(t, s, judges(nil))
	accept(t, s, "d1", pull(7, "aaa", 1))
	settled(t, s, 7)
	other, err := sql.Open("sqlite", sqliteDSN(path, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	hurry, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Accept(hurry, job.Delivery{ID: "d2", Received: time.Now()}, []job.Want{pull(8, "bbb", 1)}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while the file is locked: %v", err)
	}
	if _, found, err := s.Verdict(t.Context(), "acme", "shop", 7); !found || err != nil {
		t.Errorf("nothing can be read: %v, %v", found, err)
	}
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	accept(t, s, "d2", pull(8, "bbb", 1)) // GitHub delivers it again
	settled(t, s, 8)
}
