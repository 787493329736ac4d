package report

import (
	"testing"

	"github.com/pmcheck/pmcheck/internal/browsertest"
)

// overflowing are the elements that reach beyond the page's right edge and are in no box that scrolls.
const overflowing = `[...document.querySelectorAll("body *")].filter(e => {
	if (e.getBoundingClientRect().right <= document.documentElement.clientWidth + 1) return false;
	for (let p = e; p; p = p.parentElement) {
		const s = getComputedStyle(p);
		if (s.overflowX == "auto" || s.overflowX == "hidden" || s.position == "absolute") return false;
	}
	return true;
}).map(e => e.tagName + "." + e.getAttribute("class") + " " + e.textContent.slice(0, 40)).slice(0, 5).join("\n")`

// In a real browser: the page asks for nothing, has nothing to complain of, and fits a phone.
func TestHTMLInABrowser(t *testing.T) {
	browser := browsertest.New(t)
	results := pages()
	for _, tt := range []struct {
		name    string
		view    browsertest.View
		results []string
	}{
		{"phone", browsertest.View{Width: 360, Height: 740, Phone: true}, []string{"incident", "hostile", "everything", "locks"}},
		{"small and dark", browsertest.View{Width: 320, Height: 640, Phone: true, Dark: true}, []string{"everything"}},
		{"screen", browsertest.View{Width: 1280, Height: 900}, []string{"incident", "carets"}},
		{"paper", browsertest.View{Width: 720, Height: 1000, Print: true}, []string{"everything"}},
	} {
		for _, result := range tt.results {
			t.Run(tt.name+", "+result, func(t *testing.T) {
				page := browser.Open(t, []byte(page1(t, results[result])), tt.view)
				browsertest.Ask[int](t, page, `document.querySelectorAll("details").forEach(d => d.open = true), 1`)
				if wide, room := browsertest.Ask[int](t, page, "document.scrollingElement.scrollWidth"), browsertest.Ask[int](t, page, "document.documentElement.clientWidth"); wide > room || room != tt.view.Width {
					t.Errorf("the page is %d pixels wide, on a screen of %d: %s", wide, room, browsertest.Ask[string](t, page, overflowing))
				}
				if requests := page.Requests(); len(requests) > 0 {
					t.Errorf("the page asks for %q", requests)
				}
				if console := page.Console(); len(console) > 0 {
					t.Errorf("the browser complains: %q", console)
				}
				if background := browsertest.Ask[string](t, page, "getComputedStyle(document.body).backgroundColor"); (background == "rgb(255, 255, 255)") == tt.view.Dark {
					t.Errorf("the page's background is %s", background)
				}
			})
		}
	}
	t.Run("time line", func(t *testing.T) { timeLine(t, browser) })
}

// The picture's parts stand where the statements do.
func timeLine(t *testing.T, browser *browsertest.Browser) {
	page := browser.Open(t, []byte(page1(t, pages()["locks"])), browsertest.View{Width: 1280, Height: 900})
	type box struct{ Left, Right, Width float64 }
	boxes := func(selector string) []box {
		return browsertest.Ask[[]box](t, page, `[...document.querySelector(".timeline").querySelectorAll("`+selector+`")].map(e => { const r = e.getBoundingClientRect(); return {Left: r.left, Right: r.right, Width: r.width} })`)
	}
	bars, picture := boxes(".bar"), boxes(".lane")
	if len(bars) < 5 || len(picture) != 3 {
		t.Fatalf("%d bars in %d lanes", len(bars), len(picture))
	}
	for _, b := range bars {
		if b.Width < 5 || b.Left < picture[0].Left-1 || b.Right > picture[0].Right+1 {
			t.Errorf("a bar from %.0f to %.0f in a lane from %.0f to %.0f", b.Left, b.Right, picture[0].Left, picture[0].Right)
		}
	}
	if first, second := bars[0], bars[1]; second.Left < first.Right-2 || second.Width < 4*first.Width {
		t.Errorf("an instant is %.0f wide and the index build after it %.0f, from %.0f on", first.Width, second.Width, second.Left)
	}
	if fill := browsertest.Ask[string](t, page, `getComputedStyle(document.querySelector(".timeline .bar")).fill`); fill == "none" || fill == "rgb(0, 0, 0)" {
		t.Errorf("a bar is filled with %s", fill)
	}
}
