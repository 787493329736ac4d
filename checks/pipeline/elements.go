package pipeline

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// element is what a step or a job takes from elsewhere: an action of GitHub
// ("owner/repository/path"), an element of an orb ("namespace/orb/element").
type element struct {
	name string
	with map[string]string // its inputs or parameters, names in lower case with "-" for "_"
}

// known is what elements are known to do: patterns in which "*" stands for any
// text, the first that fits counts.
var known = []struct {
	pattern string
	with    map[string]string // inputs that must have such a value ("*" = any but none and false)
	does    []Kind
	where   string
}{
	{pattern: "pmcheck/pmcheck/install"},
	{pattern: "pmcheck/pmcheck/*", does: []Kind{Check}}, // orb jobs and commands
	{pattern: "pmcheck/pmcheck", does: []Kind{Check}},   // the action

	// Marks of a deploy, and what looks like one.
	{pattern: "chrnorm/*"}, {pattern: "bobheadxi/deployments"}, {pattern: "actions/create-*"}, {pattern: "actions/upload-*"}, {pattern: "actions/download-*"},
	{pattern: "circleci/orb-tools/*"}, {pattern: "circleci/path-filtering/*"}, {pattern: "circleci/continuation/*"}, {pattern: "getsentry/*"}, {pattern: "sentry/*"},
	{pattern: "mathieu-bour/*"}, {pattern: "strumwolf/delete-deployment-environment"}, {pattern: "step-security/*"},

	// Amazon
	{pattern: "aws-actions/amazon-ecs-deploy-task-definition", with: map[string]string{"codedeploy-appspec": "*", "wait-for-service-stability": "true"}, does: []Kind{Deploy, HealthCheck, Canary}},
	{pattern: "aws-actions/amazon-ecs-deploy-task-definition", with: map[string]string{"wait-for-service-stability": "true"}, does: watched},
	{pattern: "aws-actions/amazon-ecs-deploy-task-definition", does: deploys},
	{pattern: "aws-actions/aws-cloudformation-github-deploy", does: undone}, {pattern: "aws-actions/aws-lambda-deploy", does: deploys},
	{pattern: "einaregilsson/beanstalk-deploy", does: deploys},
	{pattern: "circleci/aws-ecs/deploy-service-update", with: map[string]string{"enable-circuit-breaker": "true"}, does: careful},
	{pattern: "circleci/aws-ecs/update-service", with: map[string]string{"enable-circuit-breaker": "true"}, does: careful},
	{pattern: "circleci/aws-ecs/deploy-service-update", with: map[string]string{"deployment-controller": "CODE_DEPLOY"}, does: []Kind{Deploy, Canary}},
	{pattern: "circleci/aws-ecs/update-service", with: map[string]string{"deployment-controller": "CODE_DEPLOY"}, does: []Kind{Deploy, Canary}},
	{pattern: "circleci/aws-ecs/deploy-service-update", with: map[string]string{"verify-revision-is-deployed": "true"}, does: watched},
	{pattern: "circleci/aws-ecs/update-service", with: map[string]string{"verify-revision-is-deployed": "true"}, does: watched},
	{pattern: "circleci/aws-ecs/deploy-service-update", does: deploys}, {pattern: "circleci/aws-ecs/update-service", does: deploys},
	{pattern: "circleci/aws-ecs/verify-revision-is-deployed", does: []Kind{HealthCheck}},
	{pattern: "circleci/aws-code-deploy/deploy*", with: map[string]string{"deployment-config": "*Canary*"}, does: []Kind{Deploy, Canary}},
	{pattern: "circleci/aws-code-deploy/deploy*", does: deploys}, {pattern: "circleci/aws-elastic-beanstalk/deploy", does: deploys},
	{pattern: "circleci/aws-eks/update-container-image", does: deploys}, {pattern: "circleci/aws-serverless/deploy", does: undone},
	{pattern: "circleci/aws-s3/*", where: isStatic}, {pattern: "jakejarvis/s3-sync-action", where: isStatic}, {pattern: "circleci/aws-ecr/*", where: isPackage},

	// Kubernetes
	{pattern: "circleci/kubernetes/rollback*", does: []Kind{Rollback}}, {pattern: "circleci/kubernetes/get-rollout-status", does: []Kind{HealthCheck}},
	{pattern: "circleci/kubernetes/create-or-update-resource", with: map[string]string{"get-rollout-status": "true"}, does: watched},
	{pattern: "circleci/kubernetes/create-or-update-resource", does: deploys}, {pattern: "circleci/kubernetes/update-container-image", does: deploys},
	{pattern: "circleci/helm/upgrade-helm-chart", with: map[string]string{"atomic": "true"}, does: careful}, {pattern: "circleci/helm/upgrade-helm-chart", with: map[string]string{"wait": "true"}, does: watched},
	{pattern: "circleci/helm/upgrade-helm-chart", does: deploys}, {pattern: "circleci/helm/rollback*", does: []Kind{Rollback}}, {pattern: "circleci/argocd/*sync*", does: deploys},
	{pattern: "azure/k8s-deploy", with: map[string]string{"strategy": "canary"}, does: []Kind{Deploy, HealthCheck, Canary}}, {pattern: "azure/k8s-deploy", does: watched},
	{pattern: "helm/chart-*", where: isPackage}, {pattern: "stefanprodan/*"},

	// Others
	{pattern: "circleci/gcp-cloud-run/deploy", does: watched}, {pattern: "google-github-actions/deploy-cloudrun", with: map[string]string{"no-traffic": "true"}, does: []Kind{Deploy, HealthCheck, Canary}},
	{pattern: "google-github-actions/deploy-cloudrun", does: watched}, {pattern: "google-github-actions/deploy-appengine", does: watched}, {pattern: "google-github-actions/deploy-cloud-functions", does: watched},
	{pattern: "azure/webapps-deploy", with: map[string]string{"slot-name": "*"}, does: []Kind{Deploy, Canary}}, {pattern: "azure/webapps-deploy", does: deploys}, {pattern: "azure/functions-action", does: deploys},
	{pattern: "azure/container-apps-deploy-action", does: deploys}, {pattern: "azure/static-web-apps-deploy", where: isStatic}, {pattern: "azure/aci-deploy", does: deploys},
	{pattern: "circleci/heroku/deploy*", does: deploys}, {pattern: "akhileshns/heroku-deploy", with: map[string]string{"healthcheck": "*", "rollbackonhealthcheckfailed": "true"}, does: careful},
	{pattern: "akhileshns/heroku-deploy", with: map[string]string{"healthcheck": "*"}, does: watched}, {pattern: "akhileshns/heroku-deploy", does: deploys},
	{pattern: "digitalocean/app-action*", does: deploys}, {pattern: "digitalocean/app_action*", does: deploys}, {pattern: "deployphp/action", does: deploys},
	{pattern: "johnbeynon/render-deploy-action", does: deploys}, {pattern: "amondnet/vercel-action", with: map[string]string{"vercel-args": "*--prod*"}, does: deploys},
	{pattern: "amondnet/vercel-action"}, {pattern: "nomad/*deploy*", does: deploys}, {pattern: "nais/deploy/actions/deploy", does: watched},

	// No service
	{pattern: "actions/deploy-pages", where: isStatic}, {pattern: "peaceiris/actions-gh-pages", where: isStatic}, {pattern: "jamesives/github-pages-deploy-action", where: isStatic},
	{pattern: "crazy-max/ghaction-github-pages", where: isStatic}, {pattern: "*gh-pages*", where: isStatic}, {pattern: "*github-pages*", where: isStatic}, {pattern: "cloudflare/pages-action", where: isStatic},
	{pattern: "firebaseextended/action-hosting-deploy", where: isStatic}, {pattern: "w9jds/firebase-action", where: isStatic}, {pattern: "*netlify*", where: isStatic}, {pattern: "actions/upload-pages-artifact", where: isStatic},
	{pattern: "pypa/gh-action-pypi-publish", where: isPackage}, {pattern: "js-devtools/npm-publish", where: isPackage}, {pattern: "softprops/action-gh-release", where: isPackage},
	{pattern: "changesets/action", where: isPackage}, {pattern: "goreleaser/goreleaser-action", where: isPackage}, {pattern: "ncipollo/release-action", where: isPackage},
	{pattern: "googleapis/release-please-action", where: isPackage}, {pattern: "google-github-actions/release-please-action", where: isPackage}, {pattern: "cycjimmy/semantic-release-action", where: isPackage},
	{pattern: "docker/*"}, {pattern: "circleci/docker/*", where: isPackage}, {pattern: "r0adkll/upload-google-play", where: isPackage},

	// Telling people
	{pattern: "circleci/slack/on-hold"}, {pattern: "circleci/slack/status", does: []Kind{Notification}}, {pattern: "circleci/slack/*", does: []Kind{Notification}},
	{pattern: "slackapi/slack-github-action*", does: []Kind{Notification}}, {pattern: "8398a7/action-slack", does: []Kind{Notification}}, {pattern: "rtcamp/action-slack-notify", does: []Kind{Notification}},
	{pattern: "act10ns/slack", does: []Kind{Notification}}, {pattern: "*teams-notif*", does: []Kind{Notification}}, {pattern: "*microsoft-teams*", does: []Kind{Notification}}, {pattern: "*ms-teams*", does: []Kind{Notification}},
	{pattern: "sarisia/actions-status-discord", does: []Kind{Notification}}, {pattern: "dawidd6/action-send-mail", does: []Kind{Notification}}, {pattern: "appleboy/telegram-action", does: []Kind{Notification}},
	{pattern: "appleboy/discord-action", does: []Kind{Notification}}, {pattern: "ilshidur/action-*", does: []Kind{Notification}}, {pattern: "*pagerduty*", does: []Kind{Notification}},

	// Looking whether it works
	{pattern: "*health-check*", does: []Kind{HealthCheck}}, {pattern: "*healthcheck*", does: []Kind{HealthCheck}}, {pattern: "*wait-for-response*", does: []Kind{HealthCheck}}, {pattern: "*wait_for_response*", does: []Kind{HealthCheck}},
	{pattern: "nobari/wait-for/*", does: []Kind{HealthCheck}}, {pattern: "*smoke-test*", does: []Kind{HealthCheck}}, {pattern: "cygnetdigital/wait_for_response", does: []Kind{HealthCheck}},
}

