package pipeline

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// form is one way to call a program, and what that does. The sources are the
// programs' own manuals.
type form struct {
	args  string   // words that stand in this order among those of the command
	with  []string // one of these words, or beginnings of words ending in "=" or "*", must be there too
	never []string // and none of these
	does  []Kind
	where string // "static" or "package": what is deployed is no service
}

const (
	isStatic  = "static"
	isPackage = "package"
)

var (
	deploys   = []Kind{Deploy}
	watched   = []Kind{Deploy, HealthCheck} // waits until what is deployed is healthy, and fails if not
	undone    = []Kind{Deploy, Rollback}    // goes back by itself when what is deployed does not start
	careful   = []Kind{Deploy, HealthCheck, Rollback}
	rehearses = []string{"--dry-run", "--dry-run=*", "--dryrun", "-n=client", "--help", "--version", "--check", "--noop", "--diff-only", "--no-execute-changeset"}
)

// tools says what programs do, by name.
var tools = map[string][]form{
	"kubectl": {
		{args: "rollout undo", does: []Kind{Rollback}},
		{args: "rollout status", does: []Kind{HealthCheck}},
		{args: "wait", does: []Kind{HealthCheck}},
		{args: "rollout restart", does: deploys}, {args: "apply", does: deploys}, {args: "set image", does: deploys}, {args: "replace", does: deploys},
		{args: "patch deployment", does: deploys}, {args: "create deployment", does: deploys},
		{args: "argo rollouts undo", does: []Kind{Rollback}}, {args: "argo rollouts abort", does: []Kind{Rollback}},
		{args: "argo rollouts status", does: []Kind{HealthCheck, Canary}}, {args: "argo rollouts set image", does: []Kind{Deploy, Canary}},
		{args: "argo rollouts", does: []Kind{Canary}},
	},
	"oc": {
		{args: "rollout undo", does: []Kind{Rollback}}, {args: "rollback", does: []Kind{Rollback}}, {args: "rollout status", does: []Kind{HealthCheck}},
		{args: "rollout latest", does: deploys}, {args: "apply", does: deploys}, {args: "set image", does: deploys}, {args: "rollout restart", does: deploys},
	},
	"helm": {
		{args: "rollback", does: []Kind{Rollback}}, {args: "test", does: []Kind{HealthCheck}}, {args: "push", where: isPackage}, {args: "package", where: isPackage},
		{args: "upgrade", with: []string{"--atomic", "--rollback-on-failure"}, does: careful}, {args: "upgrade", with: []string{"--wait", "--wait=*"}, does: watched}, {args: "upgrade", does: deploys},
		{args: "install", with: []string{"--atomic", "--wait"}, does: watched}, {args: "install", does: deploys},
	},
	"helmfile":  {{args: "apply", does: deploys}, {args: "sync", does: deploys}},
	"kustomize": {},
	"skaffold":  {{args: "run", does: watched}, {args: "deploy", does: watched}},
	"argocd": {
		{args: "app rollback", does: []Kind{Rollback}}, {args: "app wait", does: []Kind{HealthCheck}}, {args: "app sync", does: deploys}, {args: "app set", does: deploys},
	},
	"flux":       {{args: "reconcile", does: deploys}},
	"nomad":      {{args: "job revert", does: []Kind{Rollback}}, {args: "job promote", does: []Kind{Canary}}, {args: "deployment promote", does: []Kind{Canary}}, {args: "job run", does: watched}, {args: "run", does: watched}},
	"terraform":  {{args: "apply", never: []string{"-destroy", "--destroy"}, does: deploys}},
	"tofu":       {{args: "apply", never: []string{"-destroy", "--destroy"}, does: deploys}},
	"terragrunt": {{args: "apply", does: deploys}, {args: "run-all apply", does: deploys}, {args: "apply-all", does: deploys}},
	"pulumi":     {{args: "up", does: deploys}, {args: "update", does: deploys}},
	"cdk":        {{args: "deploy", does: undone}},
	"sam":        {{args: "deploy", does: undone}},
	"copilot":    {{args: "deploy", does: careful}, {args: "svc deploy", does: careful}},
	"eb":         {{args: "deploy", does: deploys}, {args: "swap", does: []Kind{Deploy, Canary}}},
	"ecspresso":  {{args: "rollback", does: []Kind{Rollback}}, {args: "wait", does: []Kind{HealthCheck}}, {args: "deploy", never: []string{"--no-wait"}, does: watched}},
	"ecs":        {{args: "deploy", with: []string{"--rollback"}, does: careful}, {args: "deploy", does: watched}}, // ecs-deploy of PyPI
	"ecs-deploy": {{with: []string{"--enable-rollback"}, does: careful}, {does: watched}},
	"aws": {
		{args: "ecs wait services-stable", does: []Kind{HealthCheck}}, {args: "deploy wait deployment-successful", does: []Kind{HealthCheck}},
		{args: "elbv2 wait", does: []Kind{HealthCheck}}, {args: "elasticbeanstalk wait", does: []Kind{HealthCheck}},
		{args: "ecs update-service", does: deploys}, {args: "ecs deploy", does: watched}, {args: "ecs create-service", does: deploys},
		{args: "deploy create-deployment", with: []string{"--auto-rollback-configuration", "--auto-rollback-configuration=*"}, does: undone}, {args: "deploy create-deployment", does: deploys},
		{args: "lambda update-function-code", does: deploys}, {args: "lambda update-alias", with: []string{"--routing-config"}, does: []Kind{Canary}},
		{args: "cloudformation deploy", does: undone}, {args: "cloudformation update-stack", does: undone},
		{args: "elasticbeanstalk update-environment", does: deploys}, {args: "apprunner start-deployment", does: deploys},
		{args: "s3 sync", where: isStatic}, {args: "s3 cp", where: isPackage},
	},
	"gcloud": {
		{args: "run services update-traffic", does: []Kind{Canary}}, {args: "run deploy", with: []string{"--no-traffic"}, does: []Kind{Deploy, HealthCheck, Canary}},
		{args: "run deploy", does: watched}, {args: "run services update", does: watched}, {args: "run services replace", does: watched}, {args: "run jobs", where: isPackage},
		{args: "app deploy", with: []string{"--no-promote"}, does: []Kind{Deploy, Canary}}, {args: "app deploy", does: watched}, {args: "app services set-traffic", does: []Kind{Canary}},
		{args: "functions deploy", does: watched}, {args: "deploy releases create", does: deploys}, {args: "deploy rollouts rollback", does: []Kind{Rollback}},
		{args: "compute instance-groups managed rolling-action", does: deploys},
	},
	"az": {
		{args: "webapp deployment slot swap", does: []Kind{Deploy, Canary}}, {args: "webapp deploy", does: deploys}, {args: "webapp deployment", does: deploys}, {args: "webapp config container set", does: deploys},
		{args: "containerapp ingress traffic", does: []Kind{Canary}}, {args: "containerapp revision", does: []Kind{Canary}},
		{args: "containerapp update", does: deploys}, {args: "containerapp up", does: deploys}, {args: "functionapp deployment", does: deploys}, {args: "functionapp deploy", does: deploys},
		{args: "storage blob", where: isStatic},
	},
	"heroku": {
		{args: "container:release", does: deploys}, {args: "pipelines:promote", does: deploys}, {args: "rollback", does: []Kind{Rollback}}, {args: "releases:rollback", does: []Kind{Rollback}},
	},
	"flyctl":     flyctl,
	"fly":        flyctl,
	"serverless": {{args: "deploy", does: undone}, {args: "rollback", does: []Kind{Rollback}}},
	"sls":        {{args: "deploy", does: undone}, {args: "rollback", does: []Kind{Rollback}}},
	"railway":    {{args: "up", does: deploys}, {args: "redeploy", does: deploys}},
	"render":     {{args: "deploys create", does: deploys}},
	"kamal":      {{args: "rollback", does: []Kind{Rollback}}, {args: "deploy", does: watched}, {args: "redeploy", does: watched}},
	"cap":        {{args: "deploy:rollback", does: []Kind{Rollback}}, {args: "deploy", does: deploys}},
	"mina":       {{args: "rollback", does: []Kind{Rollback}}, {args: "deploy", does: deploys}},
	"dep":        {{args: "rollback", does: []Kind{Rollback}}, {args: "deploy", does: deploys}}, // Deployer
	"convox":     {{args: "releases rollback", does: []Kind{Rollback}}, {args: "deploy", does: careful}},
	"porter":     {{args: "apply", does: deploys}, {args: "update", does: deploys}},
	"cf": {
		{args: "rollback", does: []Kind{Rollback}}, {args: "push", with: []string{"--no-route", "--task", "--no-start"}}, {args: "push", with: []string{"--strategy=canary"}, does: []Kind{Deploy, HealthCheck, Canary}},
		{args: "push", with: []string{"--strategy", "--strategy=*"}, does: careful}, {args: "push", does: watched}, {args: "blue-green-deploy", does: []Kind{Deploy, HealthCheck, Canary}},
	},
	"docker": {
		{args: "stack deploy", does: deploys}, {args: "service update", with: []string{"--rollback"}, does: []Kind{Rollback}}, {args: "service update", does: deploys},
		{args: "service rollback", does: []Kind{Rollback}}, {args: "push", where: isPackage},
	},
	"wrangler": {
		{args: "rollback", does: []Kind{Rollback}}, {args: "pages", where: isStatic}, {args: "versions deploy", does: []Kind{Deploy, Canary}}, {args: "deploy", does: deploys}, {args: "publish", does: deploys},
	},
	"vercel":           {{args: "rollback", does: []Kind{Rollback}}, {with: []string{"--prod", "--prod=*", "--target=production"}, does: deploys}, {args: "promote", does: deploys}},
	"sst":              {{args: "deploy", does: undone}},
	"zappa":            {{args: "deploy", does: deploys}, {args: "update", does: deploys}, {args: "rollback", does: []Kind{Rollback}}},
	"scalingo":         {{args: "deploy", does: deploys}},
	"clever":           {{args: "deploy", does: deploys}},
	"gigalixir":        {{args: "ps:rollback", does: []Kind{Rollback}}},
	"doctl":            {{args: "apps create-deployment", does: deploys}, {args: "apps update", does: deploys}},
	"wait-on":          {{does: []Kind{HealthCheck}}},
	"vegeta":           {},
	"netlify":          {{args: "deploy", where: isStatic}},
	"firebase":         {{args: "deploy", where: isStatic}},
	"surge":            {{where: isStatic}},
	"gh-pages":         {{where: isStatic}},
	"mkdocs":           {{args: "gh-deploy", where: isStatic}},
	"mike":             {{args: "deploy", where: isStatic}},
	"docusaurus":       {{args: "deploy", where: isStatic}},
	"gsutil":           {{args: "rsync", where: isStatic}, {args: "cp", where: isPackage}},
	"mvn":              {{args: "deploy", where: isPackage}},
	"mvnw":             {{args: "deploy", where: isPackage}},
	"gradle":           {{args: "publish", where: isPackage}},
	"gradlew":          {{args: "publish", where: isPackage}},
	"twine":            {{args: "upload", where: isPackage}},
	"cargo":            {{args: "publish", where: isPackage}},
	"gem":              {{args: "push", where: isPackage}},
	"npm":              {{args: "publish", where: isPackage}},
	"pnpm":             {{args: "publish", where: isPackage}},
	"yarn":             {{args: "publish", where: isPackage}, {args: "npm publish", where: isPackage}},
	"goreleaser":       {{args: "release", where: isPackage}, {where: isPackage}},
	"gh":               {{args: "release", where: isPackage}},
	"ghr":              {{where: isPackage}},
	"vsce":             {{args: "publish", where: isPackage}},
	"fastlane":         {{where: isPackage}},
	"dotnet":           {{args: "nuget push", where: isPackage}},
	"forge":            {{args: "script", where: isPackage}, {args: "create", where: isPackage}},
	"hardhat":          {{args: "deploy", where: isPackage}, {args: "run", where: isPackage}},
	"truffle":          {{args: "migrate", where: isPackage}, {args: "deploy", where: isPackage}},
	"graph":            {{args: "deploy", where: isPackage}},
	"semantic-release": {{where: isPackage}},
}

