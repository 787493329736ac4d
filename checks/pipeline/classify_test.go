package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// found lists what commands are for, in the order of the script.
func foundIn(script string) []string {
	var out []string
	for _, c := range commands(script) {
		f := c.doing()
		kinds := make([]string, 0, len(f.does)+1)
		for _, k := range f.does {
			kinds = append(kinds, string(k))
		}
		if f.where != "" {
			kinds = append(kinds, f.where)
		}
		if len(kinds) > 0 {
			text := strings.Join(kinds, "+")
			if c.tolerated {
				text += " tolerated"
			}
			out = append(out, fmt.Sprintf("%d: %s", c.line+1, text))
		}
	}
	return out
}

func TestCommands(t *testing.T) {
	tests := []struct {
		script string
		want   []string
	}{
		{"kubectl apply -f k8s", []string{"1: deploy"}},
		{"kubectl --context prod -n shop rollout undo deployment/shop", []string{"1: rollback"}},
		{"set -e\nif true; then\n  sudo -E helm upgrade --install shop ./c \\\n    --atomic\nfi", []string{"3: deploy+health-check+rollback"}},
		{"echo \"kubectl apply\" # helm upgrade\ncat <<E\nhelm upgrade\nE", nil},
		{"kubectl apply -f k8s --dry-run=server\nhelm upgrade shop ./c --dry-run", nil},
		{"helm upgrade --wait shop ./c", []string{"1: deploy+health-check"}},
		{"terraform plan\nterraform -chdir=infra apply -auto-approve plan.out", []string{"2: deploy"}},
		{"terraform apply -destroy", nil},
		{"A=1 aws --region eu-west-1 ecs update-service --service x && aws ecs wait services-stable --services x", []string{"1: deploy", "1: health-check"}},
		{"aws deploy create-deployment --deployment-config-name CodeDeployDefault.ECSCanary10Percent5Minutes", []string{"1: deploy+canary"}},
		{"gcloud run deploy shop --no-traffic\ngcloud run services update-traffic shop --to-revisions LATEST=10", []string{"1: deploy+health-check+canary", "2: canary"}},
		{"git push https://git.heroku.com/$APP.git main", []string{"1: deploy"}},
		{"git push origin main", nil},
		{"cf push app --no-route --task", nil},
		{"cf push app --strategy rolling", []string{"1: deploy+health-check+rollback"}},
		{"flyctl deploy --detach\nfly deploy --strategy canary", []string{"1: deploy", "2: deploy+health-check+canary"}},
		{"npx serverless deploy --stage prod", []string{"1: deploy+rollback"}},
		{"bundle exec cap production deploy", []string{"1: deploy"}},
		{"aws-vault exec prod -- kubectl apply -f x", []string{"1: deploy"}},
		{"ssh deploy@host 'cd /srv && docker stack deploy -c a.yml shop'", []string{"1: deploy"}},
		{"bash -ec 'helm rollback shop'", []string{"1: rollback"}},
		{"mvn -B deploy", []string{"1: package"}},
		{"npm publish\ndocker push x\naws s3 sync a s3://b\nnetlify deploy --prod", []string{"1: package", "2: package", "3: static", "4: static"}},
		{"ansible-playbook -i prod deploy.yml", []string{"1: deploy"}},
		{"ansible-playbook lint.yml", nil},

		{"pmcheck", []string{"1: check"}},
		{"pmcheck check --stage pre-deploy", []string{"1: check"}},
		{"pmcheck --repo . --format json", []string{"1: check"}},
		{"pmcheck check || true", []string{"1: check tolerated"}},
		{"pmcheck check || exit 1", []string{"1: check"}},
		{"pmcheck rules\npmcheck --version\npmcheck lint a.sql", nil},
		{"go run github.com/pmcheck/pmcheck/cmd/pmcheck@latest check", []string{"1: check"}},
		{"docker run --rm -v $PWD:/src ghcr.io/pmcheck/pmcheck:1 check", []string{"1: check"}},

		{"curl -f https://shop.example.com/healthz", []string{"1: health-check"}},
		{"for i in 1 2 3; do curl --fail \"$URL/health\" && break; done", []string{"1: health-check"}},
		{"curl -f http://localhost:8080/health", nil},
		{"curl https://api.github.com/repos/a/b/status", nil},
		{"curl -d x $SLACK_WEBHOOK_URL\ncurl https://hooks.slack.com/services/T/B/x -d y", []string{"1: notification", "2: notification"}},
		{"curl -X POST \"https://api.render.com/deploy/srv-1?key=$KEY\"", []string{"1: deploy"}},
		{"curl \"$RENDER_DEPLOY_HOOK\"", []string{"1: deploy"}},
		{"New-Item x; kubectl apply -f (Join-Path", []string{"1: deploy"}}, // no shell script
	}
	for _, tt := range tests {
		if got := foundIn(tt.script); !slices.Equal(got, tt.want) {
			t.Errorf("%s\n  got  %q\n  want %q", tt.script, got, tt.want)
		}
	}
}

