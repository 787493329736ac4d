package fakegithub

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// user is an account: a person's, an organization's or an App's.
type user struct {
	id      int64
	login   string
	org     bool
	bot     bool
	created time.Time
}

// userOf finds an account or makes it. The server is locked.
func (s *Server) userOf(login string) *user {
	key := strings.ToLower(login)
	u := s.users[key]
	if u == nil {
		u = &user{id: s.id("user"), login: login, created: s.now(), bot: strings.HasSuffix(login, "[bot]")}
		s.users[key] = u
	}
	return u
}

// User makes a person's account.
func (s *Server) User(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.userOf(login)
}

// Organization makes an account an organization's.
func (s *Server) Organization(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.userOf(login).org = true
}

// SetPermission gives a person a role in a repository: admin, maintain, write, triage, read or none.
func (r *Repo) SetPermission(login, level string) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if !slices.Contains(roles, level) {
		r.s.fatal(fmt.Errorf("%q is no role: %v", level, roles))
	}
	r.s.userOf(login)
	r.perms[strings.ToLower(login)] = level
}

var roles = []string{"none", "read", "triage", "write", "maintain", "admin"}

// levelOf is a person's role in a repository.
func levelOf(r *Repo, u *user) string {
	if l := r.perms[strings.ToLower(u.login)]; l != "" && (l != "none" || r.private) {
		return l
	}
	if u == r.owner {
		return "admin"
	}
	if !r.private {
		return "read"
	}
	return "none"
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") } // GitHub's times have whole seconds

func stampOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

func nodeID(kind string, id int64) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "0%d:%s%d", len(kind), kind, id))
}

func (s *Server) api(format string, args ...any) string {
	return s.URL + "/api/v3" + fmt.Sprintf(format, args...)
}

func (s *Server) userJSON(u *user) obj {
	kind := "User"
	switch {
	case u.org:
		kind = "Organization"
	case u.bot:
		kind = "Bot"
	}
	api := s.api("/users/%s", url.PathEscape(u.login))
	return obj{
		"login": u.login, "id": u.id, "node_id": nodeID(kind, u.id), "avatar_url": s.URL + fmt.Sprintf("/avatars/u/%d?v=4", u.id), "gravatar_id": "",
		"url": api, "html_url": s.URL + "/" + url.PathEscape(u.login), "followers_url": api + "/followers", "following_url": api + "/following{/other_user}",
		"gists_url": api + "/gists{/gist_id}", "starred_url": api + "/starred{/owner}{/repo}", "subscriptions_url": api + "/subscriptions",
		"organizations_url": api + "/orgs", "repos_url": api + "/repos", "events_url": api + "/events{/privacy}", "received_events_url": api + "/received_events",
		"type": kind, "user_view_type": "public", "site_admin": false,
	}
}

func (s *Server) orgJSON(u *user) obj {
	api := s.api("/orgs/%s", url.PathEscape(u.login))
	return obj{
		"login": u.login, "id": u.id, "node_id": nodeID("Organization", u.id), "url": api, "repos_url": api + "/repos", "events_url": api + "/events",
		"hooks_url": api + "/hooks", "issues_url": api + "/issues", "members_url": api + "/members{/member}", "public_members_url": api + "/public_members{/member}",
		"avatar_url": s.URL + fmt.Sprintf("/avatars/u/%d?v=4", u.id), "description": "",
	}
}

// rendered is the repository as payloads have it, made once. The server is locked.
func (r *Repo) rendered() json.RawMessage {
	if r.json == nil {
		r.json, _ = json.Marshal(r.object())
	}
	return r.json
}

func (r *Repo) object() obj {
	s := r.s
	api, html := s.api("/repos/%s", r.FullName()), s.URL+"/"+r.FullName()
	o := obj{
		"id": r.id, "node_id": nodeID("Repository", r.id), "name": r.name, "full_name": r.FullName(), "private": r.private, "owner": s.userJSON(r.owner),
		"html_url": html, "description": nil, "fork": r.root != nil, "url": api, "git_url": "git://" + strings.TrimPrefix(html, "http://") + ".git",
		"ssh_url": "git@github.test:" + r.FullName() + ".git", "clone_url": r.CloneURL(), "svn_url": html, "mirror_url": nil, "homepage": nil, "language": nil,
		"size": 1, "stargazers_count": 0, "watchers_count": 0, "forks_count": 0, "open_issues_count": 0, "watchers": 0, "forks": 0, "open_issues": 0,
		"subscribers_count": 0, "network_count": 0, "has_issues": true, "has_projects": false, "has_downloads": true, "has_wiki": false, "has_pages": false,
		"has_discussions": false, "archived": false, "disabled": false, "license": nil, "allow_forking": true, "is_template": false, "allow_merge_commit": true,
		"allow_rebase_merge": true, "allow_squash_merge": true, "allow_auto_merge": false, "delete_branch_on_merge": false, "allow_update_branch": false,
		"web_commit_signoff_required": false, "custom_properties": obj{}, "topics": []string{}, "visibility": "public", "default_branch": "main",
		"created_at": stamp(r.created), "updated_at": stamp(r.created), "pushed_at": stamp(r.created),
	}
	if r.private {
		o["visibility"] = "private"
	}
	for name, path := range repoLinks {
		o[name+"_url"] = api + path
	}
	return o
}

