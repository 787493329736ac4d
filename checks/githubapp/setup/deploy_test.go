package setup

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/pmcheck/pmcheck/checks/githubapp"
)

const deploy = "../../../deploy"

func readDeploy(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(deploy, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// composeFile is what the tests look at.
type composeFile struct {
	Services map[string]struct {
		Command     []string
		Image       string
		Environment map[string]string
		Secrets     []string
		Volumes     []any
		Stop        string `yaml:"stop_grace_period"`
		DependsOn   any    `yaml:"depends_on"`
	}
	Secrets map[string]struct{ File string }
	Volumes map[string]any
}

func readCompose(t *testing.T, name string) composeFile {
	t.Helper()
	var c composeFile
	if err := yaml.Unmarshal(readDeploy(t, name), &c); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return c
}

// wantOptions wants that every variable of the App is one that pmcheck serve reads.
func wantOptions(t *testing.T, names []string) {
	t.Helper()
	for _, name := range names {
		if !slices.ContainsFunc(githubapp.Options(), func(o githubapp.Option) bool { return o.Env() == name }) {
			t.Errorf("pmcheck serve reads no %s", name)
		}
	}
}

func optionDefault(t *testing.T, name string) string {
	t.Helper()
	o, ok := optionNamed(name)
	if !ok {
		t.Fatalf("no option %s", name)
	}
	return o.Default
}

// longerThanGrace wants that the App is killed only after it has had its time to stop.
func longerThanGrace(t *testing.T, text string) {
	t.Helper()
	stop, err := time.ParseDuration(text)
	grace, graceErr := time.ParseDuration(optionDefault(t, "grace"))
	if err != nil || graceErr != nil || stop <= grace {
		t.Errorf("a stop may take %s, and the App takes %s", text, grace)
	}
}

func TestCompose(t *testing.T) {
	for _, name := range []string{"compose.yml", "compose.postgres.yml"} {
		c := readCompose(t, name)
		app, ok := c.Services["pmcheck"]
		if !ok {
			t.Fatalf("%s has no service pmcheck", name)
		}
		var variables []string
		for variable := range app.Environment {
			if strings.HasPrefix(variable, "PMCHECK_") {
				variables = append(variables, variable)
			}
		}
		if len(variables) == 0 {
			t.Errorf("%s sets nothing", name)
		}
		wantOptions(t, variables)
		for name, s := range c.Services {
			for _, secret := range s.Secrets {
				if c.Secrets[secret].File == "" {
					t.Errorf("%s: there is no secret %s", name, secret)
				}
			}
			for _, v := range s.Volumes {
				if short, ok := v.(string); ok {
					if _, defined := c.Volumes[short[:strings.IndexByte(short, ':')]]; !defined {
						t.Errorf("%s: there is no volume for %s", name, short)
					}
				}
			}
		}
	}
}

// What app create writes is what the container is given, where its configuration looks for it.
func TestComposeMountsWhatAppCreateWrites(t *testing.T) {
	app := readCompose(t, "compose.yml").Services["pmcheck"]
	var sources []string
	data := false
	for _, v := range app.Volumes {
		mount := v.(map[string]any)
		source, target := mount["source"].(string), mount["target"].(string)
		if target == app.Environment["PMCHECK_DATA"] {
			data = true
			continue
		}
		if filepath.Dir(target) != "/app" || filepath.Base(source) != filepath.Base(target) || mount["read_only"] != true {
			t.Errorf("%s is mounted at %s", source, target)
		}
		sources = append(sources, filepath.Base(source))
	}
	want := Files{Config: "pmcheck-app.yml"}.Paths()
	slices.Sort(sources)
	slices.Sort(want)
	if !slices.Equal(sources, want) || !data {
		t.Errorf("mounted are %q, of %q; the data folder: %t", sources, want, data)
	}
	if !slices.Equal(app.Command, []string{"serve", "--config", "/app/pmcheck-app.yml"}) {
		t.Errorf("the command is %q", app.Command)
	}
	longerThanGrace(t, app.Stop)
	proxy := readCompose(t, "compose.yml").Services["proxy"].Command
	if !slices.Contains(proxy, "pmcheck"+app.Environment["PMCHECK_LISTEN"]) {
		t.Errorf("the proxy passes on to %q, and the App listens on %s", proxy, app.Environment["PMCHECK_LISTEN"])
	}
}

func TestUnit(t *testing.T) {
	unit := string(readDeploy(t, "pmcheck.service"))
	values := map[string][]string{}
	for line := range strings.Lines(unit) {
		line = strings.TrimSpace(line)
		if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			values[key] = append(values[key], value)
		}
	}
	var variables []string
	environment := map[string]string{}
	for _, setting := range values["Environment"] {
		name, value, _ := strings.Cut(setting, "=")
		environment[name] = value
		variables = append(variables, name)
	}
	wantOptions(t, variables)
	if environment["PMCHECK_DATA"] != "/var/lib/"+values["StateDirectory"][0] {
		t.Errorf("the data folder is %s, and systemd makes %s", environment["PMCHECK_DATA"], values["StateDirectory"])
	}
	longerThanGrace(t, values["TimeoutStopSec"][0]+"s")

	var credentials []string
	for _, c := range values["LoadCredential"] {
		name, path, _ := strings.Cut(c, ":")
		if path != "/etc/pmcheck/"+name {
			t.Errorf("the credential %s comes from %s", name, path)
		}
		credentials = append(credentials, name)
	}
	want := Files{Config: "pmcheck-app.yml"}.Paths()
	slices.Sort(credentials)
	slices.Sort(want)
	if !slices.Equal(credentials, want) {
		t.Errorf("the credentials are %q, of %q", credentials, want)
	}
	if !regexp.MustCompile(`^/\S+/pmcheck serve --config \$\{CREDENTIALS_DIRECTORY\}/pmcheck-app\.yml$`).MatchString(values["ExecStart"][0]) {
		t.Errorf("it starts %s", values["ExecStart"][0])
	}
	for _, hardening := range []string{"NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp", "RestrictNamespaces", "SystemCallFilter", "User"} {
		if len(values[hardening]) == 0 {
			t.Errorf("the unit lacks %s", hardening)
		}
	}
}