func TestDeploysByName(t *testing.T) {
	for _, name := range []string{
		"deploy", "Deploy to production", "deploy-prod", "prod_deploy", "deployToProd", "autodeploy_prod", "build-and-deploy", "test & deploy", "promote-to-production",
		"release-production", "rollout", "production deployment", "deploy-to-test",
	} {
		if !deploysByName(name) {
			t.Errorf("%s names no deploy", name)
		}
	}
	for _, name := range []string{
		"test", "deploy-docs", "Deploy documentation", "deploy-gh-pages", "deploy-storybook", "deploy-npm", "deploy-package", "deploy-snapshot", "test-deploy", "verify-deployment",
		"pre-deploy", "post-deploy", "deploy-preview", "notify-deploy", "rollback-deploy", "cleanup-deployments", "should-deploy", "release", "release-notes", "destroy-deployment",
		"hold-deploy", "deploy-contracts", "developer",
	} {
		if deploysByName(name) {
			t.Errorf("%s names a deploy", name)
		}
	}
}

func TestEnvironments(t *testing.T) {
	for name, want := range map[string]string{
		"deploy-prod": Production, "PRODUCTION": Production, "deploy_prd_app": Production, "deploy-staging": Staging, "preprod": Staging, "pre-prod": Staging, "non-prod": Staging,
		"deploy-uat": Staging, "review-app": Preview, "pr-deploy": Preview, "deploy": "", "products": "", "deliver": "",
	} {
		if got := environmentOf(name); got != want {
			t.Errorf("%s goes to %q, want %q", name, got, want)
		}
	}
}

func TestElements(t *testing.T) {
	tests := []struct {
		name string
		with map[string]string
		want string
	}{
		{"pmcheck/pmcheck", nil, "check"},
		{"pmcheck/pmcheck/pre_deploy", nil, "check"},
		{"pmcheck/pmcheck/install", nil, ""},
		{"aws-actions/amazon-ecs-deploy-task-definition", nil, "deploy"},
		{"aws-actions/amazon-ecs-deploy-task-definition", map[string]string{"wait-for-service-stability": "true"}, "deploy+health-check"},
		{"aws-actions/amazon-ecs-render-task-definition", nil, ""},
		{"circleci/aws-ecs/deploy_service_update", map[string]string{"enable-circuit-breaker": "true"}, "deploy+health-check+rollback"},
		{"circleci/aws-s3/deploy", nil, "static"},
		{"actions/deploy-pages", nil, "static"},
		{"JamesIves/github-pages-deploy-action", nil, "static"},
		{"pypa/gh-action-pypi-publish", nil, "package"},
		{"mbta/actions/deploy-ecs", nil, "deploy by name"},
		{"acme/platform/.github/workflows/deploy.yml", nil, "deploy by name"},
		{"acme/platform/.github/workflows/docker-push.yml", nil, "package by name"},
		{"actions/checkout", nil, ""},
		{"bobheadxi/deployments", nil, ""},
		{"superfly/flyctl-actions", map[string]string{"args": "deploy --remote-only"}, "deploy+health-check"},
		{"cloudflare/wrangler-action", map[string]string{"command": "pages deploy dist"}, "static"},
		{"slackapi/slack-github-action", nil, "notification"},
		{"jtalk/url-health-check-action", nil, "health-check"},
		{"circleci/kubernetes/rollback", nil, "rollback"},
	}
	for _, tt := range tests {
		f, inWords := element{tt.name, tt.with}.doing()
		var kinds []string
		for _, k := range f.does {
			kinds = append(kinds, string(k))
		}
		if f.where != "" {
			kinds = append(kinds, f.where)
		}
		got := strings.Join(kinds, "+")
		if inWords && got != "" {
			got += " by name"
		}
		if got != tt.want {
			t.Errorf("%s %v: got %q, want %q", tt.name, tt.with, got, tt.want)
		}
	}
}

