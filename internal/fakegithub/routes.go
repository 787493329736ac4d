package fakegithub

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	readChecks, writeChecks = "checks=read", "checks=write"
	readPulls               = "pull_requests=read"
	readIssues              = "issues=read; pull_requests=read"
	writeIssues             = "issues=write; pull_requests=write"
	repoPath                = "/repos/{owner}/{repo}"
)

var routes = []*route{
	{"GET", "/", nil, anybody, "", "", func(q *request) (int, any) { return 200, obj{"current_user_url": q.s.api("/user")} }},
	{"GET", "/meta", nil, anybody, "", "/meta/meta#get-github-meta-information", getMeta},
	{"GET", "/rate_limit", nil, anybody, "", "/rate-limit/rate-limit", getRateLimit},
	{"POST", "/app-manifests/{code}/conversions", nil, anybody, "", "/apps/apps#create-a-github-app-from-a-manifest", convertManifest},

	{"GET", "/app", nil, anApp, "", "/apps/apps#get-the-authenticated-app", func(q *request) (int, any) {
		o := q.s.appJSON(q.app)
		n := 0
		for _, i := range q.s.installs {
			if i.app == q.app {
				n++
			}
		}
		o["installations_count"] = n
		return 200, o
	}},
	{"GET", "/app/installations", nil, anApp, "", "/apps/apps#list-installations-for-the-authenticated-app", listInstallations},
	{"GET", "/app/installations/{installation_id}", nil, anApp, "", "/apps/apps#get-an-installation-for-the-authenticated-app", getInstallation},
	{"POST", "/app/installations/{installation_id}/access_tokens", nil, anApp, "", "/apps/apps#create-an-installation-access-token-for-an-app", createToken},
	{"GET", "/app/hook/config", nil, anApp, "", "/apps/webhooks#get-a-webhook-configuration-for-an-app", getHookConfig},
	{"PATCH", "/app/hook/config", nil, anApp, "", "/apps/webhooks#update-a-webhook-configuration-for-an-app", updateHookConfig},
	{"GET", "/app/hook/deliveries", nil, anApp, "", "/apps/webhooks#list-deliveries-for-an-app-webhook", listDeliveries},
	{"GET", "/app/hook/deliveries/{delivery_id}", nil, anApp, "", "/apps/webhooks#get-a-delivery-for-an-app-webhook", getDelivery},
	{"POST", "/app/hook/deliveries/{delivery_id}/attempts", nil, anApp, "", "/apps/webhooks#redeliver-a-delivery-for-an-app-webhook", redeliver},
	{"GET", repoPath + "/installation", nil, anApp, "", "/apps/apps#get-a-repository-installation-for-the-authenticated-app", getRepoInstallation},

	{"GET", "/installation/repositories", nil, anInstallation, "metadata=read", "/apps/installations#list-repositories-accessible-to-the-app-installation", listInstallationRepos},
	{"DELETE", "/installation/token", nil, anInstallation, "", "/apps/installations#revoke-an-installation-access-token", func(q *request) (int, any) {
		delete(q.s.tokens, q.tok.text)
		return 204, nil
	}},
	{"GET", "/user", nil, aPerson, "", "/users/users#get-the-authenticated-user", getUser},
	{"GET", "/user/installations", nil, aPerson, "", "/apps/installations#list-app-installations-accessible-to-the-user-access-token", listUserInstallations},
	{"GET", "/user/installations/{installation_id}/repositories", nil, aPerson, "", "/apps/installations#list-repositories-accessible-to-the-user-access-token", listUserRepos},

	{"GET", repoPath, nil, installationOrPerson, "metadata=read", "/repos/repos#get-a-repository", getRepo},
	{"GET", repoPath + "/branches/{branch}", nil, installationOrPerson, "contents=read", "/branches/branches#get-a-branch", getBranch},
	{"GET", repoPath + "/commits/{commit_sha}/pulls", nil, installationOrPerson, readPulls, "/commits/commits#list-pull-requests-associated-with-a-commit", listCommitPulls},
	{"GET", repoPath + "/commits/{ref}/check-runs", nil, installationOrPerson, readChecks, "/checks/runs#list-check-runs-for-a-git-reference", listCheckRuns},
	{"GET", repoPath + "/commits/{ref}/check-suites", nil, installationOrPerson, readChecks, "/checks/suites#list-check-suites-for-a-git-reference", listSuites},
	{"POST", repoPath + "/check-runs", nil, anInstallation, writeChecks, "/checks/runs#create-a-check-run", createCheckRun},
	{"GET", repoPath + "/check-runs/{check_run_id}", nil, installationOrPerson, readChecks, "/checks/runs#get-a-check-run", getCheckRun},
	{"PATCH", repoPath + "/check-runs/{check_run_id}", nil, anInstallation, writeChecks, "/checks/runs#update-a-check-run", updateCheckRun},
	{"GET", repoPath + "/check-runs/{check_run_id}/annotations", nil, installationOrPerson, readChecks, "/checks/runs#list-check-run-annotations", listAnnotations},
	{"PATCH", repoPath + "/check-suites/preferences", nil, anInstallation, writeChecks, "/checks/suites#update-repository-preferences-for-check-suites", setSuitePreferences},
	{"GET", repoPath + "/check-suites/{check_suite_id}", nil, installationOrPerson, readChecks, "/checks/suites#get-a-check-suite", getSuite},
	{"GET", repoPath + "/check-suites/{check_suite_id}/check-runs", nil, installationOrPerson, readChecks, "/checks/runs#list-check-runs-in-a-check-suite", listCheckRuns},
	{"GET", repoPath + "/pulls", nil, installationOrPerson, readPulls, "/pulls/pulls#list-pull-requests", listPulls},
	{"GET", repoPath + "/pulls/{pull_number}", nil, installationOrPerson, readPulls, "/pulls/pulls#get-a-pull-request", getPull},
	{"GET", repoPath + "/collaborators/{username}/permission", nil, installationOrPerson, "metadata=read", "/collaborators/collaborators#get-repository-permissions-for-a-user", getPermission},
	{"GET", repoPath + "/issues/{issue_number}", nil, installationOrPerson, readIssues, "/issues/issues#get-an-issue", getIssue},
	{"GET", repoPath + "/issues/{issue_number}/comments", nil, installationOrPerson, readIssues, "/issues/comments#list-issue-comments", listComments},
	{"POST", repoPath + "/issues/{issue_number}/comments", nil, installationOrPerson, writeIssues, "/issues/comments#create-an-issue-comment", createComment},
	{"GET", repoPath + "/issues/comments/{comment_id}", nil, installationOrPerson, readIssues, "/issues/comments#get-an-issue-comment", getComment},
	{"POST", repoPath + "/issues/comments/{comment_id}/reactions", nil, installationOrPerson, writeIssues, "/reactions/reactions#create-reaction-for-an-issue-comment", createReaction},
	{"GET", repoPath + "/issues/comments/{comment_id}/reactions", nil, installationOrPerson, readIssues, "/reactions/reactions#list-reactions-for-an-issue-comment", listReactions},
	// After those that end in more: a ref may have slashes.
	{"GET", repoPath + "/commits/{ref}", nil, installationOrPerson, "contents=read", "/commits/commits#get-a-commit", getCommit},
}

