package githubapp

import (
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/slack"
)

// An Option is one setting of the App. Its flag is --NAME, its key in the file is the
// name with underscores, its environment variable that in capitals after PMCHECK_.
type Option struct {
	Name     string
	Value    string // what stands for the value in the help: FILE, DURATION
	Default  string
	Usage    string
	Required bool
	set      func(*loader, string)
}

// Key is the option's name in the file.
func (o Option) Key() string { return strings.ReplaceAll(o.Name, "-", "_") }

// Env is the option's environment variable.
func (o Option) Env() string { return "PMCHECK_" + strings.ToUpper(o.Key()) }

// Options are all settings, in the order in which they are explained.
func Options() []Option {
	return []Option{
		{Name: "app-id", Value: "ID", Required: true, Usage: "the App's id, as its settings page at GitHub shows it",
			set: func(l *loader, v string) { l.config.AppID = l.number(v, 1) }},
		{Name: "private-key-file", Value: "FILE", Required: true, Usage: "the App's private key, PEM as GitHub gives it",
			set: func(l *loader, v string) { l.config.PrivateKey = l.privateKey(v) }},
		{Name: "webhook-secret-file", Value: "FILE", Required: true, Usage: "the webhook secret; two files with a comma between them while one secret replaces the other",
			set: func(l *loader, v string) { l.config.WebhookSecrets = l.secrets(v) }},
		{Name: "client-id", Value: "ID", Usage: "the App's client id, by which people log in to the pages; without it there are none",
			set: func(l *loader, v string) { l.config.ClientID = v }},
		{Name: "client-secret-file", Value: "FILE", Usage: "the App's client secret",
			set: func(l *loader, v string) { l.config.ClientSecret = l.secret(v) }},
		{Name: "github-url", Value: "URL", Default: "https://github.com", Usage: "GitHub, or the address of an Enterprise Server",
			set: func(l *loader, v string) { l.config.GitHub = l.site(v) }},
		{Name: "listen", Value: "ADDRESS", Default: ":8080", Usage: "where to listen, as HOST:PORT",
			set: func(l *loader, v string) { l.config.Listen = l.address(v) }},
		{Name: "url", Value: "URL", Usage: "where others reach the App, for links and the login: https://pmcheck.example.com",
			set: func(l *loader, v string) { l.config.URL = l.site(v) }},
		{Name: "tls-certificate", Value: "FILE", Usage: "the certificate chain, PEM; without it the App speaks HTTP, for a proxy that ends TLS",
			set: func(l *loader, v string) { l.config.TLSCertificate = l.file(v) }},
		{Name: "tls-key", Value: "FILE", Usage: "the certificate's key, PEM",
			set: func(l *loader, v string) { l.config.TLSKey = l.file(v) }},
		{Name: "metrics-listen", Value: "ADDRESS", Usage: "where Prometheus reads /metrics (default: on the same address as all else)",
			set: func(l *loader, v string) { l.config.MetricsListen = l.address(v) }},
		{Name: "data", Value: "FOLDER", Default: "pmcheck-data", Usage: "where the mirrors of repositories are kept, and the SQLite database",
			set: func(l *loader, v string) { l.config.Data = l.file(v) }},
		{Name: "database", Value: "URL", Usage: "postgres://..., shared by several processes, or sqlite:FILE (default: sqlite, in the data folder)",
			set: func(l *loader, v string) { l.config.Database = l.database(v) }},
		{Name: "check-name", Value: "NAME", Default: "pmcheck", Usage: "the name of the check, which a branch protection requires",
			set: func(l *loader, v string) { l.config.CheckName = v }},
		{Name: "mode", Value: "MODE", Default: Required, Usage: "required: findings fail the check; advisory: they leave it neutral, which lets a pull request pass",
			set: func(l *loader, v string) { l.config.Mode = l.oneOf(v, Required, Advisory) }},
		{Name: "override-permission", Value: "ROLE", Default: "maintain", Usage: "the least role that may override a rule: " + strings.Join(Roles(), ", "),
			set: func(l *loader, v string) { l.config.OverridePermission = l.oneOf(v, Roles()...) }},
		{Name: "workers", Value: "N", Usage: "checks at the same time, all but one of which may be of one installation (default: one for each core, at least 3)",
			set: func(l *loader, v string) { l.config.Workers = int(l.number(v, 1)) }},
		{Name: "check-memory", Value: "SIZE", Default: "2GB", Usage: "the memory that one check may take",
			set: func(l *loader, v string) { l.config.CheckMemory = l.size(v, 64<<20) }},
		{Name: "check-time", Value: "DURATION", Default: "5m", Usage: "the time that one check may take",
			set: func(l *loader, v string) { l.config.CheckTime = l.duration(v, time.Second) }},
		{Name: "mirror-space", Value: "SIZE", Default: "20GB", Usage: "what all mirrors may take on disk; those that were not used for the longest time go first",
			set: func(l *loader, v string) { l.config.MirrorSpace = l.size(v, 1<<20) }},
		{Name: "mirror-limit", Value: "SIZE", Default: "5GB", Usage: "what the mirror of one repository may take",
			set: func(l *loader, v string) { l.config.MirrorLimit = l.size(v, 1<<20) }},
		{Name: "circleci-secret-file", Value: "FILE", Usage: "the secret token of CircleCI's webhooks, which are sent to URL/circleci; two files with a comma between them while one secret replaces the other",
			set: func(l *loader, v string) { l.config.CircleCISecrets = l.secrets(v) }},
		{Name: "deploys-file", Value: "FILE", Usage: "a YAML file: which runs at CircleCI deploy what, and whom Slack tells or what incident is opened when one fails",
			set: func(l *loader, v string) { l.config.Deploys = l.deploys(v) }},
		{Name: "slack-token-file", Value: "FILE", Usage: "the token of the bot that tells of failed deploys (xoxb-...)",
			set: func(l *loader, v string) { l.config.SlackToken = l.secret(v) }},
		{Name: "slack-url", Value: "URL", Default: slack.DefaultURL, Usage: "Slack's Web API, such as https://slack-gov.com/api/",
			set: func(l *loader, v string) { l.config.SlackURL = v }},
		{Name: "reconcile", Value: "DURATION", Default: "10m", Usage: "how often GitHub is asked what was missed",
			set: func(l *loader, v string) { l.config.Reconcile = l.duration(v, time.Second) }},
		{Name: "grace", Value: "DURATION", Default: "30s", Usage: "how long a stop waits for checks that run; the others are done at the next start",
			set: func(l *loader, v string) { l.config.Grace = l.duration(v, 0) }},
		{Name: "log-level", Value: "LEVEL", Default: "info", Usage: "debug, info, warn or error",
			set: func(l *loader, v string) {
				if err := l.config.LogLevel.UnmarshalText([]byte(l.oneOf(v, "debug", "info", "warn", "error"))); err != nil {
					l.config.LogLevel = slog.LevelInfo
				}
			}},
	}
}