func TestRunsIf(t *testing.T) {
	for condition, want := range map[string]string{
		"":                             OnSuccess,
		"github.ref == 'refs/heads/x'": OnSuccess,
		"failure()":                    OnFailure,
		"${{ failure() }}":             OnFailure,
		"always()":                     Always,
		"${{ !cancelled() }}":          Always,
		"success() || failure()":       Always,
		"!failure() && !cancelled()":   OnSuccess,
		"always() && needs.a.result == 'failure'":         OnFailure,
		"always() && contains(needs.*.result, 'failure')": OnFailure,
		"always() && needs.a.result == 'success'":         Always,
		"needs.a.result == 'failure'":                     OnSuccess, // it never runs then
		"cancelled()":                                     OnFailure,
	} {
		if got, _ := runsIf(condition); got != want {
			t.Errorf("%q runs on %s, want %s", condition, got, want)
		}
	}
	if _, never := runsIf("${{ false }}"); !never {
		t.Error("if: false runs")
	}
}

// What a project says of its jobs counts more than what they look like.
func TestOptions(t *testing.T) {
	files := memory{".github/workflows/cd.yml": "on: push\njobs:\n" +
		"  ship-eu: {steps: [{run: ./eu}]}\n  deploy: {steps: [{run: kubectl apply -f x}]}\n  gate: {steps: [{run: ./gate}]}\n"}
	p := Read(files, Options{Ignore: []string{"dep*"}, Jobs: map[Kind][]string{Deploy: {"SHIP-*"}, Check: {"gate"}}})
	got := outline(p)
	for _, want := range []string{"deploy step 0 success chosen cd.yml:3", "check step 0 success chosen cd.yml:5"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if strings.Contains(got, "kubectl") {
		t.Errorf("a job that is no deploy is one:\n%s", got)
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"deploy", "Deploy", true}, {"deploy", "deploy-eu", false}, {"deploy-*", "deploy-eu", true}, {"*-deploy", "eu-deploy", true}, {"*/deploy", "aws/ecs/deploy", true},
		{"a*b*c", "axxbyyc", true}, {"a*b*c", "axxcyyb", false}, {"a*a", "a", false},
	} {
		if got := matches(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%s matches %s: %v", tt.pattern, tt.name, got)
		}
	}
}

// Nothing of these may take long, or be read to its end.
func TestHostile(t *testing.T) {
	wide := strings.Repeat("a, ", 300)
	files := memory{
		circleConfig: "version: 2.1\ncommands:\n  a: {steps: [" + wide + "b]}\n  b: {steps: [" + wide + "a]}\njobs:\n  deploy:\n    parameters: {x: {default: " +
			strings.Repeat("<<parameters.x>>", 500) + "}}\n    steps: [a, run: " + strings.Repeat("<<parameters.x>>", 500) + "]\nworkflows: {w: {jobs: [deploy: {matrix: {parameters: {p: [" +
			strings.Repeat("1, ", 200) + "2], q: [" + strings.Repeat("1, ", 200) + "2]}}}]}}\n",
		".github/workflows/a.yml": "on: push\njobs: {" + strings.Repeat("x: {}, ", 10) + "a: {uses: ./.github/workflows/a.yml}, b: {needs: a, uses: ./.github/workflows/a.yml}}\n",
		".github/workflows/b.yml": "on: push\njobs: {a: {steps: [run: \"" + strings.Repeat("(", 100_000) + "\"]}}\n",
	}
	isSound(t, Read(files, Options{}))
}

func BenchmarkRead(b *testing.B) {
	var jobs, names strings.Builder
	for i := range 60 {
		fmt.Fprintf(&jobs, "  job-%d:\n    docker: [{image: base}]\n    steps:\n      - checkout\n      - run: |\n          set -e\n          make build-%d\n          ./scripts/x.sh | tee log\n      - run: kubectl apply -f %d\n", i, i, i)
		fmt.Fprintf(&names, "      - job-%d: {requires: [job-%d]}\n", i, max(0, i-1))
	}
	files := memory{circleConfig: "version: 2.1\njobs:\n" + jobs.String() + "workflows:\n  main:\n    jobs:\n" + names.String()}
	for b.Loop() {
		Read(files, Options{})
	}
}
