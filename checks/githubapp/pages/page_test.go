package pages

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

const hostile = `<script>alert(1)</script>"><img src=x onerror=alert(2)>'` + "\u202Eevil\u2066\x1b[31m\x00\r\nSet-Cookie: x=y {{.}} javascript:alert(3)"

// hostileShelf has a stranger's text in each field that a page shows.
func hostileShelf() *shelf {
	s := exampleShelf()
	for i := range s.standings {
		at := &s.standings[i]
		at.Revision.Title, at.Revision.Author, at.Revision.BaseRef, at.Revision.HeadRef, at.Revision.Labels = hostile, hostile, hostile, hostile, []string{hostile, hostile}
		if at.LastError != "" {
			at.LastError = hostile
		}
		if at.Subject.Ref != "" {
			at.Subject.Ref = hostile
		}
		if v := at.Verdict; v != nil {
			v.Title, v.Trace = hostile, hostile
			if v.Problem != "" {
				v.Problem = hostile
			}
			for i := range v.Overridden {
				v.Overridden[i] = job.Override{Rule: hostile, Because: hostile, By: hostile, URL: "javascript:alert(1)", At: noon}
			}
		}
	}
	text := strings.NewReplacer("\x1b", `\u001b`, "\x00", `\u0000`, "\r", `\r`, "\n", `\n`, `"`, `\"`).Replace(hostile)
	s.lessons[0].Documents = []byte(`[{"id": "` + text + `", "title": "` + text + `", "severity": "` + text + `", "status": "` + text + `", "date": "` + text + `", "path": "../../` + text + `", "action_items": [
		{"id": "` + text + `", "action": "` + text + `", "type": "` + text + `", "priority": "` + text + `", "owner": "` + text + `", "due": "` + text + `", "status": "` + text + `", "issue": "javascript:alert(1)//` + text + `", "enforced_by": ["` + text + `"]}]}]`)
	return s
}

var everyPage = []string{"/", "/r/acme/orders", "/r/acme/orders/41", "/r/acme/orders/41?head=" + sha(40), "/r/acme/orders/41?head=" + sha(39), "/r/acme/orders/42", "/r/acme/billing/8", "/r/acme/billing/7",
	"/r/acme/orders/0", "/r/acme/orders/0?head=" + sha(20), "/postmortems", "/r/acme/nothing", "/nothing"}

// Each page is read as a browser would: no element or attribute that a stranger's text made.
func TestStrangersText(t *testing.T) {
	s := newSite(t, hostileShelf())
	b := s.browser(t)
	b.signIn("/")
	shown := 0
	for _, path := range everyPage {
		p := b.get(path)
		shown += strings.Count(p.body, "&lt;script&gt;")
		for _, r := range p.body {
			if (r < ' ' && r != '\n') || strings.ContainsRune("\u202e\u2066", r) {
				t.Errorf("%s has the character %U", path, r)
			}
		}
		z := html.NewTokenizer(strings.NewReader(p.body))
		for z.Next() != html.ErrorToken {
			token := z.Token()
			if token.Type != html.StartTagToken && token.Type != html.SelfClosingTagToken {
				continue
			}
			if token.Data == "script" || token.Data == "img" || token.Data == "style" {
				t.Errorf("%s has %s", path, token)
			}
			for _, a := range token.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || (a.Key == "href" && strings.HasPrefix(strings.ToLower(a.Val), "javascript")) || (a.Key == "href" && strings.Contains(a.Val, "ZgotmplZ")) {
					t.Errorf("%s has %s", path, token)
				}
			}
		}
		for name := range p.header {
			if name == "Set-Cookie" {
				t.Errorf("%s sets a cookie", path)
			}
		}
	}
	if shown < 30 {
		t.Errorf("the text is shown %d times", shown)
	}
}

