package setup

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// parseKey reads the private key of an App: RSA, in PEM, as PKCS #1 or PKCS #8.
func parseKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the file is not PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the file holds a %s, not a private key", block.Type)
	}
	if key, ok := key.(*rsa.PrivateKey); ok {
		return key, nil
	}
	return nil, errors.New("the key is not an RSA key, and GitHub's are")
}

// appToken is a JWT by which the App itself asks. It is dated back by a minute, for a clock that is ahead:
// https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app.
func appToken(id int64, key *rsa.PrivateKey, now time.Time) (string, error) {
	claims, err := json.Marshal(map[string]any{"iss": fmt.Sprint(id), "iat": now.Add(-time.Minute).Unix(), "exp": now.Add(5 * time.Minute).Unix()})
	if err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// answer is what GitHub said.
type answer struct {
	status int
	date   time.Time // by GitHub's clock; zero when it did not say
	body   []byte
}

// says is the answer in words.
func (a answer) says() string {
	return fmt.Sprintf("%d %s%s", a.status, http.StatusText(a.status), messageOf(a.body))
}

// api asks GitHub's API once, and without the patience of package githubapi: here a refusal, an outage and GitHub's clock
// are what is asked for. An error is one of the way there; what GitHub refuses is an answer.
func (x *examination) api(ctx context.Context, method, token, path string, query url.Values) (answer, error) {
	address := apiURL(x.config.GitHub).JoinPath(path)
	address.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, method, address.String(), nil)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Accept", "application/vnd.github+json")
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("User-Agent", "pmcheck-doctor")
	request.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	response, err := x.Client.Do(request)
	if err != nil {
		return answer{}, withoutAddress(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, body: body}
	a.date, _ = http.ParseTime(response.Header.Get("Date"))
	return a, nil
}

// withoutAddress is what went wrong, where the message names the address already.
func withoutAddress(err error) error {
	if failed := (*url.Error)(nil); errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// get asks with GET, and reads the answer into a value when it is 200. It reports, as
// Unasked, that GitHub did not answer, and returns false unless the value is there.
func (x *examination) get(ctx context.Context, check, token, path string, query url.Values, into any) bool {
	a, err := x.api(ctx, http.MethodGet, token, path, query)
	if err != nil {
		x.unanswered(check, err.Error())
		return false
	}
	if a.status != http.StatusOK {
		x.unanswered(check, a.says())
		return false
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		x.unanswered(check, "its answer is not the JSON of its reference")
		return false
	}
	return true
}

func (x *examination) unanswered(check, why string) {
	x.report(check, Unasked, fmt.Sprintf("%s did not tell: %s", apiURL(x.config.GitHub).Host, why), "ask again later; https://www.githubstatus.com says how github.com is")
}
