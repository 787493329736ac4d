package pages

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/internal/browsertest"
)

var pictures = flag.String("pictures", "", "a folder that pictures of the pages are written to")

// overflowing are the elements that reach beyond the page's right edge.
const overflowing = `[...document.querySelectorAll("body *")].filter(e => {
	if (e.getBoundingClientRect().right <= document.documentElement.clientWidth + 1) return false;
	for (let p = e; p; p = p.parentElement) {
		const s = getComputedStyle(p);
		if (s.overflowX == "auto" || s.overflowX == "hidden" || s.position == "absolute") return false;
	}
	return true;
}).map(e => e.tagName + "." + e.className + " " + e.textContent.slice(0, 40)).slice(0, 5).join("\n")`

// squeezed are the elements whose text stands one letter below the other.
const squeezed = `[...document.querySelectorAll("main *")].filter(e => {
	const r = e.getBoundingClientRect();
	return e.textContent.trim().length > 4 && r.width > 1 && r.width < 30 && r.height > 60;
}).map(e => e.tagName + "." + e.className + " " + e.textContent.slice(0, 40)).slice(0, 5).join("\n")`

// faint are the texts whose colour stands out from what is behind them by less than 4.5
// to 1: WCAG 2.2, 1.4.3 at level AA.
const faint = `(() => {
	const numbers = c => { const n = c.match(/[\d.]+/g).map(Number); return n.length == 3 ? [...n, 1] : n };
	const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 }); return 0.2126 * r + 0.7152 * g + 0.0722 * b };
	const out = [];
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		if (!walk.currentNode.data.trim()) continue;
		let behind;
		for (let e = walk.currentNode.parentElement; e; e = e.parentElement) {
			const c = numbers(getComputedStyle(e).backgroundColor);
			if (c[3] == 1) { behind = c; break }
		}
		behind ??= matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
		const a = light(numbers(getComputedStyle(walk.currentNode.parentElement).color).slice(0, 3)), b = light(behind.slice(0, 3));
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < 4.5) out.push(ratio.toFixed(2) + " " + walk.currentNode.data.trim().slice(0, 40));
	}
	return out.slice(0, 5).join("\n");
})()`

// structure is what somebody who does not see the page would miss.
const structure = `(() => {
	const out = [];
	for (const wanted of ["main", "header", "footer", "h1", "a.skip", "title"])
		if (document.querySelectorAll(wanted).length != 1) out.push(document.querySelectorAll(wanted).length + " of " + wanted);
	let last = 0;
	for (const h of document.querySelectorAll("h1, h2, h3, h4")) { const n = +h.tagName[1]; if (n > last + 1) out.push(h.tagName + " after H" + last + ": " + h.textContent); last = n }
	for (const th of document.querySelectorAll("th")) if (!th.scope) out.push("th without scope: " + th.textContent);
	for (const cell of document.querySelectorAll("table, tr, td, th")) if (!cell.getAttribute("role")) out.push(cell.tagName + " without a role, which a phone's layout takes away");
	for (const f of document.querySelectorAll("iframe")) if (!f.title) out.push("a frame without title");
	for (const a of document.querySelectorAll("a, button")) if (!a.textContent.trim()) out.push("nothing to read: " + a.outerHTML);
	const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
	if (new Set(ids).size != ids.length) out.push("an id twice");
	return out.slice(0, 8).join("\n");
})()`

// shown are the pages that are looked at, by how.
var shown = []struct {
	name string
	browsertest.View
	example, hostile []string
}{
	{"screen", browsertest.View{Width: 1280, Height: 900}, []string{"/", "/r/acme/orders", "/r/acme/orders/41", "/r/acme/billing/8", "/postmortems"}, nil},
	{"dark", browsertest.View{Width: 1280, Height: 900, Dark: true}, []string{"/", "/r/acme/billing/7", "/postmortems"}, nil},
	{"phone", browsertest.View{Width: 360, Height: 740, Phone: true}, []string{"/", "/r/acme/orders/41", "/postmortems"}, []string{"/r/acme/orders", "/r/acme/orders/0", "/r/acme/billing/7", "/r/acme/billing/8", "/postmortems"}},
	{"small and dark", browsertest.View{Width: 320, Height: 640, Phone: true, Dark: true}, []string{"/r/acme/orders/42", "/r/acme/billing/8", "/nothing"}, []string{"/"}},
	{"paper", browsertest.View{Width: 720, Height: 1000, Print: true}, []string{"/r/acme/billing/8", "/postmortems"}, nil},
}