// plain are elements that every kind of job has.
var plain = regexp.MustCompile(`^(actions|docker|ruby|pnpm|oven-sh|astral-sh|dtolnay|swatinem|rust-lang|hashicorp/setup-|azure/(login|setup-)|google-github-actions/(auth|setup-|get-)|aws-actions/(configure-|amazon-ecr-login|amazon-ecs-render)|superfly/flyctl-actions/setup|circleci/(node|python|ruby|go|aws-cli|gcp-cli|jq|browser-tools|docker|github-cli))(/|$|[a-z-]*$)`)

// doing is what an element does. inWords tells that only its name says so.
func (e element) doing() (f found, inWords bool) {
	name := strings.ToLower(strings.ReplaceAll(e.name, "_", "-"))
	for _, k := range known {
		if !matches(k.pattern, name) && !matches(k.pattern, strings.ToLower(e.name)) {
			continue
		}
		if fits(e.with, k.with) {
			return found{does: k.does, where: k.where, why: e.name}, false
		}
	}
	if strings.HasPrefix(name, "cloudflare/wrangler-action") {
		command := e.with["command"]
		if strings.Contains(command, "pages") {
			return found{where: isStatic, why: e.name}, false
		}
		if command == "" || strings.Contains(command, "deploy") && !strings.Contains(command, "--dry-run") {
			return found{does: deploys, why: e.name}, false
		}
		return found{}, false
	}
	// Actions that are a program with its arguments.
	for _, program := range []string{"flyctl", "kubectl", "serverless", "helm", "terraform", "terragrunt", "heroku", "railway", "cf"} {
		is := strings.Contains(name, program) && program != "cf" || program == "cf" && strings.HasPrefix(name, "cloud-gov/cg-cli-tools")
		if args := e.with["args"] + " " + e.with["command"] + " " + e.with["cf-command"]; is && strings.TrimSpace(args) != "" {
			args = strings.TrimPrefix(strings.TrimSpace(args), program+" ")
			for _, c := range commands(program + " " + args) {
				if f := c.doing(); len(f.does) > 0 || f.where != "" {
					f.why = e.name + ": " + f.why
					return f, false
				}
			}
			return found{}, false
		}
	}
	if plain.MatchString(name) {
		return found{}, false
	}
	called := e.called()
	if deploysByName(called) {
		return found{does: deploys, why: e.name}, true
	}
	if w := words(called); slices.Contains(w, "push") || slices.Contains(w, "publish") || slices.Contains(w, "upload") {
		return found{where: isPackage, why: e.name}, true
	}
	if kind := otherByName(called); kind != "" {
		return found{does: []Kind{kind}, why: e.name}, true
	}
	return found{}, true
}

// notifies tells that an input switches messages on ("slack_notification: true").
func (e element) notifies() bool {
	for name, value := range e.with {
		if w := words(name); value != "" && value != "false" && (slices.Contains(w, "notification") || slices.Contains(w, "notify") || slices.Contains(w, "slack")) {
			return true
		}
	}
	return false
}

// called is the part of an element's name that says what it does: the last one, with
// what stands before it where that alone says little.
func (e element) called() string {
	parts := strings.Split(e.name, "/")
	last := parts[len(parts)-1]
	last = strings.TrimSuffix(strings.TrimSuffix(last, ".yml"), ".yaml")
	if len(parts) > 1 && slices.Contains([]string{"action", "run", "job", "main", "deploy", "build", "release", "workflow"}, strings.ToLower(last)) {
		return path.Base(strings.Join(parts[:len(parts)-1], "/")) + " " + last
	}
	return last
}

func fits(with, wanted map[string]string) bool {
	for key, value := range wanted {
		is := with[key]
		if is == "" || value == "*" && is == "false" || value != "*" && !matches(value, is) {
			return false
		}
	}
	return true
}
