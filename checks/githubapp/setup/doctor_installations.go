package setup

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The doctor asks a few questions of each installation and repository, and no more than this many of them.
const (
	maxInstallations = 20
	maxRepositories  = 20
)

// installation is one of https://docs.github.com/rest/apps/apps#list-installations-for-the-authenticated-app.
type installation struct {
	ID      int64 `json:"id"`
	Account struct {
		Login string `json:"login"`
	} `json:"account"`
	Permissions map[string]string `json:"permissions"`
	SuspendedAt *time.Time        `json:"suspended_at"`
	HTMLURL     string            `json:"html_url"`
}

type repository struct {
	FullName      string `json:"full_name"`
	DefaultBranch string `json:"default_branch"`
	Archived      bool   `json:"archived"`
}

func (x *examination) installations(ctx context.Context, token string, app appInfo) {
	var all []installation
	for page := 1; ; page++ {
		var some []installation
		if !x.get(ctx, "installations", token, "app/installations", url.Values{"per_page": {"100"}, "page": {strconv.Itoa(page)}}, &some) {
			return
		}
		all = append(all, some...)
		if len(some) < 100 {
			break
		}
	}
	if len(all) == 0 {
		x.report("installations", Warning, "the App is installed nowhere", "install it: "+App{Page: app.HTMLURL}.InstallURL())
		return
	}
	var active []installation
	for _, i := range all {
		if i.SuspendedAt != nil {
			x.report("installations", Warning, "the installation on "+i.Account.Login+" is suspended, and nothing there is judged", "its owner ends that at "+i.HTMLURL)
			continue
		}
		active = append(active, i)
		if missing, _ := lacking(i.Permissions); len(missing) > 0 {
			x.report("installations", Wrong, fmt.Sprintf("%s has not granted %s", i.Account.Login, strings.Join(missing, ", ")), "an owner accepts the new permissions at "+i.HTMLURL)
		}
	}
	asked := active[:min(len(active), maxInstallations)]
	s := &survey{x: x, app: app}
	for _, i := range asked {
		s.installation(ctx, i)
	}
	total := fmt.Sprintf("%d, with %d repositories", len(active), s.repositories)
	if len(active) > len(asked) {
		total = fmt.Sprintf("%d; %d of them, with %d repositories, were asked", len(active), len(asked), s.repositories)
	}
	if len(active) > 0 {
		x.report("installations", OK, total, "")
	}
	s.report()
}

// survey is what installations and their repositories say.
type survey struct {
	x            *examination
	app          appInfo
	repositories int // that the App may see

	asked, required int // repositories
	optional        []string
	elsewhere       []string // the check is required from another App
	silent          []string

	limited     bool // GitHub counts calls
	least, most int  // calls left and allowed, where the fewest are left
	leastOf     string
	reset       time.Time
}

func (s *survey) installation(ctx context.Context, i installation) {
	key, err := parseKey(s.x.config.PrivateKey)
	if err != nil {
		return
	}
	jwt, err := appToken(s.x.config.AppID, key, s.x.Now())
	if err != nil {
		return
	}
	a, err := s.x.api(ctx, http.MethodPost, jwt, fmt.Sprintf("app/installations/%d/access_tokens", i.ID), nil)
	var granted struct {
		Token string `json:"token"`
	}
	if err != nil || a.status != http.StatusCreated || json.Unmarshal(a.body, &granted) != nil {
		why := a.says()
		if err != nil {
			why = err.Error()
		}
		s.x.unanswered("installations", "no token for "+i.Account.Login+": "+why)
		return
	}
	var seen struct {
		TotalCount   int          `json:"total_count"`
		Repositories []repository `json:"repositories"`
	}
	if !s.x.get(ctx, "installations", granted.Token, "installation/repositories", url.Values{"per_page": {"10"}}, &seen) {
		return
	}
	s.repositories += seen.TotalCount
	for _, r := range seen.Repositories {
		if s.asked < maxRepositories && !r.Archived {
			s.asked++
			s.repository(ctx, granted.Token, r)
		}
	}
	s.rateLimit(ctx, granted.Token, i)
}