func init() {
	for _, r := range routes {
		r.segs = strings.Split(r.template, "/")
	}
}

// match finds the route of an escaped path. A branch's or ref's name may have slashes.
func match(method, path string) (*route, map[string]string) {
	segs := strings.Split(path, "/")
	var byID map[string]string
	if len(segs) > 2 && segs[1] == "repositories" { // /repositories/ID/...: where redirects go
		byID = map[string]string{"owner": "", "repo": "", "id": segs[2]}
		segs = append([]string{"", "repos", "-", "-"}, segs[3:]...)
	}
	for _, r := range routes {
		if r.method != method {
			continue
		}
		if vars := r.match(segs); vars != nil {
			if byID != nil {
				maps.Copy(vars, byID)
			}
			return r, vars
		}
	}
	return nil, nil
}

func (r *route) match(segs []string) map[string]string {
	if len(segs) < len(r.segs) {
		return nil
	}
	extra := len(segs) - len(r.segs)
	vars := map[string]string{}
	at := 0
	for _, want := range r.segs {
		name, isVar := strings.CutPrefix(want, "{")
		if !isVar {
			if segs[at] != want {
				return nil
			}
			at++
			continue
		}
		name = strings.TrimSuffix(name, "}")
		n := 1
		if (name == "branch" || name == "ref") && extra > 0 {
			n, extra = 1+extra, 0
		}
		value, err := url.PathUnescape(strings.Join(segs[at:at+n], "/"))
		if err != nil || value == "" {
			return nil
		}
		vars[name] = value
		at += n
	}
	if at != len(segs) {
		return nil
	}
	return vars
}