// flyctl waits for the health checks of fly.toml, and for smoke checks, unless it is told not to.
var flyctl = []form{
	{args: "deploy", with: []string{"--strategy=canary", "--strategy=bluegreen", "canary", "bluegreen"}, does: []Kind{Deploy, HealthCheck, Canary}},
	{args: "deploy", with: []string{"--detach"}, does: deploys}, {args: "deploy", with: []string{"--build-only"}}, {args: "deploy", does: watched},
	{args: "checks list", does: []Kind{HealthCheck}},
}

// clusters are programs and actions that make a cluster for the length of a job: what goes there serves nobody.
var clusters = regexp.MustCompile(`^(kind create|minikube start|k3d cluster|k3d create|microk8s|ct install|localstack|tilt ci|act )|(kind-action|setup-kind|setup-minikube|setup-k3d|k3d-action|setup-k3s|setup-localstack|actions-k3s|minikube)`)

// found is what a command does.
type found struct {
	does  []Kind
	where string
	why   string
}

// doing is what a command does, by its program.
func (c command) doing() found {
	name := strings.TrimSuffix(path.Base(c.words[0]), ".exe")
	why := brief(append([]string{name}, c.words[1:]...))
	if has(c.words, rehearses) {
		return found{}
	}
	if is := c.checks(); is {
		return found{does: []Kind{Check}, why: why}
	}
	if f := c.requests(); len(f.does) > 0 {
		return f
	}
	if name == "docker-compose" || name == "docker" && len(c.words) > 1 && c.words[1] == "compose" {
		return found{} // nobody knows on which machine
	}
	for _, f := range tools[name] {
		if !inOrder(c.words[1:], strings.Fields(f.args)) || len(f.with) > 0 && !has(c.words, f.with) || has(c.words, f.never) {
			continue
		}
		does := f.does
		if slices.Contains(does, Deploy) && slices.ContainsFunc(c.words, func(w string) bool {
			return strings.Contains(w, "Canary") || strings.Contains(w, "Linear") || strings.HasSuffix(w, "canary")
		}) && !slices.Contains(does, Canary) { // CodeDeploy's configurations
			does = append(slices.Clone(does), Canary)
		}
		return found{does: does, where: f.where, why: why}
	}
	if name == "git" && inOrder(c.words[1:], []string{"push"}) && slices.ContainsFunc(c.words, func(w string) bool {
		return strings.Contains(w, "heroku") || strings.Contains(w, "dokku")
	}) {
		return found{does: deploys, why: why}
	}
	if name == "ansible-playbook" {
		if i := slices.IndexFunc(c.words, func(w string) bool {
			return deploysByName(strings.TrimSuffix(strings.TrimSuffix(path.Base(w), ".yml"), ".yaml"))
		}); i > 0 {
			return found{does: deploys, why: why}
		}
	}
	return found{}
}