// In a real browser: the login works through its form, pages ask this site alone, have
// nothing to complain of, can be read, and fit a phone, also with a stranger's text in them.
func TestInABrowser(t *testing.T) {
	browser := browsertest.New(t)
	for name, content := range map[string]*shelf{"example": exampleShelf(), "hostile": hostileShelf()} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, content)
			s.hub.set(func() { s.hub.may["olga"] = append(s.hub.may["olga"], "acme/"+strings.Repeat("long-name-", 9)) })
			view := shown[0].View
			login := browser.Visit(t, s.URL+"/r/acme/orders/41", view)
			if at := browsertest.Ask[string](t, login, "location.pathname"); at != "/login" {
				t.Fatalf("the first page is %s", at)
			}
			look(t, s, login, view)
			picture(t, name+", login", login)
			login.Follow(t, "button.button")
			if at := browsertest.Ask[string](t, login, "location.pathname"); at != "/r/acme/orders/41" {
				t.Fatalf("the login leads to %s: %s", at, login.Console())
			}
			for _, v := range shown {
				paths := v.example
				if name == "hostile" {
					paths = v.hostile
				}
				for _, path := range paths {
					t.Run(v.name+path, func(t *testing.T) {
						p := browser.Visit(t, s.URL+path, v.View)
						look(t, s, p, v.View)
						picture(t, name+", "+v.name+strings.ReplaceAll(path, "/", "-"), p)
					})
				}
			}
		})
	}
	t.Run("frame", func(t *testing.T) { frameOfTheReport(t, browser) })
}

func look(t *testing.T, s *site, p *browsertest.Page, v browsertest.View) {
	t.Helper()
	if wide, room := browsertest.Ask[int](t, p, "document.scrollingElement.scrollWidth"), browsertest.Ask[int](t, p, "document.documentElement.clientWidth"); wide > room || room != v.Width {
		t.Errorf("the page is %d pixels wide, on a screen of %d: %s", wide, room, browsertest.Ask[string](t, p, overflowing))
	}
	for _, r := range p.Requests() {
		if !strings.HasPrefix(r, s.URL+"/") {
			t.Errorf("the page asks for %s", r)
		}
	}
	for _, said := range p.Console() {
		if !strings.Contains(said, "status of 404") { // of the pages that are to answer so
			t.Errorf("the browser complains: %s", said)
		}
	}
	if background := browsertest.Ask[string](t, p, "getComputedStyle(document.body).backgroundColor"); (background == "rgb(255, 255, 255)") == v.Dark {
		t.Errorf("the page's background is %s", background)
	}
	if narrow := browsertest.Ask[string](t, p, squeezed); narrow != "" {
		t.Errorf("squeezed: %s", narrow)
	}
	if weak := browsertest.Ask[string](t, p, faint); weak != "" {
		t.Errorf("hard to read: %s", weak)
	}
	if wrong := browsertest.Ask[string](t, p, structure); wrong != "" {
		t.Errorf("structure: %s", wrong)
	}
}

func picture(t *testing.T, name string, p *browsertest.Page) {
	t.Helper()
	if *pictures == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*pictures, strings.NewReplacer(" ", "", ",", "-", "?", "-", "=", "-").Replace(name)+".png"), p.Screenshot(t), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The report is shown, can be read to its end, and is cut off from the page around it.
func frameOfTheReport(t *testing.T, browser *browsertest.Browser) {
	s := newSite(t, nil)
	key := "100#41@" + sha(41)
	s.shelf.reports[key] = strings.Replace(s.shelf.reports[key], "<main>", `<main><script>parent.document.title = "taken over"; document.title = "run"</script><img src="/logout"><form action="/logout" method="post"><button id="out">x</button></form>`, 1)
	p := browser.Visit(t, s.URL+"/r/acme/orders/41", shown[0].View)
	p.Follow(t, "button.button")
	if size := browsertest.Ask[int](t, p, `document.querySelector("iframe").clientHeight`); size < 480 {
		t.Errorf("the frame is %d pixels high", size)
	}
	if title := browsertest.Ask[string](t, p, "document.title"); strings.Contains(title, "taken over") {
		t.Error("the report changes the page around it")
	}
	if inside := browsertest.Ask[bool](t, p, `document.querySelector("iframe").contentDocument !== null`); inside {
		t.Error("the report has the page's origin")
	}
	loaded := false
	for _, r := range p.Requests() {
		loaded = loaded || strings.Contains(r, "/report?head=")
		if strings.Contains(r, "/logout") {
			t.Errorf("the report asks for %s", r)
		}
	}
	if !loaded {
		t.Error("the report is not loaded")
	}
	alone := browser.Visit(t, s.URL+"/r/acme/orders/41/report?head="+sha(41), shown[0].View)
	if title := browsertest.Ask[string](t, alone, "document.title"); !strings.HasPrefix(title, "pmcheck: ") {
		t.Errorf("on its own its title is %q", title)
	}
	if origin := browsertest.Ask[string](t, alone, "origin"); origin != "null" {
		t.Errorf("on its own it has the origin %s", origin)
	}
	if color := browsertest.Ask[string](t, alone, `getComputedStyle(document.querySelector(".brand")).fontWeight`); color != "600" {
		t.Errorf("on its own it has no style: %s", color)
	}
}
