// Package browsertest shows pages to tests in a real browser: Chromium, through the
// DevTools protocol. Where there is none the test is skipped, unless
// PMCHECK_REQUIRE_TOOLS=1 makes that a failure. PMCHECK_CHROMIUM names the program
// where it is not in PATH.
package browsertest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Browser is a browser that runs until its test ends.
type Browser struct{ ctx context.Context }

// View is the screen that a page is shown on.
type View struct {
	Width, Height int // in CSS pixels
	Phone         bool
	Dark          bool // the reader prefers a dark page
	Print         bool // as on paper
}

// Page is a page that is loaded.
type Page struct {
	ctx context.Context
	own string // its address

	mu       sync.Mutex // of what follows
	console  []string
	requests []string
}

// New starts a browser, or skips the test.
func New(t testing.TB) *Browser {
	t.Helper()
	program := find()
	if program == "" {
		const why = "no Chromium found: install Debian's package chromium, or set PMCHECK_CHROMIUM to the program"
		if os.Getenv("PMCHECK_REQUIRE_TOOLS") == "1" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	// Chromium's sandbox needs what a container and root do not have; the pages are ours.
	ctx, cancel = chromedp.NewExecAllocator(ctx, chromedp.ExecPath(program), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	return &Browser{ctx}
}

func find() string {
	for _, name := range []string{os.Getenv("PMCHECK_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	return ""
}

// Open loads a page, from a server that has nothing else.
func (b *Browser) Open(t testing.TB, page []byte, v View) *Page {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/report.html" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	}))
	t.Cleanup(server.Close)
	return b.Visit(t, server.URL+"/report.html", v)
}

// Visit loads the page at an address, in a tab of its own. Tabs share their cookies.
func (b *Browser) Visit(t testing.TB, address string, v View) *Page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	t.Cleanup(cancel)
	p := &Page{ctx: ctx, own: address}
	if err := chromedp.Listen(ctx, p.note); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	var viewport []chromedp.EmulateViewportOption
	if v.Phone {
		viewport = append(viewport, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	if v.Print {
		media.Media = "print"
	}
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	if err == nil {
		_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, media)
	}
	if err == nil {
		err = chromedp.Do(ctx, chromedp.EmulateViewport(int64(v.Width), int64(v.Height), viewport...), chromedp.Navigate(p.own))
	}
	if err != nil {
		t.Fatalf("open the page: %v", err)
	}
	return p
}

// note keeps what the browser says of the page.
func (p *Page) note(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	case *log.EventEntryAdded:
		p.console = append(p.console, e.Entry.Text)
	case *runtime.EventExceptionThrown:
		p.console = append(p.console, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		p.console = append(p.console, string(e.Type))
	}
}

// Console are the messages in the browser's console.
func (p *Page) Console() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.console...)
}

// Requests are the addresses that were asked for, apart from the page's own.
func (p *Page) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, url := range p.requests {
		if url, _, _ = strings.Cut(url, "#"); url != p.own {
			out = append(out, url)
		}
	}
	return out
}

// Ask evaluates an expression of JavaScript in the page; a page that forbids scripts can be asked too.
func Ask[T any](t testing.TB, p *Page, expression string) T {
	t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("ask %s: %v", expression, err)
	}
	return value
}

// Follow clicks the element that a CSS selector finds, and waits until the page that it
// leads to is loaded.
func (p *Page) Follow(t testing.TB, selector string) {
	t.Helper()
	if _, err := chromedp.RunResponse(p.ctx, chromedp.Click(selector)); err != nil {
		t.Fatalf("click %s: %v", selector, err)
	}
}

// Screenshot is a PNG of what the screen shows.
func (p *Page) Screenshot(t testing.TB) []byte {
	t.Helper()
	picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatalf("take a picture: %v", err)
	}
	return picture
}
