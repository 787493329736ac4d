package setup

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// skewLimit is how far a clock may be off before GitHub refuses what the App signs.
const skewLimit = 60 * time.Second

// appInfo is what GitHub says of an App: https://docs.github.com/rest/apps/apps#get-the-authenticated-app.
type appInfo struct {
	ID      int64  `json:"id"`
	Slug    string `json:"slug"`
	Name    string `json:"name"`
	HTMLURL string `json:"html_url"`
	Owner   struct {
		Login string `json:"login"`
		Type  string `json:"type"`
	} `json:"owner"`
	Permissions map[string]string `json:"permissions"`
	Events      []string          `json:"events"`
}

// github examines the App and its installations.
func (x *examination) github(ctx context.Context) {
	key, err := parseKey(x.config.PrivateKey)
	if err != nil {
		x.report("key", Wrong, err.Error(), "make a private key in the App's settings at GitHub, and name its file as private_key_file")
		x.publicAddress(ctx)
		return
	}
	app, token, ok := x.app(ctx, key)
	if !ok {
		x.publicAddress(ctx)
		return
	}
	settings := x.settingsPage(app)
	x.permissions(app, settings)
	x.webhook(ctx, token, settings)
	x.deliveries(ctx, token, settings)
	x.publicAddress(ctx)
	x.installations(ctx, token, app)
}

// app asks who we are, which tells whether clock, id and key are right.
func (x *examination) app(ctx context.Context, key *rsa.PrivateKey) (app appInfo, token string, ok bool) {
	token, err := appToken(x.config.AppID, key, x.Now())
	if err != nil {
		x.report("key", Wrong, "it cannot sign: "+err.Error(), "make a new private key in the App's settings at GitHub")
		return app, "", false
	}
	host := apiURL(x.config.GitHub).Host
	a, err := x.api(ctx, http.MethodGet, token, "app", nil)
	if err != nil {
		x.report("github", Unasked, fmt.Sprintf("%s does not answer: %v", host, err), "see that this machine may reach it, and whether HTTPS_PROXY is needed; https://www.githubstatus.com says how github.com is")
		return app, "", false
	}
	x.report("github", OK, host+" answers", "")
	skewed := x.clock(a.date)
	switch a.status {
	case http.StatusOK:
		if json.Unmarshal(a.body, &app) != nil || app.ID == 0 {
			x.unanswered("key", "its answer is not the JSON of its reference")
			return app, "", false
		}
		x.report("key", OK, fmt.Sprintf("it is a key of the App %s of %s", app.Name, app.Owner.Login), "")
		return app, token, true
	case http.StatusUnauthorized:
		remedy := fmt.Sprintf("make a new private key in the settings of App %d at GitHub, and name its file as private_key_file", x.config.AppID)
		if skewed {
			remedy = "set the clock first: GitHub refuses whatever is signed at another time"
		}
		x.report("key", Wrong, fmt.Sprintf("GitHub does not take it for App %d: %s", x.config.AppID, a.says()), remedy)
	case http.StatusNotFound:
		x.report("key", Wrong, fmt.Sprintf("there is no App %d at %s", x.config.AppID, host), "correct app_id or github_url: the App's settings page shows the id")
	default:
		x.unanswered("key", a.says())
	}
	return app, "", false
}

// clock compares ours with GitHub's. What is signed with a clock that is off by a minute is refused.
func (x *examination) clock(github time.Time) (skewed bool) {
	if github.IsZero() {
		x.report("clock", Unknown, "GitHub did not say what time it is", "")
		return false
	}
	skew := x.Now().Sub(github).Round(time.Second)
	direction := "ahead"
	if skew < 0 {
		direction = "behind"
	}
	switch size := skew.Abs(); {
	case size >= skewLimit:
		x.report("clock", Wrong, fmt.Sprintf("this machine's clock is %s %s: GitHub refuses what it signs", size, direction), "have a time service set it (timedatectl set-ntp true)")
		return true
	case size >= skewLimit/4:
		x.report("clock", Warning, fmt.Sprintf("this machine's clock is %s %s; from %s on GitHub refuses what it signs", size, direction, skewLimit), "have a time service set it (timedatectl set-ntp true)")
	default:
		x.report("clock", OK, fmt.Sprintf("it is within %s of GitHub's", max(size, time.Second)), "")
	}
	return false
}

