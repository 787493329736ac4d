package dora

import (
	"bytes"
	"testing"

	"github.com/pmcheck/pmcheck/internal/browsertest"
)

// In a real browser: the page asks for nothing, has nothing to complain of, and fits a phone.
func TestPageInABrowser(t *testing.T) {
	var page bytes.Buffer
	if err := story(t).HTML(&page); err != nil {
		t.Fatal(err)
	}
	browser := browsertest.New(t)
	for _, view := range []browsertest.View{{Width: 1280, Height: 900}, {Width: 360, Height: 740, Phone: true, Dark: true}} {
		shown := browser.Open(t, page.Bytes(), view)
		if wide, room := browsertest.Ask[int](t, shown, "document.scrollingElement.scrollWidth"), browsertest.Ask[int](t, shown, "document.documentElement.clientWidth"); wide > room || room != view.Width {
			t.Errorf("%+v: the page is %d pixels wide, with room for %d", view, wide, room)
		}
		if requests, console := shown.Requests(), shown.Console(); len(requests)+len(console) > 0 {
			t.Errorf("%+v: the page asks for %q, the browser complains: %q", view, requests, console)
		}
		if background := browsertest.Ask[string](t, shown, "getComputedStyle(document.body).backgroundColor"); (background == "rgb(255, 255, 255)") == view.Dark {
			t.Errorf("%+v: the background is %s", view, background)
		}
		// Each plot has a name and a description, and its highest column reaches at most the top of the scale.
		const plots = `[...document.querySelectorAll("svg.plot")].filter(p => !p.querySelector("title").textContent || !p.querySelector("desc").textContent ||
			[...p.querySelectorAll("rect.column")].some(c => c.getBoundingClientRect().top < p.querySelector("line.grid").getBoundingClientRect().top - 1)).length`
		if n := browsertest.Ask[int](t, shown, `document.querySelectorAll("svg.plot").length`); n != 5 {
			t.Errorf("%d plots", n)
		}
		if n := browsertest.Ask[int](t, shown, plots); n != 0 {
			t.Errorf("%+v: %d plots have no words, or columns that leave them", view, n)
		}
		if fill := browsertest.Ask[string](t, shown, `getComputedStyle(document.querySelector("rect.column")).fill`); fill == "rgb(0, 0, 0)" || fill == "none" {
			t.Errorf("a column is filled with %s", fill)
		}
	}
}
