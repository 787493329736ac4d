package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestDeployRollbackScript(t *testing.T) {
	j := newJob(t)
	work := filepath.Join(j.dir, "work")
	record := func(name string) []string {
		return []string{"<--format>", "<text>", "<--format=json=" + work + "/" + name + ">"}
	}
	for _, test := range []struct {
		name   string
		env    []string
		status int
		want   []string
		dir    string
	}{
		{"the last run again", []string{"PARAM_DEPLOY_JOB=deploy", "PARAM_FROM=HEAD", "PARAM_TO=<nil>"}, 0,
			slices.Concat([]string{"<deploy>", "<rollback>", "<--by=rerun>", "<--from=HEAD>", "<--deploy-job=deploy>", "<--circleci-token-env=CIRCLE_TOKEN>", "<--timeout=1800s>"}, record("pmcheck-reports/rollback.json")), ""},
		{"a pipeline", []string{"PARAM_BY=pipeline", "PARAM_TO=v1", "PARAM_DEPLOY_ENVIRONMENT=$CHANNEL", "PARAM_DEPLOY_COMPONENT=a b", "PARAM_DEPLOY_WORKFLOW=w", "PARAM_DEPLOY_BRANCH=main", "PARAM_DEPLOYED_REF=v*", "PARAM_CIRCLECI_PROJECT=gh/a/b",
			"PARAM_CIRCLECI_TOKEN=MY_TOKEN", "PARAM_PIPELINE_DEFINITION=d", "PARAM_PIPELINE_BRANCH=b", "PARAM_PIPELINE_TAG={version}", "PARAM_PIPELINE_PARAMETERS=to={commit}\n\nquick:=true\n", "PARAM_REASON=it's slow", "PARAM_FORCE=1", "PARAM_DRY_RUN=true",
			"PARAM_ROLLBACK_TIMEOUT=60", "PARAM_DIRECTORY=sub", "PARAM_RECORD=out/r.json", "CHANNEL=production"}, 3,
			slices.Concat([]string{"<deploy>", "<rollback>", "<--by=pipeline>", "<--to=v1>", "<--deploy-environment=production>", "<--deploy-component=a b>", "<--deploy-workflow=w>", "<--deploy-branch=main>", "<--deployed-ref=v*>", "<--circleci-project=gh/a/b>",
				"<--circleci-token-env=MY_TOKEN>", "<--pipeline-definition=d>", "<--pipeline-branch=b>", "<--pipeline-tag={version}>", "<--reason=it's slow>", "<--parameter=to={commit}>", "<--parameter=quick:=true>", "<--force>", "<--dry-run>",
				"<--timeout=60s>"}, record("out/r.json")), "/sub"},
		{"a command is for pmcheck to run", []string{"PARAM_BY=command", "PARAM_FORCE=0", "PARAM_DRY_RUN=false", "PARAM_COMMAND=touch ran; ./deploy.sh $PMCHECK_TO"}, 1,
			slices.Concat([]string{"<deploy>", "<rollback>", "<--by=command>", "<--circleci-token-env=CIRCLE_TOKEN>", "<--timeout=1800s>"}, record("pmcheck-reports/rollback.json"), []string{"<-->", "<bash>", "<-eo>", "<pipefail>", "<-c>", "<touch ran; ./deploy.sh $PMCHECK_TO>"}), ""},
		{"nothing in a parameter is run", []string{"PARAM_REASON=$(touch ran)", "PARAM_PIPELINE_PARAMETERS=a=`touch ran`"}, 0,
			slices.Concat([]string{"<deploy>", "<rollback>", "<--by=rerun>", "<--circleci-token-env=CIRCLE_TOKEN>", "<--reason=$(touch ran)>", "<--parameter=a=`touch ran`>", "<--timeout=1800s>"}, record("pmcheck-reports/rollback.json")), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			j.write("bin/pmcheck", says(test.status))
			j.write("bin/circleci", subst)
			if err := os.MkdirAll(filepath.Join(work, "sub"), 0o777); err != nil {
				t.Fatal(err)
			}
			status, out := j.run("deploy_rollback.sh", test.env...)
			if want := strings.Join(test.want, "\n") + "\nin " + work + test.dir + "\ntoken \n"; status != test.status || out != want {
				t.Errorf("status %d, want %d\ngot\n%s\nwant\n%s", status, test.status, out, want)
			}
			if _, err := os.Stat(filepath.Join(work, "ran")); err == nil {
				t.Error("a parameter was run")
			}
		})
	}
}
