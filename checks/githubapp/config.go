package githubapp

import (
	"bytes"
	"cmp"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/pmcheck/pmcheck/checks/config/yamltree"
	"github.com/pmcheck/pmcheck/checks/githubapp/store"
	"github.com/pmcheck/pmcheck/checks/slack"
)

// Config says how the App runs. [Load] makes it from flags, the environment and a file.
type Config struct {
	Listen string   // address, HOST:PORT
	URL    *url.URL // where people and GitHub find the App: its pages, and URL/webhook

	MetricsListen string // address of /metrics; "" is Listen

	TLSCertificate, TLSKey string // files, PEM; "" where a proxy ends TLS

	Database string // a URL: sqlite:FILE or postgres://...
	Data     string // folder of the SQLite database and the mirrors

	GitHub         *url.URL // https://github.com, or an Enterprise Server
	AppID          int64
	PrivateKey     Secret   // PEM
	WebhookSecrets []Secret // one, or two while one is replaced by the other
	ClientID       string   // of the App's OAuth half, for the pages; "" leaves the pages out
	ClientSecret   Secret

	CircleCISecrets []Secret     // of its webhooks: one, or two while one is replaced by the other; none leaves /circleci out
	Deploys         []DeployRule // at CircleCI
	SlackToken      Secret       // of the bot that tells of them
	SlackURL        string       // of Slack's Web API

	CheckName          string
	Mode               string // Required | Advisory
	OverridePermission string // the least role in a repository that may override a rule

	Workers     int           // checks at the same time
	CheckMemory int64         // bytes that one check may take
	CheckTime   time.Duration // that one check may take
	MirrorSpace int64         // bytes that all mirrors may take
	MirrorLimit int64         // bytes that the mirror of one repository may take
	Reconcile   time.Duration // from one look at GitHub for what was missed to the next
	Grace       time.Duration // that a stop waits for checks that run
	LogLevel    slog.Level

	// What the program gives, and no option.
	Version string           // of pmcheck
	Log     *slog.Logger     // nil: none
	Now     func() time.Time // nil: time.Now
	Starter Starter          // for tests: of what failed deploys ask for, instead of Slack
	Program string           // that judges in a child process; "": this one
	Store   store.Options    // for tests: Poll, Lease, Backoff; the rest follows from the options above
}

// The modes: what a check with findings does to the pull request.
const (
	Required = "required" // it ends as failure
	Advisory = "advisory" // it ends as neutral, which GitHub lets pass
)

// Roles are the roles in a repository that may be asked for, the least first.
func Roles() []string { return []string{"read", "triage", "write", "maintain", "admin"} }

// A Secret is not printed.
type Secret []byte

// hidden stands for a secret wherever one would be printed.
const hidden = "[secret]"

func (Secret) String() string               { return hidden }
func (Secret) GoString() string             { return hidden }
func (Secret) LogValue() slog.Value         { return slog.StringValue(hidden) }
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// ErrConfig is wrapped by every mistake in the configuration.
var ErrConfig = errors.New("wrong configuration")

// ConfigError is all that is wrong with a configuration, one mistake a line.
type ConfigError struct{ Mistakes []string }

func (e *ConfigError) Error() string {
	return "the App's configuration has mistakes:\n  " + strings.Join(e.Mistakes, "\n  ")
}

func (e *ConfigError) Unwrap() error { return ErrConfig }

