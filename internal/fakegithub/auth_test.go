package fakegithub_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

// jwt signs claims with the App's key.
func jwt(t *testing.T, s *fakegithub.Server, alg string, claims map[string]any) string {
	t.Helper()
	_, _, text, _ := s.App()
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	enc := base64.RawURLEncoding
	signed := enc.EncodeToString(fmt.Appendf(nil, `{"alg":%q,"typ":"JWT"}`, alg)) + "." + enc.EncodeToString(body)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + enc.EncodeToString(signature)
}

func appJWT(t *testing.T, s *fakegithub.Server) string {
	id, _, _, _ := s.App()
	now := s.Now().Unix()
	return jwt(t, s, "RS256", map[string]any{"iss": fmt.Sprint(id), "iat": now - 30, "exp": now + 300})
}

// answer is what a call got.
type answer struct {
	status int
	header http.Header
	text   string
}

func (a answer) message() string {
	var m struct {
		Message string `json:"message"`
		Status  string `json:"status"`
		Doc     string `json:"documentation_url"`
	}
	json.Unmarshal([]byte(a.text), &m)
	return m.Message
}

func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.text), v); err != nil {
		t.Fatalf("%v: %s", err, a.text)
	}
}

func call(t *testing.T, s *fakegithub.Server, method, path, token, body string) answer {
	t.Helper()
	url := path
	if !strings.HasPrefix(path, "http") {
		url = s.APIURL() + strings.TrimPrefix(path, "/")
	}
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

func TestAppToken(t *testing.T) {
	s := fakegithub.New(t)
	id, _, _, _ := s.App()
	now := s.Now().Unix()
	claims := func(change map[string]any) map[string]any {
		c := map[string]any{"iss": fmt.Sprint(id), "iat": now - 30, "exp": now + 300}
		for k, v := range change {
			c[k] = v
		}
		return c
	}
	for _, c := range []struct {
		name, token string
		status      int
		message     string
	}{
		{"good", jwt(t, s, "RS256", claims(nil)), 200, ""},
		{"a number as issuer", jwt(t, s, "RS256", claims(map[string]any{"iss": id})), 200, ""},
		{"the client's id as issuer", jwt(t, s, "RS256", claims(map[string]any{"iss": s.AppInfo().ClientID})), 200, ""},
		{"expired", jwt(t, s, "RS256", claims(map[string]any{"exp": now - 1})), 401, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"},
		{"eleven minutes", jwt(t, s, "RS256", claims(map[string]any{"exp": now + 660})), 401, "'Expiration time' claim ('exp') is too far in the future"},
		{"issued in the future", jwt(t, s, "RS256", claims(map[string]any{"iat": now + 60})), 401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"},
		{"another App", jwt(t, s, "RS256", claims(map[string]any{"iss": "42"})), 404, "Integration not found"},
		{"no issuer", jwt(t, s, "RS256", claims(map[string]any{"iss": nil})), 401, "'Issuer' claim ('iss') must be an Integer"},
		{"another algorithm", jwt(t, s, "none", claims(nil)), 401, "A JSON web token could not be decoded"},
		{"a broken signature", jwt(t, s, "RS256", claims(nil))[:300] + "AAAA", 401, "A JSON web token could not be decoded"},
		{"nothing", "", 401, "A JSON web token could not be decoded"},
	} {
		got := call(t, s, "GET", "/app", c.token, "")
		if got.status != c.status || got.message() != c.message {
			t.Errorf("%s: %d %q", c.name, got.status, got.message())
		}
		if got.header.Get("X-Ratelimit-Limit") == "" || got.header.Get("X-Ratelimit-Reset") == "" {
			t.Errorf("%s: no limit in %v", c.name, got.header)
		}
	}
}

func TestInstallationToken(t *testing.T) {
	s := fakegithub.New(t)
	one, two := s.Repo("acme", "one", map[string]string{"a": "a\n"}), s.Repo("acme", "two", map[string]string{"a": "a\n"})
	other := s.Repo("evil", "other", map[string]string{"a": "a\n"})
	id := s.Install("acme", one, two)
	foreign := s.Install("evil", other)

	path := fmt.Sprintf("/app/installations/%d/access_tokens", id)
	var whole, narrow, weak struct {
		Token     string
		ExpiresAt time.Time `json:"expires_at"`
	}
	call(t, s, "POST", path, appJWT(t, s), "null").into(t, &whole)
	call(t, s, "POST", path, appJWT(t, s), `{"repositories":["two"]}`).into(t, &narrow)
	call(t, s, "POST", path, appJWT(t, s), `{"permissions":{"pull_requests":"read"}}`).into(t, &weak)
	if left := whole.ExpiresAt.Sub(s.Now()); left < 59*time.Minute || left > time.Hour {
		t.Errorf("the token is good for %s", left)
	}
	if !strings.HasPrefix(whole.Token, "ghs_1001_") || len(whole.Token) < 200 {
		t.Errorf("the token is %q", whole.Token)
	}
	var named struct {
		Token string `json:"token"`
		Repos []any  `json:"repositories"`
	}
	call(t, s, "POST", path, appJWT(t, s), fmt.Sprintf(`{"repository_ids":[%d]}`, one.ID())).into(t, &named)
	if len(named.Repos) != 1 {
		t.Errorf("a narrowed token names %v", named.Repos)
	}

	sha := one.Head("main")
	run := fmt.Sprintf(`{"name":"x","head_sha":%q}`, sha)
	for _, c := range []struct {
		method, path, token, body string
		status                    int
		message                   string
	}{
		{"GET", "/repos/acme/one", whole.Token, "", 200, ""},
		{"GET", "/repos/ACME/One", whole.Token, "", 200, ""},
		{"GET", "/installation/repositories", whole.Token, "", 200, ""},
		{"GET", "/repos/acme/one", narrow.Token, "", 404, "Not Found"},
		{"GET", "/repos/acme/two", narrow.Token, "", 200, ""},
		{"GET", "/repos/evil/other", whole.Token, "", 404, "Not Found"},
		{"GET", "/repos/acme/one", s.Token(foreign), "", 404, "Not Found"},
		{"GET", "/repos/acme/one", "ghs_nonsense", "", 401, "Bad credentials"},
		{"GET", "/repos/acme/one", appJWT(t, s), "", 401, "Bad credentials"},
		{"GET", "/repos/acme/one", "", "", 404, "Not Found"},
		{"GET", "/installation/repositories", "", "", 401, "Requires authentication"},
		{"GET", "/app", whole.Token, "", 401, "A JSON web token could not be decoded"},
		{"GET", "/user", whole.Token, "", 403, "Resource not accessible by integration"},
		{"POST", "/repos/acme/one/check-runs", whole.Token, run, 201, ""},
		{"POST", "/repos/acme/one/check-runs", weak.Token, run, 403, "Resource not accessible by integration"},
		{"POST", path, appJWT(t, s), `{"permissions":{"administration":"write"}}`, 422, "The permissions requested are not granted to this installation."},
		{"POST", path, appJWT(t, s), `{"repositories":["other"]}`, 422, "There is at least one repository that does not exist or is not accessible to the parent installation."},
		{"POST", path, appJWT(t, s), `{"repository":["one"]}`, 422, "Invalid request.\n\n\"repository\" is not a permitted key."},
		{"POST", "/app/installations/7/access_tokens", appJWT(t, s), "", 404, "Not Found"},
		{"GET", "/repos/acme/one/installation", appJWT(t, s), "", 200, ""},
		{"GET", "/repos/acme/none/installation", appJWT(t, s), "", 404, "Not Found"},
		{"GET", "/nothing", whole.Token, "", 404, "Not Found"},
	} {
		got := call(t, s, c.method, c.path, c.token, c.body)
		if got.status != c.status || got.message() != c.message {
			t.Errorf("%s %s: %d %q", c.method, c.path, got.status, got.message())
		}
	}
	if got := call(t, s, "POST", "/repos/acme/one/check-runs", weak.Token, run); got.header.Get("X-Accepted-GitHub-Permissions") != "checks=write" {
		t.Errorf("a refusal names %q", got.header.Get("X-Accepted-GitHub-Permissions"))
	}
	// The API at the root, as api.github.com has it.
	if got := call(t, s, "GET", s.URL+"/repos/acme/one", whole.Token, ""); got.status != 200 {
		t.Errorf("at the root: %d", got.status)
	}

	other.SetPrivate(false)
	if got := call(t, s, "GET", "/repos/evil/other", whole.Token, ""); got.status != 200 {
		t.Errorf("a public repository of others: %d", got.status)
	}
	if got := call(t, s, "POST", "/repos/evil/other/check-runs", whole.Token, fmt.Sprintf(`{"name":"x","head_sha":%q}`, other.Head("main"))); got.status != 403 {
		t.Errorf("a check run in a public repository of others: %d", got.status)
	}

	one.Rename("acme", "uno")
	got := call(t, s, "GET", "/repos/acme/one/pulls?state=all", whole.Token, "")
	if want := fmt.Sprintf("%srepositories/%d/pulls?state=all", s.APIURL(), one.ID()); got.status != 301 || got.header.Get("Location") != want {
		t.Errorf("after a rename: %d to %q, not %q", got.status, got.header.Get("Location"), want)
	}
	if got := call(t, s, "GET", got.header.Get("Location"), whole.Token, ""); got.status != 200 {
		t.Errorf("by its id: %d", got.status)
	}

	s.Suspend(id, true)
	if got := call(t, s, "GET", "/repos/acme/two", whole.Token, ""); got.status != 403 || got.message() != "This installation has been suspended" {
		t.Errorf("suspended: %d %q", got.status, got.message())
	}
	s.Suspend(id, false)
	s.Advance(61 * time.Minute)
	if got := call(t, s, "GET", "/repos/acme/two", whole.Token, ""); got.status != 401 || got.message() != "Bad credentials" {
		t.Errorf("after an hour: %d %q", got.status, got.message())
	}
	fresh := s.Token(id)
	s.Uninstall(id)
	if got := call(t, s, "GET", "/repos/acme/two", fresh, ""); got.status != 401 {
		t.Errorf("after the end of the installation: %d", got.status)
	}
}

func TestRateLimits(t *testing.T) {
	s := fakegithub.New(t)
	repo := s.Repo("acme", "one", map[string]string{"a": "a\n"})
	token := s.Token(s.Install("acme", repo))
	s.RateLimit(3)
	for i := range 4 {
		got := call(t, s, "GET", "/repos/acme/one", token, "")
		want := map[bool]int{true: 200, false: 403}[i < 3]
		if got.status != want || got.header.Get("X-Ratelimit-Remaining") != fmt.Sprint(max(2-i, 0)) {
			t.Errorf("call %d: %d %s, %s left", i, got.status, got.text, got.header.Get("X-Ratelimit-Remaining"))
		}
	}
	if got := call(t, s, "GET", "/rate_limit", token, ""); got.status != 200 {
		t.Errorf("asking for the limit costs nothing: %d", got.status)
	}
	s.Advance(time.Hour)
	if got := call(t, s, "GET", "/repos/acme/one", s.Token(s.Install("acme", repo)), ""); got.status != 200 {
		t.Errorf("an hour later: %d", got.status)
	}
	s.RateLimit(1_000_000)
	s.SecondaryLimits(true)
	token = s.Token(s.Install("acme", repo))
	run := fmt.Sprintf(`{"name":"x","head_sha":%q}`, repo.Head("main"))
	for i := range 181 {
		got := call(t, s, "POST", "/repos/acme/one/check-runs", token, run)
		if i < 180 && got.status != 201 || i == 180 && (got.status != 403 || got.header.Get("Retry-After") == "") {
			t.Fatalf("check run %d of a minute: %d, %s", i, got.status, got.text)
		}
	}
	s.Advance(time.Minute)
	if got := call(t, s, "POST", "/repos/acme/one/check-runs", token, run); got.status != 201 {
		t.Errorf("a minute later: %d", got.status)
	}
}