// secrets reads one file or several, with commas between their names.
func (l *loader) secrets(value string) (all []Secret) {
	for file := range strings.SplitSeq(value, ",") {
		if s := l.secret(strings.TrimSpace(file)); s != nil {
			all = append(all, s)
		}
	}
	return all
}

func (l *loader) number(value string, least int64) int64 {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < least {
		l.mistake("%q: expected a whole number, %d or more", value, least)
	}
	return n
}

func (l *loader) oneOf(value string, words ...string) string {
	if !slices.Contains(words, value) {
		l.mistake("%q: expected %s", value, strings.Join(words, ", "))
	}
	return value
}

func (l *loader) duration(value string, least time.Duration) time.Duration {
	d, err := time.ParseDuration(value)
	if err != nil || d < least {
		l.mistake("%q: expected a time such as 30s, 10m or 1h, %s or more", value, least)
	}
	return d
}

// units are what a size may end in. They are powers of 1024, as in the settings of most servers.
var units = []struct {
	name  string
	bytes int64
}{{"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"TB", 1 << 40}, {"B", 1}, {"", 1}}

func (l *loader) size(value string, least int64) int64 {
	for _, u := range units {
		digits, found := strings.CutSuffix(strings.ToUpper(strings.ReplaceAll(value, " ", "")), u.name)
		if !found {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n <= 0 || n > (1<<62)/u.bytes || n*u.bytes < least {
			break
		}
		return n * u.bytes
	}
	l.mistake("%q: expected a size such as 512MB or 20GB, %dMB or more", value, least>>20)
	return 0
}

// database checks the URL of the App's own database. Other users of the machine can read
// a command line, so no password stands there.
func (l *loader) database(value string) string {
	if file, found := strings.CutPrefix(value, "sqlite:"); found && file != "" {
		return "sqlite:" + l.file(strings.TrimPrefix(file, "//"))
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		l.mistake("expected postgres://USER@HOST/NAME or sqlite:FILE") // without the value: it may hold a password
		return ""
	}
	if _, password := u.User.Password(); l.fromFlag && (password || u.Query().Has("password")) {
		l.mistake("others on this machine can read a command line: give the password in the file, in %s or in PGPASSFILE", l.option.Env())
	}
	return value
}
