package githubapp

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// writeFiles writes files into a new folder.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// testKey is a private key as GitHub gives one.
var testKey = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
})

func noEnv(string) string { return "" }

func TestLoad(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"app.yml": `app_id: 1234
private_key_file: app.pem
webhook_secret_file: [new.secret, old.secret]
client_id: Iv1.abc
client_secret_file: client.secret
url: https://pmcheck.example.com/
mode: advisory
workers: 3
check_memory: 512 MB
data: data
`,
		"app.pem": testKey(), "new.secret": "s2\n", "old.secret": "s1", "client.secret": "s3",
	})
	env := map[string]string{"PMCHECK_WORKERS": "4", "PMCHECK_RECONCILE": "1m", "PMCHECK_GITHUB_URL": "https://ghes.example.com"}
	c, err := Load(filepath.Join(dir, "app.yml"), map[string]string{"workers": "5", "listen": "127.0.0.1:0"}, func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct{ what, got, want any }{
		{"app id", c.AppID, int64(1234)},
		{"private key, from the file's folder", string(c.PrivateKey), strings.TrimSpace(testKey())},
		{"two webhook secrets", fmt.Sprintf("%s,%s", []byte(c.WebhookSecrets[0]), []byte(c.WebhookSecrets[1])), "s2,s1"},
		{"a flag goes before the environment", c.Workers, 5},
		{"the environment goes before the default", c.Reconcile, time.Minute},
		{"enterprise server", c.GitHub.String(), "https://ghes.example.com"},
		{"public address, without its last slash", c.URL.String(), "https://pmcheck.example.com"},
		{"mode", c.Mode, Advisory},
		{"memory", c.CheckMemory, int64(512 << 20)},
		{"database follows data", c.Database, "sqlite:" + filepath.Join(dir, "data", "pmcheck.db")},
		{"default", c.CheckName, "pmcheck"},
		{"level", c.LogLevel, slog.LevelInfo},
	} {
		if want.got != want.want {
			t.Errorf("%s: %v, want %v", want.what, want.got, want.want)
		}
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("started", "config", c, "key", c.PrivateKey)
	for _, printed := range []string{fmt.Sprintf("%v %+v %#v %s", c, c, c, c.PrivateKey), log.String()} {
		if strings.Contains(printed, "s2") || !strings.Contains(printed, hidden) {
			t.Errorf("secrets are printed: %s", printed)
		}
	}
}

// TestLoadMistakes wants every mistake at once, each with where it stands.
func TestLoadMistakes(t *testing.T) {
	dir := writeFiles(t, map[string]string{"words": "geheim", "app.pem": testKey(), "certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "empty": "\n", "s": "x"})
	for name, test := range map[string]struct {
		file  string
		flags map[string]string
		want  []string
	}{
		"nothing given": {file: "", want: []string{
			"app_id is missing: give it in the file, as --app-id or as PMCHECK_APP_ID",
			"private_key_file is missing", "webhook_secret_file is missing"}},
		"values": {file: "app_id: twelve\nprivate_key_file: nowhere.pem\nwebhook_secret_file: empty\nmode: strict\nworkers: 0\ncheck_time: 5\nmirror_space: 1GB\nmirror_limit: 2GB\nlisten: 8080\ngithub_url: ftp://x\nlog_level: loud\nfrobnicate: 1\nurl: {a: b}\n", want: []string{
			`app.yml:1: app_id: "twelve": expected a whole number, 1 or more`,
			"app.yml:2: private_key_file: open ",
			"app.yml:3: webhook_secret_file: empty is empty",
			`app.yml:4: mode: "strict": expected required, advisory`,
			`app.yml:5: workers: "0"`, `app.yml:6: check_time: "5": expected a time such as`,
			"mirror_limit: one mirror may not take more than all of them",
			`app.yml:9: listen: "8080": expected HOST:PORT`, `app.yml:10: github_url: "ftp://x"`, `app.yml:11: log_level: "loud"`,
			`app.yml:12: there is no "frobnicate"`, "app.yml:13: url is a mapping, expected a plain value"}},
		"what belongs together": {file: "app_id: 1\nprivate_key_file: app.pem\nwebhook_secret_file: s\nclient_id: x\ntls_key: k\n", want: []string{
			"tls_certificate and tls_key: give both", "client_id and client_secret_file: give both", "url is missing: the pages need"}},
		"password on the command line": {file: "app_id: 1\nprivate_key_file: app.pem\nwebhook_secret_file: s\n", flags: map[string]string{"database": "postgres://u:geheim@h/d"}, want: []string{
			"--database: others on this machine can read a command line"}},
		"not a database":         {file: "app_id: 1\nprivate_key_file: app.pem\nwebhook_secret_file: s\ndatabase: mysql://u:geheim@h/d\n", want: []string{"app.yml:4: database: expected postgres://"}},
		"not a mapping":          {file: "- 1\n", want: []string{"app.yml:1: the file is a list"}},
		"no YAML":                {file: "app_id: [1\n", want: []string{"app.yml:1: not YAML"}},
		"misspelt":               {file: "app_id: 1\nprivate_key_file: app.pem\nwebhook_secret_files: s\n", want: []string{`app.yml:3: there is no "webhook_secret_files"; did you mean "webhook_secret_file"?`, "webhook_secret_file is missing"}},
		"a key that is none":     {file: "app_id: 1\nprivate_key_file: words\nwebhook_secret_file: s\n", want: []string{"app.yml:2: private_key_file: words is not PEM"}},
		"a certificate as a key": {file: "app_id: 1\nprivate_key_file: certificate\nwebhook_secret_file: s\n", want: []string{"app.yml:2: private_key_file: certificate is PEM, but not an RSA private key"}},
		"TLS":                    {file: "app_id: 1\nprivate_key_file: app.pem\nwebhook_secret_file: s\ntls_certificate: certificate\ntls_key: app.pem\n", want: []string{"tls_certificate and tls_key: x509"}},
		"a folder as a key":      {file: "app_id: 1\nprivate_key_file: .\nwebhook_secret_file: s\n", want: []string{"app.yml:2: private_key_file: . is not a file"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "app.yml")
			if err := os.WriteFile(path, []byte(test.file), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load(path, test.flags, noEnv)
			if !errors.Is(err, ErrConfig) {
				t.Fatalf("got %v, want mistakes", err)
			}
			said := strings.ReplaceAll(err.Error(), dir+"/", "")
			for _, want := range test.want {
				if !strings.Contains(said, want) {
					t.Errorf("missing %q in:\n%s", want, said)
				}
			}
			if strings.Contains(said, "geheim") {
				t.Errorf("a password is printed:\n%s", said)
			}
			if extra := strings.Count(said, "\n  ") - len(test.want); extra != 0 {
				t.Errorf("%d mistakes too many:\n%s", extra, said)
			}
		})
	}
	if _, err := Load(filepath.Join(dir, "nowhere.yml"), nil, noEnv); err == nil || !strings.Contains(err.Error(), "nowhere.yml: cannot be read: no such file") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestSize(t *testing.T) {
	for value, want := range map[string]int64{"64MB": 64 << 20, "2gb": 2 << 30, "1 TB": 1 << 40, "67108864": 64 << 20, "67108864B": 64 << 20, "70000KB": 70000 << 10,
		"": 0, "GB": 0, "-1GB": 0, "1MB": 0, "9223372036854775807TB": 0, "1.5GB": 0} {
		l := &loader{}
		if got := l.size(value, 64<<20); got != want || (want == 0) != (len(l.mistakes) == 1) {
			t.Errorf("%q: %d (%v), want %d", value, got, l.mistakes, want)
		}
	}
}