func TestHeaders(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser(t)
	check := func(path string, p page) {
		t.Helper()
		policy := p.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "base-uri 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: policy %q", path, policy)
			}
		}
		for _, never := range []string{"script-src", "unsafe-eval", "*", "http:", "https:"} {
			if strings.Contains(strings.ReplaceAll(policy, s.hub.URL, ""), never) {
				t.Errorf("%s: policy %q", path, policy)
			}
		}
		report := strings.Contains(path, "/report")
		if got, want := p.header.Get("X-Frame-Options"), map[bool]string{true: "SAMEORIGIN", false: "DENY"}[report]; got != want {
			t.Errorf("%s: X-Frame-Options %q, want %q", path, got, want)
		}
		if strings.Contains(policy, "frame-ancestors 'none'") == report || strings.Contains(policy, "unsafe-inline") != report || strings.Contains(policy, "sandbox allow-popups") != report {
			t.Errorf("%s: policy %q", path, policy)
		}
		if p.header.Get("X-Content-Type-Options") != "nosniff" || p.header.Get("Cross-Origin-Opener-Policy") != "same-origin" || p.header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: %v", path, p.header)
		}
		if got := p.header.Get("Cache-Control"); !strings.HasPrefix(got, "no-store") {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
	}
	check("/ without a login", b.get("/"))
	check("/login", b.get("/login"))
	check("POST /login", b.do(http.MethodPost, "/login", nil, "Sec-Fetch-Site", "cross-site"))
	b.signIn("/")
	for _, path := range append(everyPage, "/r/acme/orders/41/report?head="+sha(41)) {
		check(path, b.get(path))
	}
	for _, path := range []string{stylePath, iconPath} {
		p := b.get(path)
		if p.status != http.StatusOK || p.header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(p.header.Get("Cache-Control"), "immutable") || len(p.header.Values("Set-Cookie")) > 0 {
			t.Errorf("%s: %d %v", path, p.status, p.header)
		}
	}
}

func TestOverview(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser(t)
	b.signIn("/")
	p := b.get("/")
	want(t, p, `<b>2</b> queued or running`, `<b>1</b> failing`, `<b>1</b> not checked`, `<b>1</b> neutral`, `<b>2</b> passing`,
		`href="/r/acme/orders/41"`, `The running release breaks: 2 queries, and 2 warnings`, `<time datetime="2026-03-10T11:56:02Z" title="10 March 2026, 11:56:02 UTC">3 minutes ago</time>`, ` in 1.8 s`,
		`1 override`, `draft`, `main/pr-40-`, `href="/r/acme/orders/0?head=`+sha(20)+`"`, `olga</span> <button`, `4 pull requests`)
	wantNot(t, p, "acme/docs", "http-equiv") // readable, and not in the reader's list
	none := newSite(t, &shelf{})
	b = none.browser(t)
	b.signIn("/")
	want(t, b.get("/"), "Nothing to show yet", none.options("").InstallURL)
	want(t, b.get("/postmortems"), "No post-mortem yet")
}

func want(t *testing.T, p page, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(p.body, part) {
			t.Errorf("%q is not there", part)
		}
	}
	if t.Failed() {
		t.Log(p.body)
	}
}

func wantNot(t *testing.T, p page, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(p.body, part) {
			t.Errorf("%q is there", part)
		}
	}
}

func TestVerdictPages(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser(t)
	b.signIn("/")
	for _, at := range s.shelf.standings {
		if v := at.Verdict; v != nil && len(v.Overridden) > 0 {
			v.Overridden[0].URL = s.hub.URL + "/acme/billing/pull/8#issuecomment-1"
		}
	}
	for _, tt := range []struct {
		name, path string
		want, not  []string
	}{
		{"fail", "/r/acme/orders/41", []string{`class="badge fail">fail<`, `<iframe src="/r/acme/orders/41/report?head=` + sha(41) + `"`, `sandbox="allow-popups allow-popups-to-escape-sandbox"`, `release-2026.3`, "/acme/orders/pull/41",
			`head=` + sha(40), `>superseded<`}, []string{"http-equiv", "not the newest", "Overridden"}},
		{"an older head", "/r/acme/orders/41?head=" + sha(40), []string{"not the newest revision", `href="/r/acme/orders/41"`, "3 queries"}, []string{"<iframe"}},
		{"superseded", "/r/acme/orders/41?head=" + sha(39), []string{"A newer push came", "superseded"}, []string{"<iframe"}},
		{"a head of which nothing is kept", "/r/acme/orders/41?head=" + sha(200), []string{"Nothing is kept of revision <code>" + sha(200)[:9], "This is the newest", sha(41)}, []string{"not the newest revision"}},
		{"running", "/r/acme/orders/42", []string{`<meta http-equiv="refresh" content="15">`, "Being judged now", "Attempt 2.", "502 to the fetch", "The verdict on the revision before", sha(38)}, []string{"<iframe"}},
		{"queued", "/r/acme/billing/9", []string{`http-equiv="refresh"`, "Waiting for its turn"}, []string{"Attempt"}},
		{"could not be checked", "/r/acme/billing/7", []string{"Could not be checked", "61 MB", "split it", "Re-run", "/acme/billing/pull/7/checks", "0b1c9f8e"}, []string{"<iframe", "http-equiv"}},
		{"overridden", "/r/acme/billing/8", []string{"Overridden", "table-rewrite", "closed on Sunday", "anke", `/acme/billing/pull/8#issuecomment-1" rel="noreferrer"><time`, "2 hours ago"}, nil},
		{"merge queue", "/r/acme/orders/0", []string{"in the merge queue", "Merge groups"}, []string{"#0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := b.get(tt.path)
			if p.status != http.StatusOK {
				t.Fatalf("status %d", p.status)
			}
			want(t, p, tt.want...)
			wantNot(t, p, tt.not...)
		})
	}
}