// rateLimit costs no call: https://docs.github.com/rest/rate-limit/rate-limit. An Enterprise Server without limits answers 404.
func (s *survey) rateLimit(ctx context.Context, token string, i installation) {
	a, err := s.x.api(ctx, http.MethodGet, token, "rate_limit", nil)
	var limits struct {
		Resources struct {
			Core struct {
				Limit     int   `json:"limit"`
				Remaining int   `json:"remaining"`
				Reset     int64 `json:"reset"`
			} `json:"core"`
		} `json:"resources"`
	}
	if err != nil || a.status != http.StatusOK || json.Unmarshal(a.body, &limits) != nil {
		return
	}
	core := limits.Resources.Core
	if !s.limited || core.Remaining < s.least {
		s.limited, s.least, s.most, s.leastOf, s.reset = true, core.Remaining, core.Limit, i.Account.Login, time.Unix(core.Reset, 0)
	}
}

// requirement is a check that a branch requires, and the App that it must come from; 0 or less is any.
type requirement struct {
	context string
	app     int64
}

// repository asks what its default branch requires: by rulesets, which need no more than metadata, and by the older branch
// protection, which is told with the branch itself.
func (s *survey) repository(ctx context.Context, token string, r repository) {
	path := "repos/" + r.FullName
	branch := url.PathEscape(r.DefaultBranch)
	var rules []struct {
		Type       string `json:"type"`
		Parameters struct {
			Checks []struct {
				Context     string `json:"context"`
				Integration int64  `json:"integration_id"`
			} `json:"required_status_checks"`
		} `json:"parameters"`
	}
	var protected struct {
		Protection struct {
			Required struct {
				Contexts []string `json:"contexts"`
				Checks   []struct {
					Context string `json:"context"`
					App     int64  `json:"app_id"`
				} `json:"checks"`
			} `json:"required_status_checks"`
		} `json:"protection"`
	}
	told := 0
	var required []requirement
	if s.quiet(ctx, token, path+"/rules/branches/"+branch, &rules) {
		told++
		for _, rule := range rules {
			for _, c := range rule.Parameters.Checks {
				required = append(required, requirement{c.Context, c.Integration})
			}
		}
	}
	if s.quiet(ctx, token, path+"/branches/"+branch, &protected) {
		told++
		for _, c := range protected.Protection.Required.Checks {
			required = append(required, requirement{c.Context, c.App})
		}
		for _, c := range protected.Protection.Required.Contexts {
			if !slices.ContainsFunc(required, func(r requirement) bool { return r.context == c }) {
				required = append(required, requirement{context: c})
			}
		}
	}
	name := s.x.config.CheckName
	ours := func(r requirement) bool { return r.context == name && (r.app <= 0 || r.app == s.app.ID) }
	switch {
	case slices.ContainsFunc(required, func(r requirement) bool { return r.context == name && !ours(r) }):
		s.elsewhere = append(s.elsewhere, r.FullName)
	case slices.ContainsFunc(required, ours):
		s.required++
	case told < 2:
		s.silent = append(s.silent, r.FullName)
	default:
		s.optional = append(s.optional, r.FullName)
	}
}

// quiet asks what GitHub may well refuse: an older Enterprise Server has no rulesets, an empty repository no branch.
func (s *survey) quiet(ctx context.Context, token, path string, into any) bool {
	a, err := s.x.api(ctx, http.MethodGet, token, path, nil)
	return err == nil && a.status == http.StatusOK && json.Unmarshal(a.body, into) == nil
}

func (s *survey) report() {
	name := s.x.config.CheckName
	if len(s.elsewhere) > 0 {
		s.x.report("required check", Wrong, fmt.Sprintf("%q is required from another App in %s, so no pull request there can ever pass", name, list(s.elsewhere)),
			"in the branch's rules, require it from "+s.app.Name+" or from any source")
	}
	if len(s.optional) > 0 {
		s.x.report("required check", Warning, fmt.Sprintf("the default branch of %s does not require %q: a pull request that fails can be merged", list(s.optional), name),
			"require it in the branch's rules, unless that is meant")
	}
	if len(s.silent) > 0 {
		s.x.report("required check", Unknown, "GitHub does not tell what the default branch of "+list(s.silent)+" requires", "")
	}
	if s.required > 0 {
		s.x.report("required check", OK, fmt.Sprintf("%d of the %d repositories that were asked require %q", s.required, s.asked, name), "")
	}
	if s.limited {
		status, remedy := OK, ""
		if s.least < s.most/10 {
			status, remedy = Warning, "pmcheck serve waits and goes on at that time; something else may be using the App's key"
		}
		s.x.report("rate limit", status, fmt.Sprintf("%s has %d of %d calls left until %s", s.leastOf, s.least, s.most, s.reset.UTC().Format("15:04 MST")), remedy)
	}
}
