package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestShellcheck has shellcheck look at the scripts, and bash read them.
func TestShellcheck(t *testing.T) {
	files, err := filepath.Glob(src + "/scripts/*.sh")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	program, err := exec.LookPath("shellcheck")
	if err != nil {
		if os.Getenv("PMCHECK_REQUIRE_TOOLS") != "" {
			t.Fatal("PMCHECK_REQUIRE_TOOLS is set, and shellcheck is not installed")
		}
		t.Skip("shellcheck is not installed")
	}
	if out, err := exec.Command(program, append([]string{"--shell=bash"}, files...)...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// job is a machine with a script, and with programs that only say how they were called.
type job struct {
	t        *testing.T
	dir, bin string
	env      []string
}

func newJob(t *testing.T) *job {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash is not installed")
	}
	j := &job{t: t, dir: t.TempDir()}
	j.bin = filepath.Join(j.dir, "bin")
	for _, folder := range []string{"bin", "work", "tmp", "server"} {
		if err := os.Mkdir(filepath.Join(j.dir, folder), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	j.env = []string{"PATH=" + j.bin + ":" + os.Getenv("PATH"), "HOME=" + j.dir, "TMPDIR=" + filepath.Join(j.dir, "tmp"), "BASH_ENV=" + filepath.Join(j.dir, "bash_env")}
	j.write("bash_env", "")
	return j
}

func (j *job) write(name, content string) {
	j.t.Helper()
	if err := os.WriteFile(filepath.Join(j.dir, name), []byte(content), 0o755); err != nil {
		j.t.Fatal(err)
	}
}

// run runs one of the orb's scripts as CircleCI runs a command. It returns the status and what was printed.
func (j *job) run(script string, env ...string) (int, string) {
	j.t.Helper()
	text, err := os.ReadFile(filepath.Join(src, "scripts", script))
	if err != nil {
		j.t.Fatal(err)
	}
	cmd := exec.CommandContext(j.t.Context(), "bash", "-eo", "pipefail", "-c", string(text))
	cmd.Dir, cmd.Env = filepath.Join(j.dir, "work"), append(slices.Clone(j.env), env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		j.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// says is a program that prints its arguments, one a line, and ends with a status.
func says(status int) string {
	return fmt.Sprintf("#!/bin/sh\nprintf '<%%s>\\n' \"$@\"\nprintf 'in %%s\\n' \"$PWD\"\nprintf 'token %%s\\n' \"$GITHUB_TOKEN\"\nexit %d\n", status)
}

// subst is CircleCI's own program, whose `env subst` puts in what is set.
const subst = "#!/bin/sh\n[ \"$1 $2\" = 'env subst' ] || exit 9\nprintf '%s\\n' \"$3\" | sed \"s|\\${CHANNEL}|$CHANNEL|; s|\\$CHANNEL|$CHANNEL|\"\n"

func TestCheckScript(t *testing.T) {
	j := newJob(t)
	work := filepath.Join(j.dir, "work")
	reports := []string{"<--format>", "<text>", "<--format>", "<json=" + work + "/pmcheck-reports/pmcheck.json>", "<--format>", "<junit=" + work + "/pmcheck-reports/junit.xml>", "<--format>", "<html=" + work + "/pmcheck-reports/pmcheck.html>"}
	for _, test := range []struct {
		name   string
		env    []string
		status int
		want   []string // the arguments, and what follows them
		rest   string
	}{
		{"a pull request", nil, 0, slices.Concat([]string{"<check>", "<--stage>", "<pull-request>"}, reports), "in " + work + "\ntoken \n"},
		{"before a deploy", []string{"PARAM_STAGE=pre-deploy", "PARAM_DEPLOY_JOB=deploy", "PARAM_DEPLOY_BRANCH=main", "PARAM_FAILURE_REASON=failure_reason.env", "PARAM_CIRCLECI_TOKEN=MY_TOKEN", "PARAM_BASE=<nil>"}, 1,
			slices.Concat([]string{"<check>", "<--stage>", "<pre-deploy>", "<--deploy-job=deploy>", "<--deploy-branch=main>", "<--circleci-token-env=MY_TOKEN>"}, reports, []string{"<--failure-reason=" + work + "/failure_reason.env>"}), "in " + work + "\ntoken \n"},
		{"all of it", []string{"PARAM_STAGE=pre-deploy", "PARAM_DEPLOY_ENVIRONMENT=$CHANNEL", "PARAM_DEPLOY_COMPONENT=a b", "PARAM_DEPLOY_WORKFLOW=w", "PARAM_DEPLOYED_REF=v*", "PARAM_CIRCLECI_PROJECT=gh/a/b",
			"PARAM_CONFIG=c.yml", "PARAM_FAIL_ON=warning", "PARAM_DEEPEN=0", "PARAM_DIRECTORY=sub", "PARAM_GITHUB_TOKEN=READ", "READ=secret", "CHANNEL=production"}, 3,
			slices.Concat([]string{"<check>", "<--stage>", "<pre-deploy>", "<--deploy-environment=production>", "<--deploy-component=a b>", "<--deploy-workflow=w>", "<--deployed-ref=v*>", "<--circleci-project=gh/a/b>",
				"<--circleci-token-env=CIRCLE_TOKEN>", "<--config=c.yml>", "<--fail-on=warning>", "<--deepen=false>"}, reports), "in " + work + "/sub\ntoken secret\n"},
		{"nothing in a parameter is run", []string{"PARAM_BASE=$(touch ran); `touch ran`"}, 0,
			slices.Concat([]string{"<check>", "<--stage>", "<pull-request>", "<--base=$(touch ran); `touch ran`>"}, reports), "in " + work + "\ntoken \n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			j.write("bin/pmcheck", says(test.status))
			j.write("bin/circleci", subst)
			if err := os.MkdirAll(filepath.Join(work, "sub"), 0o777); err != nil {
				t.Fatal(err)
			}
			status, out := j.run("check.sh", test.env...)
			if want := strings.Join(test.want, "\n") + "\n" + test.rest; status != test.status || out != want {
				t.Errorf("status %d, want %d\ngot\n%s\nwant\n%s", status, test.status, out, want)
			}
			if _, err := os.Stat(filepath.Join(work, "ran")); err == nil {
				t.Error("a parameter was run")
			}
		})
	}
}

func TestDeployNotifyScript(t *testing.T) {
	j := newJob(t)
	j.write("bin/circleci", subst)
	j.write("work/gate.json", "{}")
	for _, test := range []struct {
		name        string
		env         []string
		ends, want  int
		out, absent string
	}{
		{"passed", []string{"PARAM_JOB=passed", "PARAM_REPORTS=nowhere.json  gate.json *.json"}, 0, 0, "<deploy>\n<notify>\n<--outcome=passed>\n<--report=gate.json>\nin ", "nowhere"},
		{"failed, all of it", []string{"PARAM_JOB=failed", "PARAM_EVENT=fail", "PARAM_ENVIRONMENT=production", "PARAM_SERVICE=a b", "PARAM_NOTE=$(touch ran)", "PARAM_CHANNEL=$CHANNEL", "CHANNEL=#deploys"}, 0, 0,
			"<--outcome=failed>\n<--environment=production>\n<--service=a b>\n<--note=$(touch ran)>\n<--channel=#deploys>\nin ", "<--report"},
		{"rolled back", []string{"PARAM_JOB=passed", "PARAM_OUTCOME=rolled-back", "PARAM_EVENT=fail"}, 0, 0, "<--outcome=rolled-back>", ""},
		{"only failures", []string{"PARAM_JOB=passed", "PARAM_EVENT=fail"}, 0, 0, "nothing is said", "<notify>"},
		{"only passes", []string{"PARAM_JOB=passed", "PARAM_OUTCOME=rolled-back", "PARAM_EVENT=pass"}, 0, 0, "nothing is said", "<notify>"},
		{"Slack is down", []string{"PARAM_JOB=failed"}, 3, 0, "Slack was not told; the job goes on.", ""},
		{"Slack is down, which matters", []string{"PARAM_JOB=failed", "PARAM_IGNORE_ERRORS=false"}, 3, 3, "<notify>", "goes on"},
		{"CircleCI's 0 for false", []string{"PARAM_JOB=failed", "PARAM_IGNORE_ERRORS=0"}, 3, 3, "<notify>", "goes on"},
		{"wrong use", []string{"PARAM_JOB=failed"}, 2, 2, "<notify>", "goes on"},
		{"secrets by other names", []string{"PARAM_JOB=failed", "PARAM_SLACK_BOT_TOKEN=MINE", "MINE=xoxb", "PARAM_SLACK_WEBHOOK=HOOK", "HOOK=https"}, 0, 0, "bot xoxb, webhook https\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			program := says(test.ends)
			j.write("bin/pmcheck", strings.Replace(program, "\nexit", "\nprintf 'bot %s, webhook %s\\n' \"$SLACK_BOT_TOKEN\" \"$SLACK_WEBHOOK_URL\"\nexit", 1))
			status, out := j.run("deploy_notify.sh", test.env...)
			if status != test.want || !strings.Contains(out, test.out) || test.absent != "" && strings.Contains(out, test.absent) {
				t.Errorf("status %d, want %d\n%s", status, test.want, out)
			}
			if _, err := os.Stat(filepath.Join(j.dir, "work", "ran")); err == nil {
				t.Error("a parameter was run")
			}
		})
	}
}

func TestDeployScripts(t *testing.T) {
	j := newJob(t)
	work := filepath.Join(j.dir, "work")
	for _, test := range []struct {
		name, script string
		env          []string
		status       int
		want         []string
		record       string // the folder that is made
	}{
		{"endpoints", "deploy_health.sh", []string{"PARAM_URLS=https://a.example.com/$CHANNEL  https://b.example.com/*?q=1 ", "PARAM_TRIES=0", "PARAM_STABLE=10", "CHANNEL=production"}, 1,
			[]string{"deploy", "health", "--url=https://a.example.com/production", "--url=https://b.example.com/*?q=1", "--stable=10", "--format", "text", "--format", "json=pmcheck-deploy-health/health.json"}, "pmcheck-deploy-health"},
		{"endpoints of a file", "deploy_health.sh", []string{"PARAM_CONFIG=health.yml", "PARAM_INTERVAL=1s", "PARAM_TRIES=60", "PARAM_STABLE=0", "PARAM_RECORD_DIRECTORY=a/$CHANNEL", "CHANNEL=b"}, 3,
			[]string{"deploy", "health", "--config=health.yml", "--interval=1s", "--tries=60", "--format", "text", "--format", "json=a/b/health.json"}, "a/b"},
		{"status and body", "deploy_health.sh", []string{"PARAM_URLS=https://a.example.com", "PARAM_STATUS=200-299", `PARAM_BODY="status": "ok $(touch ran)"`}, 0,
			[]string{"deploy", "health", "--url=https://a.example.com", "--status=200-299", `--body="status": "ok $(touch ran)"`, "--format", "text", "--format", "json=pmcheck-deploy-health/health.json"}, "pmcheck-deploy-health"},
		{"a gate", "deploy_gate.sh", []string{"PARAM_CONFIG=gates/$CHANNEL.yml", "CHANNEL=orders"}, 1,
			[]string{"deploy", "gate", "--config=gates/orders.yml", "--format", "text", "--format", "json=pmcheck-deploy-gate/gate.json", "--format", "html=pmcheck-deploy-gate/gate.html"}, "pmcheck-deploy-gate"},
		{"a gate's record elsewhere", "deploy_gate.sh", []string{"PARAM_CONFIG=`touch ran`.yml", "PARAM_RECORD_DIRECTORY=my records"}, 3,
			[]string{"deploy", "gate", "--config=`touch ran`.yml", "--format", "text", "--format", "json=my records/gate.json", "--format", "html=my records/gate.html"}, "my records"},
	} {
		t.Run(test.name, func(t *testing.T) {
			j.write("bin/pmcheck", says(test.status))
			j.write("bin/circleci", subst)
			status, out := j.run(test.script, test.env...)
			if want := "<" + strings.Join(test.want, ">\n<") + ">\nin " + work + "\ntoken \n"; status != test.status || out != want {
				t.Errorf("status %d, want %d\ngot\n%s\nwant\n%s", status, test.status, out, want)
			}
			if info, err := os.Stat(filepath.Join(work, test.record)); err != nil || !info.IsDir() {
				t.Errorf("the folder of the record: %v", err)
			}
			if _, err := os.Stat(filepath.Join(work, "ran")); err == nil {
				t.Error("a parameter was run")
			}
		})
	}
}

// curl answers from the folder server, as the real one does with --fail.
const curl = `#!/bin/sh
while [ $# -gt 1 ]; do
	case $1 in --output) out=$2 ;; --max-time) echo "$2" >"$HOME/max-time" ;; esac
	shift
done
file=$HOME/server/${1#https://example.com/}
[ -f "$file" ] || { echo 'curl: (22) The requested URL returned error: 404' >&2; exit 22; }
cp "$file" "$out"
`

func TestInstallScript(t *testing.T) {
	osName, arch := runtime.GOOS, runtime.GOARCH
	if osName != "linux" && osName != "darwin" || arch != "amd64" && arch != "arm64" {
		t.Skipf("there are no releases for %s on %s", osName, arch)
	}
	// release puts a release of the number into the server's folder, with a checksum that may be another's.
	release := func(j *job, folder, number string, right bool) {
		archive := fmt.Sprintf("pmcheck_%s_%s_%s.tar.gz", number, osName, arch)
		at := filepath.Join(j.dir, "server", folder)
		if err := os.MkdirAll(at, 0o777); err != nil {
			j.t.Fatal(err)
		}
		j.write("pmcheck", "#!/bin/sh\necho pmcheck "+number+"\n")
		if out, err := exec.Command("tar", "-czf", filepath.Join(at, archive), "-C", j.dir, "pmcheck").CombinedOutput(); err != nil {
			j.t.Fatalf("%v\n%s", err, out)
		}
		content, err := os.ReadFile(filepath.Join(at, archive))
		if err != nil {
			j.t.Fatal(err)
		}
		if !right {
			content = append(content, 'x')
		}
		sums := fmt.Sprintf("%x  pmcheck_%s_plan9_386.tar.gz\n%x  %s\n", sha256.Sum256(nil), number, sha256.Sum256(content), archive)
		if err := os.WriteFile(filepath.Join(at, "checksums.txt"), []byte(sums), 0o666); err != nil {
			j.t.Fatal(err)
		}
	}
	const url = "PARAM_DOWNLOAD_URL=https://example.com/releases/download/"
	for _, test := range []struct {
		name   string
		set    func(j *job)
		env    []string
		status int
		want   string
	}{
		{"a release", func(j *job) { release(j, "releases/download/v1.2.3", "1.2.3", true) }, []string{"PARAM_VERSION=1.2.3"}, 0, "pmcheck 1.2.3\n"},
		{"the latest", func(j *job) { release(j, "releases/latest/download", "1.3.0", true) }, nil, 0, "pmcheck 1.3.0\n"},
		{"a wrong checksum", func(j *job) { release(j, "releases/download/v1.2.3", "1.2.3", false) }, []string{"PARAM_VERSION=v1.2.3"}, 1, "what was downloaded is not what was released"},
		{"another version", func(j *job) { release(j, "releases/download/v1.2.3", "1.2.4", true) }, []string{"PARAM_VERSION=v1.2.3"}, 1, "which is another version"},
		{"no archive for this machine", func(j *job) {
			release(j, "releases/download/v1.2.3", "1.2.3", true)
			j.write("server/releases/download/v1.2.3/checksums.txt", "")
		}, []string{"PARAM_VERSION=v1.2.3"}, 1, "the release v1.2.3 has no archive for " + osName},
		{"an archive that is not there", func(j *job) {
			release(j, "releases/download/v1.2.3", "1.2.3", true)
			if err := os.Remove(filepath.Join(j.dir, "server/releases/download/v1.2.3", fmt.Sprintf("pmcheck_1.2.3_%s_%s.tar.gz", osName, arch))); err != nil {
				j.t.Fatal(err)
			}
		}, []string{"PARAM_VERSION=v1.2.3"}, 1, "could not be downloaded from https://example.com/releases/download/v1.2.3 (curl: (22) The requested URL returned error: 404)"},
		{"no release: from source", nil, []string{"PARAM_VERSION=v1.2.3"}, 0, "so pmcheck is built from source\ngo install -trimpath github.com/pmcheck/pmcheck/cmd/pmcheck@v1.2.3\npmcheck from source\n"},
		{"from source as asked", nil, []string{"PARAM_VERSION=source"}, 0, "go install -trimpath github.com/pmcheck/pmcheck/cmd/pmcheck@latest\npmcheck from source\n"},
		{"no release, and not from source", nil, []string{"PARAM_VERSION=v1.2.3", "PARAM_BUILD_FROM_SOURCE=0"}, 1, "there is no release v1.2.3 at https://example.com/releases/download/v1.2.3 (curl: (22)"},
		{"what does not build", func(j *job) { j.write("bin/go", "#!/bin/sh\necho no >&2\nexit 1\n") }, nil, 1, "go install github.com/pmcheck/pmcheck/cmd/pmcheck@latest failed"},
		{"not a version", nil, []string{"PARAM_VERSION=v1/../../x"}, 1, "the parameter version is not a release such as v1.2.3, nor latest, nor source"},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := newJob(t)
			j.write("bin/curl", curl)
			j.write("bin/cc", "#!/bin/sh\n")
			j.write("bin/go", "#!/bin/sh\necho go \"$@\"\n[ \"$CGO_ENABLED\" = 1 ] || exit 1\nprintf '#!/bin/sh\\necho pmcheck from source\\n' >\"$GOBIN/pmcheck\"\n")
			if test.set != nil {
				test.set(j)
			}
			target := filepath.Join(j.dir, "tools")
			status, out := j.run("install.sh", slices.Concat([]string{url, "PARAM_INSTALL_PATH=" + target, "PARAM_DOWNLOAD_TIMEOUT=77"}, test.env)...)
			if status != test.status || !strings.Contains(out, test.want) {
				t.Errorf("status %d, want %d\ngot\n%s\nwant\n%s", status, test.status, out, test.want)
			}
			_, err := os.Stat(filepath.Join(target, "pmcheck"))
			if (err == nil) != (test.status == 0) {
				t.Errorf("the program: %v", err)
			}
			if left, err := os.ReadDir(filepath.Join(j.dir, "tmp")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
			if test.status == 0 { // the next step finds it
				env, err := os.ReadFile(filepath.Join(j.dir, "bash_env"))
				if err != nil || !bytes.Contains(env, []byte(`export PATH="`+target+`:$PATH"`)) {
					t.Errorf("BASH_ENV holds %q, %v", env, err)
				}
			}
			if seconds, err := os.ReadFile(filepath.Join(j.dir, "max-time")); err == nil && string(seconds) != "77\n" {
				t.Errorf("a download may take %q seconds", seconds)
			}
		})
	}
}