func TestReport(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser(t)
	b.signIn("/")
	p := b.get("/r/acme/orders/41/report?head=" + sha(41))
	want(t, p, "Deploy matrix", `rel="noreferrer" target="_blank">`)
	if outside := regexp.MustCompile(`<a [^>]*href="http[^>]*>`).FindAllString(p.body, -1); len(outside) == 0 {
		t.Error("the report links to nothing")
	} else {
		for _, link := range outside {
			if !strings.Contains(link, `target="_blank"`) {
				t.Errorf("%s opens in the frame", link)
			}
		}
	}
	if strings.Contains(p.body, `href="#findings" rel`) || strings.Count(p.body, `target=`) != strings.Count(p.body, `rel="noreferrer"`) {
		t.Error("links within the report leave it")
	}
}

func TestPostmortems(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser(t)
	b.signIn("/")
	p := b.get("/postmortems")
	want(t, p, "Orders API 500s after deploy 1234", "SEV-2", "in review", "overdue by 3 days", "due in 7 days", "old-code-breaks", "no rule", `<strong>2 pull requests</strong>`, `<a href="/r/acme/orders/41">#41</a>`, "nothing yet",
		`<b>1</b> overdue`, `<b>1</b> open without a rule`, `<b>2</b> open`, `<b>2</b> done or cancelled`, `<b>3</b> guarded by rules`, "/acme/orders/blob/main/docs/postmortems/2026-001.md", "https://github.com/acme/orders/issues/812",
		"caught again in 2 pull requests")
	s.shelf.lessons[0].Documents = []byte(`{`)
	want(t, b.get("/postmortems"), "cannot be read")
}

func TestDue(t *testing.T) {
	now := time.Date(2026, 3, 10, 23, 59, 0, 0, time.FixedZone("", -5*3600)) // the 11th in UTC
	for date, want := range map[string]string{"2026-03-11": "due today", "2026-03-10": "overdue by 1 day", "2026-03-12": "due in 1 day", "2026-03-25": "due in 14 days", "2026-03-26": "", "": "", "soon": "", "2025-03-11": "overdue by 365 days"} {
		if got, _ := due(now, date); got != want {
			t.Errorf("%s: %q, want %q", date, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{-time.Hour: "just now", 59 * time.Second: "just now", time.Minute: "1 minute ago", 59*time.Minute + 59*time.Second: "59 minutes ago", time.Hour: "1 hour ago", 47 * time.Hour: "1 day ago", 14 * 24 * time.Hour: "on 10 Mar 2026"} {
		if got := ago(d, noon); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{420 * time.Millisecond: "420 ms", 1840 * time.Millisecond: "1.8 s", 14 * time.Second: "14 s", 125 * time.Second: "2 min 5 s", -time.Second: ""} {
		if got := took(noon, noon.Add(d)); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	if got := plain("a\nb\x00\u202ec\U0001F469\u200d\U0001F680"); got != "a bc\U0001F469\u200d\U0001F680" {
		t.Errorf("%q", got)
	}
}

func TestPath(t *testing.T) {
	subject := job.Subject{Repository: job.Repository{Owner: "acme", Name: "orders.api"}, Number: 41}
	if got := Path(subject, ""); got != "/r/acme/orders.api/41" {
		t.Error(got)
	}
	if got := Path(subject, sha(1)); got != "/r/acme/orders.api/41?head="+sha(1) {
		t.Error(got)
	}
}

// The pages have the colours of the reports that they show.
func TestColours(t *testing.T) {
	report, err := os.ReadFile("../../report/page.css")
	if err != nil {
		t.Fatal(err)
	}
	variable := regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6})`)
	theirs := map[string][]string{}
	for _, v := range variable.FindAllStringSubmatch(string(report), -1) {
		theirs[v[1]] = append(theirs[v[1]], v[2])
	}
	ours := map[string][]string{}
	for _, v := range variable.FindAllStringSubmatch(string(style), -1) {
		ours[v[1]] = append(ours[v[1]], v[2])
	}
	if len(ours) < 10 {
		t.Fatalf("%d colours", len(ours))
	}
	for name, values := range ours {
		if len(values) > len(theirs[name]) || strings.Join(values, " ") != strings.Join(theirs[name][:len(values)], " ") { // a third is for paper
			t.Errorf("--%s is %v, and %v in reports", name, values, theirs[name])
		}
	}
}