// checks tells that a command runs pmcheck on a change.
func (c command) checks() bool {
	at := 0
	switch path.Base(c.words[0]) {
	case "go": // go run github.com/pmcheck/pmcheck/cmd/pmcheck@latest check
		at = slices.IndexFunc(c.words, func(w string) bool { return strings.Contains(w, "cmd/pmcheck") })
		if len(c.words) < 2 || c.words[1] != "run" || at < 2 {
			return false
		}
	case "docker", "podman": // docker run ... pmcheck check
		at = slices.IndexFunc(c.words, func(w string) bool {
			image, _, _ := strings.Cut(path.Base(w), ":")
			return image == "pmcheck" && !strings.HasPrefix(w, "-")
		})
		if len(c.words) < 2 || c.words[1] != "run" || at < 2 {
			return false
		}
	case "pmcheck":
	default:
		return false
	}
	for _, w := range c.words[at+1:] {
		if !strings.HasPrefix(w, "-") {
			return w == "check"
		}
		if w == "--version" || w == "--help" || w == "-h" {
			return false
		}
		if !strings.Contains(w, "=") && w != "--worktree" && w != "--verbose" && w != "--quiet" {
			return true // its value comes next
		}
	}
	return true
}

var (
	healthURL = regexp.MustCompile(`(?i)(/|\b)(health|healthz|healthcheck|health[-_]check|readyz?|livez?|ready|readiness|liveness|ping|status|up|smoke)([/?"'#]|$|\.json)`)
	chatURL   = regexp.MustCompile(`(?i)(hooks\.slack\.com|slack\.com/api/|discord(app)?\.com/api/webhooks|events\.pagerduty\.com|api\.(eu\.)?opsgenie\.com|webhook\.office\.com|api\.telegram\.org|` +
		`\$\w*(slack|discord|teams|mattermost|pagerduty|opsgenie)\w*)`)
	deployURL = regexp.MustCompile(`(?i)(api\.render\.com/deploy|/deploy-hook|deploy_?hook|\$\w*deploy\w*(url|hook)\w*|/webhooks?/deploy|coolify|api/v1/deploy\b)`)
	codeURL   = regexp.MustCompile(`(?i)(github\.com|githubusercontent|status(page)?\.io|localhost|127\.0\.0\.1|0\.0\.0\.0)`)
)

