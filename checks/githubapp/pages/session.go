package pages

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/alexedwards/scs/v2"
)

// How long a session lasts. GitHub's user tokens live for eight hours too.
const (
	lifetime   = 8 * time.Hour
	idle       = 2 * time.Hour
	touchEvery = time.Minute      // how exact idle is
	loginTime  = 10 * time.Minute // from the start of a login to its end
)

// A reader is who is signed in.
type reader struct {
	ID    int64
	Login string
	Since time.Time

	token   string // of GitHub
	session string // the key of what is remembered of GitHub's answers
}

// What a session holds.
const (
	readerKey = "reader" // JSON of reader
	tokenKey  = "token"  // GitHub's, sealed
	seenKey   = "seen"   // nanoseconds since 1970
	loginsKey = "logins" // JSON of []pending
)

// cookieValue is what scs makes: 32 random bytes.
var cookieValue = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

func (s *server) newSessions() *scs.SessionManager {
	m := scs.New()
	m.Store = s.Sessions
	m.Lifetime = lifetime
	// The store has hashes alone, so that a copy of it opens no session.
	m.HashTokenInStore = true
	m.Cookie.Name = "pmcheck"
	if s.https {
		m.Cookie.Name, m.Cookie.Secure = "__Host-pmcheck", true
	}
	m.Cookie.HttpOnly = true
	m.Cookie.SameSite = http.SameSiteLaxMode
	m.Cookie.Persist = false
	m.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
		w.Header().Del("Location")
		s.failed(w, r, nil, err)
		if w, ok := w.(*ending); ok {
			w.ended = true
		}
	}
	return m
}

// ending is an answer that an error may end: scs stores a session when a page begins to
// answer, and what the page says is not to follow what ErrorFunc has said.
type ending struct {
	http.ResponseWriter
	ended bool
}

func (w *ending) WriteHeader(status int) {
	if !w.ended {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *ending) Write(b []byte) (int, error) {
	if w.ended {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// withSession loads the session. A cookie that no session can have is not looked up.
func (s *server) withSession(next http.Handler) http.Handler {
	load := s.sessions.LoadAndSave(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if cookie, err := r.Cookie(s.sessions.Cookie.Name); err == nil && !cookieValue.MatchString(cookie.Value) {
			r = r.Clone(r.Context())
			r.Header.Del("Cookie")
		}
		load.ServeHTTP(&ending{ResponseWriter: w}, r)
	})
}

// errNobody is that no session is there, or that it is over.
var errNobody = errors.New("nobody is signed in")

// reader is who sent a request.
func (s *server) reader(ctx context.Context) (*reader, error) {
	raw := s.sessions.GetBytes(ctx, readerKey)
	if raw == nil {
		return nil, errNobody
	}
	who := &reader{}
	if err := json.Unmarshal(raw, who); err != nil {
		return nil, fmt.Errorf("read the session: %w", err)
	}
	now, seen := s.Now(), time.Unix(0, s.sessions.GetInt64(ctx, seenKey))
	cookie := s.sessions.Token(ctx)
	token, err := open(cookie, s.sessions.GetBytes(ctx, tokenKey))
	if err != nil || now.Sub(who.Since) >= lifetime || now.Sub(seen) >= idle {
		if err := s.forget(ctx); err != nil {
			return nil, err
		}
		return nil, errNobody
	}
	who.token, who.session = token, cacheKey(cookie)
	if now.Sub(seen) >= touchEvery {
		if err := s.touch(cookie); err != nil {
			return nil, err
		}
	}
	return who, nil
}

// touch notes that a session is in use. It does so at once and apart from the request's
// own copy: scs would store that at the request's end, and so bring a session back that
// another tab has ended meanwhile.
func (s *server) touch(cookie string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	ctx, err := s.sessions.Load(ctx, cookie)
	if err != nil {
		return fmt.Errorf("read the session: %w", err)
	}
	if !s.sessions.Exists(ctx, readerKey) {
		return nil
	}
	s.sessions.Put(ctx, seenKey, s.Now().UnixNano())
	if _, _, err := s.sessions.Commit(ctx); err != nil {
		return fmt.Errorf("store the session: %w", err)
	}
	return nil
}

// begin makes a session of its own for who signed in: the one that the login began in is
// gone, with its cookie.
func (s *server) begin(ctx context.Context, who *reader) error {
	if err := s.sessions.RenewToken(ctx); err != nil {
		return fmt.Errorf("renew the session: %w", err)
	}
	raw, err := json.Marshal(who)
	if err != nil {
		return err
	}
	sealed, err := seal(s.sessions.Token(ctx), who.token)
	if err != nil {
		return err
	}
	s.sessions.Remove(ctx, loginsKey)
	s.sessions.Put(ctx, readerKey, raw)
	s.sessions.Put(ctx, tokenKey, sealed)
	s.sessions.Put(ctx, seenKey, s.Now().UnixNano())
	return nil
}

// forget ends the session, and what is remembered for it.
func (s *server) forget(ctx context.Context) error {
	s.github.forget(cacheKey(s.sessions.Token(ctx)))
	if err := s.sessions.Destroy(ctx); err != nil {
		return fmt.Errorf("end the session: %w", err)
	}
	return nil
}

func cacheKey(cookie string) string {
	sum := sha256.Sum256([]byte("cache " + cookie))
	return string(sum[:])
}

// sealer encrypts with a key that only the browser's cookie has: the store of sessions
// holds the cookie's hash, so nobody reads a user's token from a copy of the store.
func sealer(cookie string) (cipher.AEAD, error) {
	if cookie == "" {
		return nil, errors.New("the session has no cookie yet")
	}
	key, err := hkdf.Key(sha256.New, []byte(cookie), nil, "pmcheck: a user's token for GitHub", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func seal(cookie, token string) ([]byte, error) {
	aead, err := sealer(cookie)
	if err != nil {
		return nil, fmt.Errorf("encrypt the user's token: %w", err)
	}
	return aead.Seal(nil, nil, []byte(token), nil), nil
}

func open(cookie string, sealed []byte) (string, error) {
	aead, err := sealer(cookie)
	if err != nil {
		return "", err
	}
	token, err := aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return "", errors.New("the session's token for GitHub cannot be decrypted")
	}
	return string(token), nil
}
