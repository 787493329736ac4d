package report

import (
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// Jenkins' schema, to which the two attributes of a case are added that CircleCI and GitLab read beside it.
func TestJUnitObeysItsSchema(t *testing.T) {
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		if os.Getenv("PMCHECK_REQUIRE_TOOLS") != "" {
			t.Fatal("xmllint is not in PATH: install libxml2-utils")
		}
		t.Skip("xmllint is not in PATH: Debian's libxml2-utils has it")
	}
	content, err := os.ReadFile(filepath.Join("testdata", "schemas", "junit-10.xsd"))
	if err != nil {
		t.Fatal(err)
	}
	const class = `<xs:attribute name="classname" type="xs:string"/>`
	if strings.Count(string(content), class) != 1 {
		t.Fatal("the schema has no case's classname to add to")
	}
	extended := strings.Replace(string(content), class, class+`<xs:attribute name="file" type="xs:string"/><xs:attribute name="line" type="xs:positiveInteger"/>`, 1)
	xsd := filepath.Join(t.TempDir(), "junit.xsd")
	if err := os.WriteFile(xsd, []byte(extended), 0o666); err != nil {
		t.Fatal(err)
	}
	valid := func(text string) error {
		c := exec.Command(lint, "--noout", "--nonet", "--schema", xsd, "-")
		c.Stdin = strings.NewReader(text)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Logf("%s", out)
		}
		return err
	}
	for name, r := range samples() {
		if err := valid(written(t, "junit", r, Options{})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if valid(strings.Replace(written(t, "junit", incident(), Options{}), `tests="`, `checks="`, 1)) == nil {
		t.Error("the schema takes an attribute that there is not")
	}
}

// What CircleCI, GitLab and Jenkins read of it: every case has a class, a name that is
// its own, and a time; the numbers of suites are those of their cases.
func TestJUnitAsRead(t *testing.T) {
	for name, r := range samples() {
		var read junitRead
		if err := xml.Unmarshal([]byte(written(t, "junit", r, Options{})), &read); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(read.Suites) == 0 || read.Tests == 0 {
			t.Errorf("%s: there is no case: CircleCI says that there are no test results", name)
		}
		seen := map[string]bool{}
		total := 0
		for _, s := range read.Suites {
			failures, errors, skipped := 0, 0, 0
			for _, c := range s.Cases {
				key := c.Class + "\x00" + c.Name
				if _, err := strconv.ParseFloat(c.Time, 64); err != nil || c.Class == "" || c.Name == "" || seen[key] {
					t.Errorf("%s: case %q %q %q", name, c.Class, c.Name, c.Time)
				}
				seen[key] = true
				failures, errors, skipped = failures+len(c.Failures), errors+len(c.Errors), skipped+len(c.Skipped)
			}
			if s.Tests != len(s.Cases) || s.Failures != failures || s.Errors != errors || s.Skipped != skipped {
				t.Errorf("%s: suite %s counts %d %d %d %d", name, s.Name, s.Tests, s.Failures, s.Errors, s.Skipped)
			}
			total += len(s.Cases)
		}
		if read.Tests != total {
			t.Errorf("%s: %d tests, want %d", name, read.Tests, total)
		}
	}
}

type junitRead struct {
	Tests  int `xml:"tests,attr"`
	Suites []struct {
		Name     string          `xml:"name,attr"`
		Tests    int             `xml:"tests,attr"`
		Failures int             `xml:"failures,attr"`
		Errors   int             `xml:"errors,attr"`
		Skipped  int             `xml:"skipped,attr"`
		Cases    []junitReadCase `xml:"testcase"`
	} `xml:"testsuite"`
}

type junitReadCase struct {
	Class    string   `xml:"classname,attr"`
	Name     string   `xml:"name,attr"`
	File     string   `xml:"file,attr"`
	Line     string   `xml:"line,attr"`
	Time     string   `xml:"time,attr"`
	Failures []string `xml:"failure"`
	Errors   []string `xml:"error"`
	Skipped  []struct {
		Message string `xml:"message,attr"`
	} `xml:"skipped"`
	Out string `xml:"system-out"`
}

func TestJUnitCases(t *testing.T) {
	outcomes := func(r *Result) map[string]string {
		var read junitRead
		if err := xml.Unmarshal([]byte(written(t, "junit", r, Options{})), &read); err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, s := range read.Suites {
			for _, c := range s.Cases {
				outcome := "passes"
				switch {
				case len(c.Errors) > 0:
					outcome = "error"
				case len(c.Failures) > 0:
					outcome = "fails"
				case len(c.Skipped) > 0:
					outcome, _, _ = strings.Cut(c.Skipped[0].Message, ",")
				case c.Out != "":
					outcome, _, _ = strings.Cut(c.Out, ":")
				}
				out[c.Class+" "+c.Name] = outcome
			}
		}
		return out
	}
	const up = "migrations/0003_drop.up.sql "
	want := map[string]string{
		"the change the check is complete": "passes", "the change guardrail-removed": "passes",
		up + "drops-data": "warning", up + "missing-lock-timeout": "warning", up + "no-enums": "passes", up + "old-code-breaks": "fails",
	}
	if diff := cmp.Diff(want, outcomes(samples()["incident"])); diff != "" {
		t.Errorf("incident (-want +got):\n%s", diff)
	}
	// What was not judged does not pass.
	const open = "the check is not complete"
	want = map[string]string{
		"the change the check is complete": "error", "the change guardrail-removed": open,
		up + "drops-data": "suppressed: kept in the archive", up + "missing-lock-timeout": open, up + "no-enums": open, up + "old-code-breaks": open,
	}
	if diff := cmp.Diff(want, outcomes(samples()["undone"])); diff != "" {
		t.Errorf("undone (-want +got):\n%s", diff)
	}
	// A way down is not judged: it has a case only for what is found there.
	r := samples()["incident"]
	f := dropsData()
	f.Location = facts.Place{Path: "migrations/0003_drop.down.sql", Line: 1}
	r.Findings = []Finding{f}
	if got := outcomes(r)["migrations/0003_drop.down.sql drops-data"]; got != "warning" {
		t.Errorf("the way down's case %s", got)
	}
}
