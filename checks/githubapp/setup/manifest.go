// Package setup makes the GitHub App and says whether an installation of pmcheck is well:
// what a person does once, and what they ask when something is wrong.
package setup

import (
	"net/url"
	"strings"
)

// A Permission is what the App may do with a repository, and why.
type Permission struct {
	Name   string // GitHub's: checks, contents, ...
	Access string // read or write
	Why    string
}

// Permissions are all that the App asks for.
//
// Which call needs which permission: https://docs.github.com/rest/authentication/permissions-required-for-github-apps.
// That issue_comment needs issues is said by GitHub only when it refuses a manifest without it:
// "Default events are not supported by permissions: issue_comment".
func Permissions() []Permission {
	return []Permission{
		{"checks", "write", "to write the verdict as a check run"},
		{"contents", "read", "to fetch the code of both sides of a pull request with git"},
		{"issues", "read", "GitHub sends the comments of a pull request only to Apps that may read issues; issues themselves are never read"},
		{"merge_queues", "read", "to be told of the groups of a merge queue"},
		{"metadata", "read", "GitHub gives it to every App; with it the App asks what role the author of an override has"},
		{"pull_requests", "write", "to list open pull requests, and to answer the commands of comments with a reaction and a comment; nothing else is written there"},
	}
}

// Events are the events that the App has GitHub send. Those about installations come without being asked for.
func Events() []string {
	return []string{"check_run", "check_suite", "issue_comment", "merge_group", "pull_request"}
}

// manifest is what GitHub makes an App of:
// https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest.
type manifest struct {
	Name           string            `json:"name"`
	URL            string            `json:"url"`
	HookAttributes hookAttributes    `json:"hook_attributes"`
	RedirectURL    string            `json:"redirect_url"`
	CallbackURLs   []string          `json:"callback_urls"`
	Description    string            `json:"description"`
	Public         bool              `json:"public"`
	Permissions    map[string]string `json:"default_permissions"`
	Events         []string          `json:"default_events"`
}

type hookAttributes struct {
	URL    string `json:"url"`
	Active bool   `json:"active"`
}

// The paths of pmcheck serve that GitHub knows.
const (
	webhookPath = "/webhook"
	loginPath   = "/login/callback"
	healthPath  = "/healthz"
)

// newManifest describes the App that serves public, and sends the browser to redirect once it is made.
func newManifest(name string, public *url.URL, redirect string) manifest {
	permissions := map[string]string{}
	about := []string{"Judges each pull request that changes a database before it is merged.", "", "What it may do, and why:", ""}
	for _, p := range Permissions() {
		permissions[p.Name] = p.Access
		about = append(about, "- "+p.Name+" ("+p.Access+"): "+p.Why)
	}
	return manifest{
		Name:           name,
		URL:            public.String(),
		HookAttributes: hookAttributes{URL: under(public, webhookPath), Active: true},
		RedirectURL:    redirect,
		CallbackURLs:   []string{under(public, loginPath)},
		Description:    strings.Join(about, "\n"),
		Permissions:    permissions,
		Events:         Events(),
	}
}

// under is the address of a path of pmcheck serve.
func under(public *url.URL, path string) string { return public.JoinPath(path).String() }

// apiURL is where the API of a GitHub is: github.com, a data-residency tenant of ghe.com,
// or an Enterprise Server, which has it below /api/v3.
func apiURL(github *url.URL) *url.URL {
	api := *github
	host := strings.ToLower(github.Host)
	if host == "github.com" || strings.HasSuffix(host, ".ghe.com") {
		api.Host, api.Path = "api."+host, "/"
		return &api
	}
	return github.JoinPath("api/v3/")
}