// Load makes a configuration of what flags say, else the environment (PMCHECK_NAME),
// else the file at path ("" is none), else the defaults. flags holds what was given, by
// the option's name. The error is a [*ConfigError] with every mistake.
func Load(path string, flags map[string]string, getenv func(string) string) (Config, error) {
	l := &loader{given: map[string]bool{}}
	file := l.read(path)
	for _, o := range Options() {
		l.option, l.dir = o, ""
		value := o.Default
		l.where = ""
		if line, found := file[o.Key()]; found {
			value, l.where, l.dir = line.value, fmt.Sprintf("%s:%d: %s", path, line.line, o.Key()), filepath.Dir(path)
		}
		if env := getenv(o.Env()); env != "" {
			value, l.where, l.dir = env, o.Env(), ""
		}
		if flag, given := flags[o.Name]; given {
			value, l.where, l.dir = flag, "--"+o.Name, ""
			l.fromFlag = true
		}
		switch {
		case value != "":
			l.given[o.Name] = true
			l.where = cmp.Or(l.where, "--"+o.Name)
			o.set(l, value)
		case o.Required && !l.unread:
			l.where = fmt.Sprintf("%s is missing", o.Key())
			l.mistake("give it in the file, as --%s or as %s: %s", o.Name, o.Env(), o.Usage)
		}
		l.fromFlag = false
	}
	l.together()
	if len(l.mistakes) > 0 {
		return Config{}, &ConfigError{l.mistakes}
	}
	return l.config, nil
}

// loader is a configuration in the making.
type loader struct {
	config   Config
	mistakes []string
	given    map[string]bool // by the option's name
	unread   bool            // the file could not be read whole: what seems missing may stand there

	option   Option // that is being read
	where    string // it was given, for a mistake
	dir      string // that its relative paths start from
	fromFlag bool
}

func (l *loader) mistake(format string, args ...any) {
	l.mistakes = append(l.mistakes, l.where+": "+fmt.Sprintf(format, args...))
}

type fileLine struct {
	value string
	line  int
}

// maxConfigBytes bounds the file.
const maxConfigBytes = 64 << 10

// read returns the values of the file by key. A list's items are joined by commas.
func (l *loader) read(path string) map[string]fileLine {
	values := map[string]fileLine{}
	if path == "" {
		return values
	}
	l.where = path
	content, err := os.ReadFile(path)
	if err != nil {
		l.unread = true
		l.mistake("cannot be read: %v", errors.Unwrap(err))
		return values
	}
	root, problems := yamltree.Parse(bytes.TrimPrefix(content, []byte("\ufeff")), 1, maxConfigBytes)
	for _, p := range problems {
		l.where = fmt.Sprintf("%s:%d", path, p.Line)
		l.mistake("%s", p.Message)
	}
	l.unread = len(problems) > 0 || root != nil && root.Kind != yaml.MappingNode
	switch {
	case root == nil:
		return values
	case root.Kind != yaml.MappingNode:
		l.where = fmt.Sprintf("%s:%d", path, root.Line)
		l.mistake("the file is %s, expected keys such as app_id", yamltree.Describe(root))
		return values
	}
	var known []string
	for _, o := range Options() {
		known = append(known, o.Key())
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, node := root.Content[i], root.Content[i+1]
		l.where = fmt.Sprintf("%s:%d", path, key.Line)
		var items []string
		switch {
		case !slices.Contains(known, key.Value):
			meant := "the keys are " + strings.Join(known, ", ")
			if near := yamltree.Nearest(key.Value, known); near != "" {
				meant = fmt.Sprintf("did you mean %q?", near)
			}
			l.mistake("there is no %q; %s", key.Value, meant)
			continue
		case node.Kind == yaml.ScalarNode:
			items = []string{node.Value}
		case node.Kind == yaml.SequenceNode:
			for _, item := range node.Content {
				if item.Kind != yaml.ScalarNode {
					l.mistake("%s: an item is %s, expected a plain value", key.Value, yamltree.Describe(item))
				}
				items = append(items, item.Value)
			}
		default:
			l.mistake("%s is %s, expected a plain value", key.Value, yamltree.Describe(node))
			continue
		}
		values[key.Value] = fileLine{strings.Join(items, ","), key.Line}
	}
	return values
}

