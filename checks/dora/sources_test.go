package dora

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/checks/config"
)

// Where deployments are found: flags, then dora: deploys:, then deploy:; one of them alone, but for the project and the branch.
func TestConfigured(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags config.Deploys
		yaml  string
		want  string // way job/workflow/environment/tags project branch; "" = none
	}{
		{"nothing", config.Deploys{}, "", ""},
		{"a branch alone names no way", config.Deploys{Branch: "main"}, "deploy: {branch: x, environment: production}", ""},
		{"deploy", config.Deploys{}, "deploy: {job: ship, project: gh/a/b, branch: main}", "circleci ship///[] gh/a/b main"},
		{"deploy, by a glob of tags", config.Deploys{}, "deploy: {ref: 'v*'}", "tags ///[v*]  "},
		{"deploy, by a tag that moves", config.Deploys{}, "deploy: {ref: production}", ""},
		{"dora before deploy", config.Deploys{}, "deploy: {job: ship, project: gh/a/b}\ndora: {deploys: {workflow: release, branch: trunk}}", "circleci /release//[] gh/a/b trunk"},
		{"flags before all", config.Deploys{Tags: []string{"r*"}}, "deploy: {job: ship}\ndora: {deploys: {workflow: release}}", "tags ///[r*]  "},
		{"CircleCI where several are named", config.Deploys{}, "dora: {deploys: {tags: 'v*', environment: production, job: ship}}", "circleci ship//production/[v*]  "},
		{"from chooses", config.Deploys{}, "dora: {deploys: {from: github, tags: 'v*', environment: production, job: ship}}", "github ship//production/[v*]  "},
		{"from chooses in deploy too", config.Deploys{}, "deploy: {job: ship, ref: 'v*'}\ndora: {deploys: {from: circleci}}", "circleci ship///[]  "},
		{"from without a name", config.Deploys{}, "deploy: {job: ship}\ndora: {deploys: {from: github}}", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := config.Parse(".pmcheck.yml", []byte("version: 1\n"+tt.yaml), config.Known{})
			if err != nil {
				t.Fatal(err)
			}
			d, err := Configured(tt.flags, c)
			got := ""
			if err == nil {
				got = fmt.Sprintf("%s %s/%s/%s/[%s] %s %s", d.From, d.Job, d.Workflow, d.Environment, strings.Join(d.Tags, " "), d.Project, d.Branch)
			}
			if got != tt.want || (tt.want == "") != errors.Is(err, ErrNoSource) {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
		})
	}
}
