package pipeline

import (
	"slices"
	"strings"
	"unicode"
)

// words takes a name apart: "deploy-to_Prod", "deployToProd" and "Deploy to prod"
// are all deploy, to, prod.
func words(name string) []string {
	var out []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			out = append(out, word.String())
			word.Reset()
		}
	}
	var before rune
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
			if r == '&' || r == '+' {
				out = append(out, "and")
			}
		case unicode.IsUpper(r) && unicode.IsLower(before):
			end()
			word.WriteRune(unicode.ToLower(r))
		default:
			word.WriteRune(unicode.ToLower(r))
		}
		before = r
	}
	end()
	return out
}

type wordSet map[string]bool

func setOf(text string) wordSet {
	set := wordSet{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

// in gives the first word of a name that the set has.
func (s wordSet) in(name []string) string {
	for _, w := range name {
		if s[w] {
			return w
		}
	}
	return ""
}

func follows(name []string, first string, then ...string) bool {
	for i := 0; i+1 < len(name); i++ {
		if name[i] == first && slices.Contains(then, name[i+1]) {
			return true
		}
	}
	return false
}

var (
	deployWords = setOf("deploy deploys deploying deployer redeploy autodeploy rollout cd")
	// static is what holds no code that asks a database.
	static = setOf("docs doc documentation pages page ghpages site website storybook blog book mdbook wiki guide guides handbook typedoc javadoc rustdoc apidocs landing homepage " +
		"marketing coverage playground mkdocs docusaurus sphinx")
	// published is what others install, and no service.
	published = setOf("npm pypi gem gems rubygems crate crates package packages artifact artifacts maven sonatype nuget jar chart charts image images docker dockerhub ghcr " +
		"registry sdk lib library libraries cli extension plugin plugins vscode snapshot snapshots apk ios android testflight playstore appstore fastlane mobile contract contracts " +
		"subgraph binary binaries installer brew homebrew deb rpm snap flatpak orb orbs types schema sourcemap sourcemaps assets cdn translations dashboards dashboard packagist hex " +
		"desktop electron ami")
	// notDeploying is what is done to a deploy, or around it.
	notDeploying = setOf("test tests testing e2e lint check checks verify validate validation plan dry dryrun preview cleanup clean destroy teardown delete remove undeploy " +
		"notify notification slack wait status prepare cancel approve approval hold request gate lock unlock record marker announce comment diff cost summary list " +
		"matrix changes detect should can is need needs determine get set find resolve rollback revert undo stop log logs report artifact ready health smoke scan label tag skip " +
		"setup init login install configure credentials config vars variables version url context info simulate stub mock example examples sample")
	joining = setOf("and then")

	productionWords = setOf("prod production prd live")
	stagingWords    = setOf("staging stage stg stag uat preprod qa dev develop development test testing tst sandbox demo integration int exp experimental loadtest perf nonprod nightly canarytest ephemeral qc edge dogfood")
	previewWords    = setOf("preview previews review pr pullrequest ephemeral")
)

// environmentOf is the environment that a name names.
func environmentOf(name string) string {
	w := words(name)
	switch {
	case follows(w, "pre", "prod", "production"), follows(w, "non", "prod", "production"):
		return Staging
	case previewWords.in(w) != "" || follows(w, "pull", "request"):
		return Preview
	case productionWords.in(w) != "":
		return Production
	case stagingWords.in(w) != "":
		return Staging
	}
	return ""
}

// deploysByName tells that a name says that a service is deployed.
func deploysByName(name string) bool {
	w := words(name)
	at := slices.IndexFunc(w, func(word string) bool { return deployWords[word] && word != "cd" || word == "deployment" })
	if at < 0 {
		promotes := slices.Contains(w, "promote") || slices.Contains(w, "release") || slices.Contains(w, "ship")
		return promotes && productionWords.in(w) != "" && notDeploying.in(w) == "" && static.in(w) == "" && published.in(w) == ""
	}
	if static.in(w) != "" || published.in(w) != "" {
		return false
	}
	if follows(w, "pre", w[at]) || follows(w, "post", w[at]) || follows(w, "before", w[at]) || follows(w, "after", w[at]) || follows(w, "no", w[at]) {
		return false
	}
	if joining.in(w) != "" {
		return true // test-and-deploy
	}
	for _, word := range w {
		if notDeploying[word] && !(stagingWords[word] && environmentOf(name) == Staging && w[at] == "deploy" && slices.Index(w, word) > at) { // deploy-to-test
			return false
		}
	}
	return true
}

// deploysFirst tells that the name of a step begins with saying that it deploys: others
// tell in whole sentences what they do about a deploy.
func deploysFirst(name string) bool {
	w := words(name)
	return len(w) > 0 && (deployWords[w[0]] && w[0] != "cd" || w[0] == "promote") && deploysByName(name)
}

// otherByName is what a name says that is not a deploy; "" for nothing.
func otherByName(name string) Kind {
	w := words(name)
	has := func(list ...string) bool {
		return slices.ContainsFunc(w, func(word string) bool { return slices.Contains(list, word) })
	}
	switch {
	case has("rollback", "rollbacks") || follows(w, "roll", "back"), has("revert", "undo") && has("deploy", "deployment", "release"):
		return Rollback
	case has("canary", "bluegreen") || follows(w, "blue", "green"), has("progressive") && has("deploy", "delivery", "rollout"):
		return Canary
	case has("notify", "notification", "notifications", "notifier", "slack", "pagerduty", "opsgenie", "discord", "telegram", "mattermost", "msteams"), has("alert") && !has("rules"), has("teams") && has("send", "channel", "message", "webhook", "post"):
		return Notification
	case has("health", "healthcheck", "healthchecks", "smoke", "smoketest", "smoketests", "synthetics", "liveness", "readiness", "healthy"),
		has("deploy", "deployment", "deployed", "rollout", "production", "prod", "post") && has("verify", "verification", "validate", "wait", "check", "test", "tests") &&
			!has("pre", "before", "plan", "should", "files", "config", "manifest", "manifests") && (has("verify", "verification", "post", "deployed", "rollout") || follows(w, "wait", "for")):
		return HealthCheck
	case has("test", "tests", "e2e", "lint", "spec", "specs", "unit", "rspec", "pytest", "jest", "cypress", "playwright"):
		return Test
	}
	return ""
}