func getMeta(q *request) (int, any) {
	return 200, obj{"verifiable_password_authentication": false, "hooks": []string{"127.0.0.0/8"}, "web": []string{"127.0.0.0/8"}, "api": []string{"127.0.0.0/8"}, "git": []string{"127.0.0.0/8"}}
}

func getRateLimit(q *request) (int, any) {
	b := q.s.rate[q.bucket()]
	core := obj{"limit": q.s.rateLimit, "remaining": max(q.s.rateLimit-b.used, 0), "used": b.used, "reset": b.reset.Unix(), "resource": "core"}
	search := obj{"limit": 30, "remaining": 30, "used": 0, "reset": b.reset.Unix(), "resource": "search"}
	return 200, obj{"resources": obj{"core": core, "search": search}, "rate": core}
}

func (q *request) installations() []*installation {
	var out []*installation
	for _, i := range q.s.installs {
		if i.app == q.app {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b *installation) int { return int(a.id - b.id) })
	return out
}

func listInstallations(q *request) (int, any) {
	out := []obj{}
	for _, i := range page(q, q.installations()) {
		out = append(out, q.s.installationJSON(i))
	}
	return 200, out
}

func (q *request) installation() *installation {
	id, _ := strconv.ParseInt(q.vars["installation_id"], 10, 64)
	i := q.s.installs[id]
	if i == nil || i.app != q.app {
		return nil
	}
	return i
}

func getInstallation(q *request) (int, any) {
	i := q.installation()
	if i == nil {
		return notFound()
	}
	return 200, q.s.installationJSON(i)
}

func getRepoInstallation(q *request) (int, any) {
	r := q.s.repos[strings.ToLower(q.vars["owner"]+"/"+q.vars["repo"])]
	for _, i := range q.installations() {
		if r != nil && i.repos[r.id] != nil {
			return 200, q.s.installationJSON(i)
		}
	}
	return notFound()
}

var tokenShape = record(map[string]shape{
	"repositories": list(500, anyText), "repository_ids": list(500, integer), "permissions": {kind: "object", free: true},
})

func createToken(q *request) (int, any) {
	i := q.installation()
	if i == nil {
		return notFound()
	}
	if !i.suspended.IsZero() {
		return fail(403, "This installation has been suspended")
	}
	var f struct {
		Repositories  []string          `json:"repositories"`
		RepositoryIDs []int64           `json:"repository_ids"`
		Permissions   map[string]string `json:"permissions"`
	}
	if e := q.decode(tokenShape, &f); e != nil {
		return e.status, e
	}
	perms := i.perms
	if len(f.Permissions) > 0 {
		perms = map[string]string{"metadata": "read"}
		for name, level := range f.Permissions {
			if !slices.Contains(levels[1:], level) || !allows(i.perms, name+"="+level) {
				return fail(422, "The permissions requested are not granted to this installation.")
			}
			perms[name] = level
		}
	}
	var repos map[int64]bool
	if len(f.Repositories)+len(f.RepositoryIDs) > 0 {
		repos = map[int64]bool{}
		for _, r := range i.repos {
			byName := slices.ContainsFunc(f.Repositories, func(n string) bool { return strings.EqualFold(n, r.name) })
			if byName || slices.Contains(f.RepositoryIDs, r.id) {
				repos[r.id] = true
			}
		}
		if len(repos) < max(len(f.Repositories), len(f.RepositoryIDs)) {
			return fail(422, "There is at least one repository that does not exist or is not accessible to the parent installation.")
		}
	}
	t := q.s.newToken(i, perms, repos)
	o := obj{"token": t.text, "expires_at": stamp(t.expires), "permissions": maps.Clone(t.perms), "repository_selection": i.selection()}
	if repos != nil {
		some := []obj{}
		for _, r := range i.sorted() {
			if repos[r.id] {
				some = append(some, r.object())
			}
		}
		o["repositories"], o["repository_selection"] = some, "selected"
	}
	return 201, o
}

func (a *app) hookConfig() obj {
	return obj{"url": a.hookURL, "content_type": "json", "insecure_ssl": a.insecureSSL, "secret": "********"}
}

