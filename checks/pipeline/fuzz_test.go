package pipeline

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// seeds gives a fuzzer the files of the examples whose path begins so.
func seeds(f *testing.F, prefix string) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasPrefix(file.Name, prefix) {
				f.Add(string(file.Data))
			}
		}
	}
}

// isSound holds what is read of any file to what its readers rely on.
func isSound(t *testing.T, p Pipeline) {
	t.Helper()
	for _, provider := range p.Providers {
		for _, problem := range provider.Problems {
			if problem.Path == "" || problem.Line < 1 || problem.Message == "" || strings.ContainsAny(problem.Message, "\x00\x1b") {
				t.Errorf("problem %+v", problem)
			}
		}
		for _, w := range provider.Workflows {
			if w.Place.Path == "" || w.Place.Line < 1 {
				t.Errorf("workflow %q at %+v", w.Name, w.Place)
			}
			if len(w.Jobs) > 2*maxJobs {
				t.Errorf("%d jobs", len(w.Jobs))
			}
			for _, j := range w.Jobs {
				for _, d := range j.Does {
					if d.Place.Path == "" || d.Place.Line < 1 || d.Step < 0 || d.Runs == "" {
						t.Errorf("job %q does %+v", j.Name, d)
					}
				}
			}
		}
	}
}

func FuzzCircleCI(f *testing.F) {
	seeds(f, ".circleci/")
	f.Add("version: 2.1\ncommands: {a: {steps: [a, a, a]}}\njobs: {b: {steps: [a]}}\nworkflows: {w: {jobs: [b: {matrix: {parameters: {x: [1, 2]}}}]}}")
	f.Add("jobs: &a {deploy: {steps: [run: \"<< parameters.x >>\"], parameters: {x: {default: \"<< parameters.x >>\"}}}}\nworkflows: {w: {jobs: [deploy: {x: \"<<matrix.x>><<matrix.x>>\"}]}}")
	f.Fuzz(func(t *testing.T, text string) {
		isSound(t, Read(memory{circleConfig: text, ".circleci/more.yml": text, "deploy.sh": "helm upgrade"}, Options{}))
	})
}

func FuzzGitHub(f *testing.F) {
	seeds(f, ".github/")
	f.Add("on: workflow_call\njobs: {a: {uses: ./.github/workflows/b.yml}, b: {needs: [a, b], uses: ./.github/workflows/b.yml}}")
	f.Add("runs: {using: composite, steps: [{uses: ./.github/actions/a}, {uses: ./}]}\non: push\njobs: {a: {steps: [{uses: ./.github/actions/a}]}}")
	f.Fuzz(func(t *testing.T, text string) {
		isSound(t, Read(memory{
			".github/workflows/a.yml": text, ".github/workflows/b.yml": text, ".github/actions/a/action.yml": text, "action.yml": text,
		}, Options{}))
	})
}

func FuzzScript(f *testing.F) {
	seeds(f, "scripts/")
	for _, script := range []string{"bash -c 'ssh h \"kubectl apply\"'", "sudo env A=b timeout 5 x -- y", "${a:-$(b `c`)} || true", "if if if (((", "a <<E\nb\nE\n", "$", "=", "ssh"} {
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script string) {
		last := strings.Count(script, "\n")
		for _, c := range commands(script) {
			if len(c.words) == 0 || c.line < 0 || c.line > 2*last {
				t.Errorf("%+v of %d lines", c, last)
			}
			c.doing()
			c.targets()
			c.script()
		}
	})
}