// settingsPage is where the App's owner changes it.
func (x *examination) settingsPage(app appInfo) string {
	if app.Owner.Type == "Organization" {
		return x.config.GitHub.JoinPath("organizations", app.Owner.Login, "settings/apps", app.Slug).String()
	}
	return x.config.GitHub.JoinPath("settings/apps", app.Slug).String()
}

// access orders what a permission allows.
var access = map[string]int{"": 0, "read": 1, "write": 2, "admin": 3}

// lacking are the permissions that are needed and not there, each with its reason.
func lacking(has map[string]string) (missing, why []string) {
	for _, p := range Permissions() {
		if access[has[p.Name]] < access[p.Access] {
			missing = append(missing, p.Name+": "+p.Access)
			why = append(why, fmt.Sprintf("%s: %s (%s)", p.Name, p.Access, p.Why))
		}
	}
	return missing, why
}

func (x *examination) permissions(app appInfo, settings string) {
	_, missing := lacking(app.Permissions)
	var more []string
	for _, name := range slices.Sorted(maps.Keys(app.Permissions)) {
		needed := ""
		for _, p := range Permissions() {
			if p.Name == name {
				needed = p.Access
			}
		}
		if access[app.Permissions[name]] > access[needed] {
			more = append(more, name+": "+app.Permissions[name])
		}
	}
	if len(missing) > 0 {
		x.report("permissions", Wrong, "the App lacks "+strings.Join(missing, "; "), "grant them at "+settings+"/permissions; each installation must then accept them")
	}
	if len(more) > 0 {
		x.report("permissions", Warning, "the App has more than pmcheck uses: "+list(more), "take them away at "+settings+"/permissions")
	}
	if len(missing)+len(more) == 0 {
		x.report("permissions", OK, "they are exactly what is needed", "")
	}

	var absent, unused []string
	for _, e := range Events() {
		if !slices.Contains(app.Events, e) {
			absent = append(absent, e)
		}
	}
	for _, e := range app.Events {
		if !slices.Contains(Events(), e) {
			unused = append(unused, e)
		}
	}
	if len(absent) > 0 {
		x.report("events", Wrong, "GitHub does not send "+strings.Join(absent, ", "), "subscribe to them at "+settings+"/permissions")
	}
	if len(unused) > 0 {
		x.report("events", Warning, "GitHub sends events that pmcheck does not use: "+list(unused), "unsubscribe at "+settings+"/permissions")
	}
	if len(absent)+len(unused) == 0 {
		x.report("events", OK, "they are exactly what is needed", "")
	}
}

// webhook compares the webhook's settings with ours: https://docs.github.com/rest/apps/webhooks#get-a-webhook-configuration-for-an-app.
func (x *examination) webhook(ctx context.Context, token, settings string) {
	var hook struct {
		URL         string `json:"url"`
		ContentType string `json:"content_type"`
		Secret      string `json:"secret"`
		InsecureSSL any    `json:"insecure_ssl"` // "0", 0, "1", 1
	}
	if !x.get(ctx, "webhook", token, "app/hook/config", nil, &hook) {
		return
	}
	well := true
	wrong := func(status Status, message, remedy string) {
		well = false
		x.report("webhook", status, message, remedy)
	}
	switch {
	case hook.URL == "":
		wrong(Wrong, "it has no address, so GitHub sends nothing", "set it, and tick Active, at "+settings)
	case x.config.URL == nil:
		wrong(Unknown, "GitHub sends to "+hook.URL+"; whether that is here is not known, since url is not configured", "set url to the address at which GitHub reaches pmcheck serve")
	case hook.URL != under(x.config.URL, webhookPath):
		wrong(Wrong, fmt.Sprintf("GitHub sends to %s, and pmcheck serve is at %s", hook.URL, under(x.config.URL, webhookPath)), "correct the webhook's address at "+settings+", or url in the configuration")
	}
	if hook.ContentType != "json" && hook.ContentType != "" {
		wrong(Warning, "payloads are sent as "+hook.ContentType, "choose application/json at "+settings)
	}
	if hook.Secret == "" {
		wrong(Wrong, "it has no secret, and pmcheck serve takes nothing without a signature", "set it to what is in webhook_secret_file, at "+settings)
	}
	if v := fmt.Sprint(hook.InsecureSSL); v != "0" && v != "<nil>" {
		wrong(Warning, "GitHub does not verify the certificate of pmcheck serve", "enable SSL verification at "+settings)
	}
	if well {
		x.report("webhook", OK, "GitHub sends JSON, signed, to "+hook.URL, "")
	}
}