func getHookConfig(q *request) (int, any) {
	o := q.app.hookConfig()
	if q.app.hookURL == "" {
		delete(o, "url")
	}
	return 200, o
}

var hookConfigShape = record(map[string]shape{"url": anyText, "content_type": oneOf("json", "form"), "secret": anyText, "insecure_ssl": {kind: "any"}})

func updateHookConfig(q *request) (int, any) {
	var f struct{ URL, Secret *string }
	if e := q.decode(hookConfigShape, &f); e != nil {
		return e.status, e
	}
	if f.URL != nil {
		q.app.hookURL, q.app.hookActive = *f.URL, *f.URL != ""
	}
	if f.Secret != nil {
		q.app.secret = *f.Secret
	}
	return getHookConfig(q)
}

// withPermissions is a repository as lists and GET have it: with what the caller may do.
func (q *request) withPermissions(r *Repo) obj {
	o := r.object()
	level := "none"
	if q.tok != nil && q.tok.user != nil {
		level = levelOf(r, q.tok.user)
		o["role_name"] = level
	}
	at := slices.Index(roles, level)
	o["permissions"] = obj{"admin": at >= 5, "maintain": at >= 4, "push": at >= 3, "triage": at >= 2, "pull": at >= 1}
	return o
}

func listInstallationRepos(q *request) (int, any) {
	var repos []*Repo
	for _, r := range q.tok.inst.sorted() {
		if q.tok.may(r) {
			repos = append(repos, r)
		}
	}
	out := []obj{}
	for _, r := range page(q, repos) {
		out = append(out, q.withPermissions(r))
	}
	selection := q.tok.inst.selection()
	if q.tok.repos != nil {
		selection = "selected"
	}
	return 200, obj{"total_count": len(repos), "repository_selection": selection, "repositories": out}
}

func getRepo(q *request) (int, any) { return 200, q.withPermissions(q.repo) }

func (r *Repo) commitJSON(sha string) obj {
	s := r.s
	c := r.commitInfo(sha)
	api, html := s.api("/repos/%s", r.FullName()), s.URL+"/"+r.FullName()
	who := obj{"name": "octocat", "email": "octocat@example.com", "date": stamp(c.at)}
	parents := []obj{}
	for _, p := range c.parents {
		parents = append(parents, obj{"sha": p, "url": api + "/commits/" + p, "html_url": html + "/commit/" + p})
	}
	return obj{
		"sha": sha, "node_id": nodeID("Commit", r.id), "url": api + "/commits/" + sha, "html_url": html + "/commit/" + sha, "comments_url": api + "/commits/" + sha + "/comments",
		"commit": obj{
			"url": api + "/git/commits/" + sha, "author": who, "committer": who, "message": c.message, "comment_count": 0,
			"tree":         obj{"sha": c.tree, "url": api + "/git/trees/" + c.tree},
			"verification": obj{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil},
		},
		"author": s.userJSON(s.userOf("octocat")), "committer": s.userJSON(s.userOf("octocat")), "parents": parents,
	}
}

func getCommit(q *request) (int, any) {
	sha := q.repo.resolve(q.vars["ref"])
	if sha == "" || q.repo.commitInfo(sha) == nil {
		return fail(422, "No commit found for SHA: %s", q.vars["ref"])
	}
	return 200, q.repo.commitJSON(sha)
}

func getBranch(q *request) (int, any) {
	name := q.vars["branch"]
	sha := q.repo.refs["refs/heads/"+name]
	if sha == "" || q.repo.commitInfo(sha) == nil {
		return fail(404, "Branch not found")
	}
	protected := q.repo.protected[name]
	api := q.s.api("/repos/%s/branches/%s", q.repo.FullName(), url.PathEscape(name))
	level := "off"
	if protected {
		level = "non_admins"
	}
	return 200, obj{
		"name": name, "commit": q.repo.commitJSON(sha), "_links": obj{"self": api, "html": q.s.URL + "/" + q.repo.FullName() + "/tree/" + name},
		"protected": protected, "protection_url": api + "/protection",
		"protection": obj{"enabled": protected, "required_status_checks": obj{"enforcement_level": level, "contexts": []string{}, "checks": []obj{}}},
	}
}