var repoLinks = map[string]string{
	"archive": "/{archive_format}{/ref}", "assignees": "/assignees{/user}", "blobs": "/git/blobs{/sha}", "branches": "/branches{/branch}",
	"collaborators": "/collaborators{/collaborator}", "comments": "/comments{/number}", "commits": "/commits{/sha}", "compare": "/compare/{base}...{head}",
	"contents": "/contents/{+path}", "contributors": "/contributors", "deployments": "/deployments", "downloads": "/downloads", "events": "/events",
	"forks": "/forks", "git_commits": "/git/commits{/sha}", "git_refs": "/git/refs{/sha}", "git_tags": "/git/tags{/sha}", "hooks": "/hooks",
	"issue_comment": "/issues/comments{/number}", "issue_events": "/issues/events{/number}", "issues": "/issues{/number}", "keys": "/keys{/key_id}",
	"labels": "/labels{/name}", "languages": "/languages", "merges": "/merges", "milestones": "/milestones{/number}",
	"notifications": "/notifications{?since,all,participating}", "pulls": "/pulls{/number}", "releases": "/releases{/id}", "stargazers": "/stargazers",
	"statuses": "/statuses/{sha}", "subscribers": "/subscribers", "subscription": "/subscription", "tags": "/tags", "teams": "/teams", "trees": "/git/trees{/sha}",
}

func shortRepos(repos []*Repo) []obj {
	out := []obj{}
	for _, r := range repos {
		out = append(out, obj{"id": r.id, "node_id": nodeID("Repository", r.id), "name": r.name, "full_name": r.FullName(), "private": r.private})
	}
	return out
}

func labelJSON(r *Repo, name string) obj {
	id := int64(len(name)) + 7000
	return obj{"id": id, "node_id": nodeID("Label", id), "url": r.s.api("/repos/%s/labels/%s", r.FullName(), url.PathEscape(name)), "name": name, "description": "", "color": "ededed", "default": false}
}

// json is the pull request; whole also has what lists leave out. The server is locked.
func (p *Pull) json(whole bool) obj {
	r, s := p.Repo, p.Repo.s
	api, html, issue := s.api("/repos/%s/pulls/%d", r.FullName(), p.Number), fmt.Sprintf("%s/%s/pull/%d", s.URL, r.FullName(), p.Number), s.api("/repos/%s/issues/%d", r.FullName(), p.Number)
	statuses := s.api("/repos/%s/statuses/%s", r.FullName(), p.headSHA)
	labels := []obj{}
	for _, l := range p.labels {
		labels = append(labels, labelJSON(r, l))
	}
	var body, merge any
	if p.body != "" {
		body = p.body
	}
	if p.mergeSHA != "" {
		merge = p.mergeSHA
	}
	side := func(repo *Repo, ref, sha string) obj {
		return obj{"label": repo.owner.login + ":" + ref, "ref": ref, "sha": sha, "user": s.userJSON(repo.owner), "repo": repo.rendered()}
	}
	link := func(href string) obj { return obj{"href": href} }
	o := obj{
		"url": api, "id": p.id, "node_id": nodeID("PullRequest", p.id), "html_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch",
		"issue_url": issue, "number": p.Number, "state": p.state, "locked": false, "title": p.title, "user": s.userJSON(p.author), "body": body,
		"created_at": stamp(p.created), "updated_at": stamp(p.updated), "closed_at": stampOrNil(p.closed), "merged_at": nil, "merge_commit_sha": merge,
		"assignee": nil, "assignees": []obj{}, "requested_reviewers": []obj{}, "requested_teams": []obj{}, "labels": labels, "milestone": nil, "draft": p.draft,
		"commits_url": api + "/commits", "review_comments_url": api + "/comments", "review_comment_url": s.api("/repos/%s/pulls/comments{/number}", r.FullName()),
		"comments_url": issue + "/comments", "statuses_url": statuses, "head": side(p.headRepo, p.headRef, p.headSHA), "base": side(r, p.baseRef, p.baseSHA),
		"_links": obj{
			"self": link(api), "html": link(html), "issue": link(issue), "comments": link(issue + "/comments"), "review_comments": link(api + "/comments"),
			"review_comment": link(s.api("/repos/%s/pulls/comments{/number}", r.FullName())), "commits": link(api + "/commits"), "statuses": link(statuses),
		},
		"author_association": "CONTRIBUTOR", "auto_merge": nil, "active_lock_reason": nil,
	}
	if p.merged {
		o["merged_at"] = stamp(p.closed)
	}
	if p.stack != nil {
		base := p.stack.pulls[0]
		o["stack"] = obj{
			"id": p.stack.id, "number": p.stack.number, "size": len(p.stack.pulls), "position": slices.Index(p.stack.pulls, p) + 1,
			"base": obj{"ref": p.stack.baseRef, "sha": base.baseSHA},
		}
	}
	if whole {
		state := "clean"
		if p.mergeSHA == "" {
			state = "dirty"
		}
		maps.Copy(o, obj{
			"merged": p.merged, "mergeable": p.mergeSHA != "", "rebaseable": p.mergeSHA != "", "mergeable_state": state, "merged_by": nil,
			"comments": len(p.comments), "review_comments": 0, "maintainer_can_modify": false, "commits": p.pushes, "additions": p.lines, "deletions": 0,
			"changed_files": len(p.paths),
		})
		if p.merged {
			o["merged_by"] = s.userJSON(r.owner)
		}
	}
	return o
}