// delivery is one of https://docs.github.com/rest/apps/webhooks#list-deliveries-for-an-app-webhook.
type delivery struct {
	GUID        string    `json:"guid"`
	DeliveredAt time.Time `json:"delivered_at"`
	Status      string    `json:"status"`
	StatusCode  int       `json:"status_code"`
	Event       string    `json:"event"`
}

func (d delivery) accepted() bool { return d.StatusCode >= 200 && d.StatusCode < 300 }

// deliveries reads what GitHub got for an answer lately: the one witness of whether it reaches us, and with which secret.
func (x *examination) deliveries(ctx context.Context, token, settings string) {
	var recent []delivery
	if !x.get(ctx, "deliveries", token, "app/hook/deliveries", url.Values{"per_page": {"100"}}, &recent) {
		return
	}
	if len(recent) == 0 {
		x.report("deliveries", Unknown, "GitHub has sent nothing in the last days", "if the App is installed and pull requests are open, tick Active at "+settings)
		x.report("webhook secret", Unknown, "no delivery tells whether GitHub has the same", "")
		return
	}
	newest := slices.MaxFunc(recent, func(a, b delivery) int { return a.DeliveredAt.Compare(b.DeliveredAt) })
	at := newest.DeliveredAt.UTC().Format(time.RFC3339)

	good := map[string]bool{}
	for _, d := range recent {
		good[d.GUID] = good[d.GUID] || d.accepted()
	}
	lost := 0
	for _, ok := range good {
		if !ok {
			lost++
		}
	}
	switch {
	case !newest.accepted():
		message, remedy := newest.trouble()
		x.report("deliveries", Wrong, fmt.Sprintf("the newest, %s of %s, failed: %s", newest.Event, at, message), remedy)
	case lost > 0:
		x.report("deliveries", Warning, fmt.Sprintf("the newest, of %s, was accepted; %d of the last %d were not", at, lost, len(good)), "pmcheck serve asks GitHub to send them again: look again in a while")
	default:
		x.report("deliveries", OK, fmt.Sprintf("the last %d were accepted, the newest %s", len(good), at), "")
	}
	switch {
	case newest.accepted():
		x.reached = true
		x.report("webhook secret", OK, "the delivery of "+at+" was accepted, and its signature therefore fits", "")
	case newest.StatusCode == http.StatusUnauthorized:
		x.report("webhook secret", Wrong, "the signature of the newest delivery does not fit", "set the secret at "+settings+" to what is in webhook_secret_file, or name the other one there too")
	default:
		x.report("webhook secret", Unknown, "the newest delivery did not get as far as its signature", "")
	}
}

// trouble is why a delivery failed, and what to do.
func (d delivery) trouble() (message, remedy string) {
	switch code := d.StatusCode; {
	case code == 0:
		return "no answer (" + d.Status + ")", "see that pmcheck serve runs, and that GitHub may reach it through firewall and proxy within 10 seconds"
	case code == http.StatusUnauthorized:
		return "401: the signature does not fit", "see the webhook secret below"
	case code == http.StatusNotFound, code == http.StatusMethodNotAllowed:
		return fmt.Sprintf("%d: something else answers there", code), "have the proxy pass POST /webhook on to pmcheck serve"
	case code >= 300 && code < 400:
		return fmt.Sprintf("%d: a redirect, which GitHub does not follow", code), "give GitHub the address that is redirected to"
	case code == http.StatusBadGateway, code == http.StatusGatewayTimeout:
		return fmt.Sprintf("%d: the proxy does not reach pmcheck serve", code), "see that pmcheck serve runs, and where the proxy passes requests on to"
	case code >= 500:
		return fmt.Sprintf("%d: the delivery could not be kept", code), "the log of pmcheck serve says why: the database, or a full disk"
	}
	return d.Status, "the log of pmcheck serve says why"
}