// together says what is wrong between options, and fills in what follows from others.
func (l *loader) together() {
	c := &l.config
	if (c.TLSCertificate == "") != (c.TLSKey == "") {
		l.where = "tls_certificate and tls_key"
		l.mistake("give both, or neither where a proxy ends TLS")
	} else if c.TLSKey != "" {
		if _, err := tls.LoadX509KeyPair(c.TLSCertificate, c.TLSKey); err != nil {
			l.where = "tls_certificate and tls_key"
			l.mistake("%v", err)
		}
	}
	if (c.ClientID == "") != (len(c.ClientSecret) == 0) {
		l.where = "client_id and client_secret_file"
		l.mistake("give both, or neither to run without the pages")
	}
	if c.ClientID != "" && !l.given["url"] {
		l.where = "url is missing"
		l.mistake("the pages need to know their own address; give it in the file, as --url or as PMCHECK_URL")
	}
	circle, deploys, token := l.given["circleci-secret-file"], l.given["deploys-file"], l.given["slack-token-file"]
	if circle != deploys || deploys != token {
		l.where = "circleci_secret_file, deploys_file and slack_token_file"
		l.mistake("give all three, or none to run without CircleCI's webhooks")
	}
	if len(c.SlackToken) > 0 {
		if _, err := slack.New(c.SlackURL, string(c.SlackToken)); err != nil {
			l.where = "slack_token_file and slack_url"
			l.mistake("Slack's address or token is not in the form that they have")
		}
	}
	if c.MirrorLimit > c.MirrorSpace && c.MirrorSpace > 0 {
		l.where = "mirror_limit"
		l.mistake("one mirror may not take more than all of them: lower it, or raise mirror_space")
	}
	if c.Data != "" {
		c.Database = cmp.Or(c.Database, "sqlite:"+filepath.Join(c.Data, "pmcheck.db"))
	}
	if c.Workers == 0 {
		c.Workers = max(3, runtime.GOMAXPROCS(0)) // two of one installation, and one that is free for others
	}
}

// file returns a file's path, from the folder that it is written in.
func (l *loader) file(value string) string {
	if l.dir == "" || filepath.IsAbs(value) {
		return value
	}
	return filepath.Join(l.dir, value)
}

// maxSecretBytes bounds a file with a secret: the largest is an RSA key.
const maxSecretBytes = 64 << 10

// secret reads a file that holds nothing else, without the line end.
func (l *loader) secret(value string) Secret {
	f, err := os.Open(l.file(value))
	if err != nil {
		l.mistake("%v", err)
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		l.mistake("%v", err)
		return nil
	case !info.Mode().IsRegular():
		l.mistake("%s is not a file", value)
		return nil
	case info.Size() > maxSecretBytes:
		l.mistake("%s has %d bytes: that is no secret", value, info.Size())
		return nil
	}
	content, err := os.ReadFile(l.file(value))
	if err != nil {
		l.mistake("%v", err)
		return nil
	}
	content = bytes.TrimSpace(content)
	if len(content) == 0 {
		l.mistake("%s is empty", value)
		return nil
	}
	return content
}

// privateKey reads the file with the App's key.
func (l *loader) privateKey(value string) Secret {
	content := l.secret(value)
	if content == nil {
		return nil
	}
	block, _ := pem.Decode(content)
	if block == nil {
		l.mistake("%s is not PEM: it has to be the file that GitHub gave, with its BEGIN and END lines", value)
		return nil
	}
	if _, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return content
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if _, ok := key.(*rsa.PrivateKey); ok {
			return content
		}
	}
	l.mistake("%s is PEM, but not an RSA private key", value)
	return nil
}

// address checks HOST:PORT.
func (l *loader) address(value string) string {
	if _, port, err := net.SplitHostPort(value); err != nil || port == "" {
		l.mistake("%q: expected HOST:PORT, such as :8080 or 127.0.0.1:8080", value)
	}
	return value
}

// site checks a URL that has a host and nothing behind it.
func (l *loader) site(value string) *url.URL {
	u, err := url.Parse(strings.TrimSuffix(value, "/"))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		l.mistake("%q: expected a URL such as https://pmcheck.example.com", value)
		return nil
	}
	return u
}