func listPulls(q *request) (int, any) {
	state, head, base := q.query.Get("state"), q.query.Get("head"), q.query.Get("base")
	if state == "" {
		state = "open"
	}
	chosen := []*Pull{}
	for _, p := range q.repo.order {
		if state != "all" && state != p.state {
			continue
		}
		if head != "" && head != p.headRepo.owner.login+":"+p.headRef || base != "" && base != p.baseRef {
			continue
		}
		chosen = append(chosen, p)
	}
	by, direction := q.query.Get("sort"), q.query.Get("direction")
	if by == "updated" {
		slices.SortStableFunc(chosen, func(a, b *Pull) int { return a.updated.Compare(b.updated) })
	}
	if direction == "desc" || direction == "" && (by == "" || by == "created") {
		slices.Reverse(chosen)
	}
	out := []obj{}
	for _, p := range page(q, chosen) {
		out = append(out, p.json(false))
	}
	return 200, out
}

func (q *request) pull(name string) *Pull {
	n, _ := strconv.Atoi(q.vars[name])
	return q.repo.pulls[n]
}

func getPull(q *request) (int, any) {
	p := q.pull("pull_number")
	if p == nil {
		return notFound()
	}
	return 200, p.json(true)
}

func listCommitPulls(q *request) (int, any) {
	if !q.repo.has(q.vars["commit_sha"]) {
		return fail(422, "No commit found for SHA: %s", q.vars["commit_sha"])
	}
	out := []obj{}
	for _, p := range page(q, q.repo.byHead[q.vars["commit_sha"]]) {
		out = append(out, p.json(false))
	}
	return 200, out
}

func getPermission(q *request) (int, any) {
	u := q.s.users[strings.ToLower(q.vars["username"])]
	if u == nil {
		return fail(404, "%s is not a user", q.vars["username"])
	}
	role := levelOf(q.repo, u)
	legacy := role
	switch role {
	case "maintain":
		legacy = "write"
	case "triage":
		legacy = "read"
	}
	who := q.s.userJSON(u)
	who["role_name"] = role
	at := slices.Index(roles, role)
	who["permissions"] = obj{"admin": at >= 5, "maintain": at >= 4, "push": at >= 3, "triage": at >= 2, "pull": at >= 1}
	return 200, obj{"permission": legacy, "role_name": role, "user": who}
}

var preferencesShape = record(map[string]shape{
	"auto_trigger_checks": list(0, record(map[string]shape{"app_id!": integer, "setting!": boolean})),
})

func setSuitePreferences(q *request) (int, any) {
	var f struct {
		Auto []struct {
			AppID   int64 `json:"app_id"`
			Setting bool  `json:"setting"`
		} `json:"auto_trigger_checks"`
	}
	if e := q.decode(preferencesShape, &f); e != nil {
		return e.status, e
	}
	for _, a := range f.Auto {
		q.repo.auto[a.AppID] = a.Setting
	}
	set := []obj{}
	for id, on := range q.repo.auto {
		set = append(set, obj{"app_id": id, "setting": on})
	}
	return 200, obj{"preferences": obj{"auto_trigger_checks": set}, "repository": q.repo.rendered()}
}

func (su *suite) whole() obj {
	o := su.json()
	o["repository"], o["head_commit"] = su.repo.rendered(), su.repo.simpleCommit(su.head)
	o["latest_check_runs_count"], o["check_runs_url"] = len(su.runs), su.repo.s.api("/repos/%s/check-suites/%d/check-runs", su.repo.FullName(), su.id)
	return o
}

func getSuite(q *request) (int, any) {
	id, _ := strconv.ParseInt(q.vars["check_suite_id"], 10, 64)
	su := q.s.suiteIDs[id]
	if su == nil || su.repo != q.repo {
		return notFound()
	}
	return 200, su.whole()
}

func listSuites(q *request) (int, any) {
	sha := q.repo.resolve(q.vars["ref"])
	if sha == "" {
		return fail(422, "No commit found for SHA: %s", q.vars["ref"])
	}
	out := []obj{}
	for _, id := range q.s.appOrder {
		su := q.s.suites[suiteKey{q.repo.id, id, sha}]
		if su != nil && (q.query.Get("app_id") == "" || q.query.Get("app_id") == strconv.FormatInt(id, 10)) {
			out = append(out, su.whole())
		}
	}
	return 200, obj{"total_count": len(out), "check_suites": page(q, out)}
}