// requests is what asking a URL is for.
func (c command) requests() found {
	switch path.Base(c.words[0]) {
	case "curl", "wget", "http", "https", "httpie", "curlie", "Invoke-WebRequest", "Invoke-RestMethod":
	default:
		return found{}
	}
	for _, w := range c.words[1:] {
		switch {
		case chatURL.MatchString(w):
			return found{does: []Kind{Notification}, why: brief(c.words)}
		case deployURL.MatchString(w):
			return found{does: deploys, why: brief(c.words)}
		case healthURL.MatchString(w) && strings.ContainsAny(w, "/$") && !codeURL.MatchString(w):
			return found{does: []Kind{HealthCheck}, why: brief(c.words)}
		}
	}
	return found{}
}

// inOrder tells that words stand in this order among the arguments, behind at most
// one other that is neither a flag nor a flag's value.
func inOrder(args, words []string) bool {
	others := 0
	for i, a := range args {
		switch {
		case len(words) == 0:
			return true
		case a == words[0]:
			words = words[1:]
		case strings.HasPrefix(a, "-") || i > 0 && strings.HasPrefix(args[i-1], "-") && !strings.Contains(args[i-1], "="):
		default:
			if others++; others > 1 {
				return false
			}
		}
	}
	return len(words) == 0
}

// has tells that one of the words stands in a command; "--flag=*" means any value.
func has(args, words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool {
		beginning, isBeginning := strings.CutSuffix(word, "*")
		return slices.ContainsFunc(args, func(a string) bool { return a == word || isBeginning && strings.HasPrefix(a, beginning) })
	})
}

// brief is a command on one line, cut.
func brief(words []string) string {
	const most = 60
	s := strings.Join(strings.Fields(strings.Join(words, " ")), " ")
	if r := []rune(s); len(r) > most {
		s = string(r[:most-3]) + "..."
	}
	return s
}