// minimal is the pull request as check runs have it.
func (p *Pull) minimal() obj {
	s := p.Repo.s
	repo := func(r *Repo) obj { return obj{"id": r.id, "url": s.api("/repos/%s", r.FullName()), "name": r.name} }
	return obj{
		"id": p.id, "number": p.Number, "url": s.api("/repos/%s/pulls/%d", p.Repo.FullName(), p.Number),
		"head": obj{"ref": p.headRef, "sha": p.headSHA, "repo": repo(p.headRepo)}, "base": obj{"ref": p.baseRef, "sha": p.baseSHA, "repo": repo(p.Repo)},
	}
}

func (r *Repo) simpleCommit(sha string) obj {
	c := r.commitInfo(sha)
	if c == nil {
		c = &commitInfo{}
	}
	who := obj{"name": "octocat", "email": "octocat@example.com", "username": "octocat"}
	return obj{"id": sha, "tree_id": c.tree, "message": c.message, "timestamp": stamp(c.at), "author": who, "committer": who}
}

func (g *MergeGroup) json() obj {
	return obj{"head_sha": g.HeadSHA, "head_ref": g.HeadRef, "base_sha": g.Base, "base_ref": g.BaseRef, "head_commit": g.Repo.simpleCommit(g.HeadSHA)}
}

func (s *Server) pushJSON(r *Repo, ref, before, after string) obj {
	c := r.simpleCommit(after)
	c["distinct"], c["url"] = true, s.URL+"/"+r.FullName()+"/commit/"+after
	c["added"], c["removed"], c["modified"] = []string{}, []string{}, []string{}
	created := before == "" || strings.Trim(before, "0") == ""
	if created {
		before = strings.Repeat("0", 40)
	}
	repo := r.object() // in a push it has some members of old, and times as numbers
	repo["created_at"], repo["pushed_at"], repo["stargazers"], repo["master_branch"] = r.created.Unix(), s.now().Unix(), 0, "main"
	owner := repo["owner"].(obj)
	owner["name"], owner["email"] = r.owner.login, nil
	if r.owner.org {
		repo["organization"] = r.owner.login
	}
	return obj{
		"ref": ref, "before": before, "after": after, "created": created, "deleted": false, "forced": false, "base_ref": nil,
		"compare": s.URL + "/" + r.FullName() + "/compare/" + before[:12] + "..." + after[:12], "commits": []obj{c}, "head_commit": c,
		"pusher": obj{"name": "octocat", "email": "octocat@example.com"}, "repository": repo, "sender": s.userJSON(s.userOf("octocat")),
	}
}

func (s *Server) appJSON(a *app) obj {
	return obj{
		"id": a.id, "slug": a.slug, "client_id": a.clientID, "node_id": nodeID("App", a.id), "owner": s.userJSON(s.userOf(a.owner)), "name": a.name,
		"description": a.description, "external_url": a.url, "html_url": s.URL + "/apps/" + a.slug, "created_at": stamp(a.created), "updated_at": stamp(a.created),
		"permissions": maps.Clone(a.permissions), "events": append([]string{}, a.events...),
	}
}

func (s *Server) installationJSON(i *installation) obj {
	kind := "User"
	if i.account.org {
		kind = "Organization"
	}
	html := fmt.Sprintf("%s/settings/installations/%d", s.URL, i.id)
	o := obj{
		"id": i.id, "account": s.userJSON(i.account), "repository_selection": i.selection(), "access_tokens_url": s.api("/app/installations/%d/access_tokens", i.id),
		"repositories_url": s.api("/installation/repositories"), "html_url": html, "app_id": i.app.id, "client_id": i.app.clientID, "app_slug": i.app.slug,
		"target_id": i.account.id, "target_type": kind, "permissions": maps.Clone(i.perms), "events": append([]string{}, i.app.events...),
		"created_at": stamp(i.created), "updated_at": stamp(i.updated), "single_file_name": nil, "has_multiple_single_files": false,
		"single_file_paths": []string{}, "suspended_by": nil, "suspended_at": stampOrNil(i.suspended),
	}
	if !i.suspended.IsZero() {
		o["suspended_by"] = s.userJSON(i.account)
	}
	return o
}
