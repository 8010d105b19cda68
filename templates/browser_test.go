package templates

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"opora/web/static"
)

//go:embed testdata
var galleryFiles embed.FS

// serveGallery shows the gallery and the pages of this package under the program's own policy:
// /portal, /desk, /signin, /error, /conflict, /setup with ?lang=…&theme=….
func serveGallery(t *testing.T) string {
	r := galleryRenderer(t)
	mux := http.NewServeMux()
	mux.Handle(static.Prefix, static.Handler())
	mux.HandleFunc("/live", func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "event: bell\ndata: {\"unread\":7}\n\nevent: ticket\ndata: {\"id\":99,\"version\":2}\n\nevent: ticket\ndata: {\"id\":1,\"version\":2}\n\n")
		w.(http.Flusher).Flush()
		<-q.Context().Done()
	})
	mux.HandleFunc("/pick/people", func(w http.ResponseWriter, q *http.Request) {
		list := Options{Prefix: "people", None: "none", Options: []Option{{Value: "1", Label: "Anna " + q.FormValue("for_text"), Hint: "Finance"}, {Value: "2", Label: "Boris"}}}
		answer(t, w, r.Block(w, "portal/gallery", "options", list))
	})
	mux.HandleFunc("/row", func(w http.ResponseWriter, _ *http.Request) {
		row := newGallery(galleryPage("en", "", "")).Rows[0]
		row.Title, row.Version = "Renewed", 2
		answer(t, w, r.Block(w, "desk/gallery", "gallery-row", row))
	})
	page := func(path, name string, data func(Page) any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", static.Policy)
			p := galleryPage(q.FormValue("lang"), q.FormValue("theme"), q.FormValue("section"))
			p.Live = q.FormValue("live") != ""
			if q.FormValue("wrong") != "" {
				p.Errors = FieldErrors{{"text", "Say what is wrong."}, {"login", "Enter your name."}, {"impact", "Choose one."}, {"files", "Too large."}}
			}
			answer(t, w, r.Render(w, name, data(p)))
		})
	}
	page("/portal", "portal/gallery", func(p Page) any { p.Section = "home"; return newGallery(p) })
	page("/desk", "desk/gallery", func(p Page) any { p.Section = "incidents"; return newGallery(p) })
	page("/signin", "auth/signin", func(p Page) any { p.Viewer.ID, p.Flash = 0, Flash{}; return SignIn{Page: p} })
	page("/error", "errors/error", func(p Page) any {
		e := NewErrorPage(p, 503, "01JD8Q4Z")
		e.Kept = "What I had typed."
		return e
	})
	page("/conflict", "errors/conflict", func(p Page) any {
		return Conflict{Page: p, Number: "INC-000388", Ticket: "/t", Changes: newGallery(p).Entries[1:3], Action: "/t", TextName: "text", Text: "My text.", Wanted: []Change{{"P", "3", "2"}}}
	})
	page("/setup", "setup/shell", func(p Page) any {
		return Setup{Page: p, Progress: newGallery(p).Steps, Checks: []SetupCheck{
			{"good", "PostgreSQL", "15.14, 3 ms", "", nil},
			{"bad", "LDAP", "dc1.example.com: connection refused", "OPORA_LDAP_URL", nil},
			{"open", "LDAP preview", "", "", []Change{{"anna", "", "Anna Kovalenko"}}},
		}}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.URL
}

func answer(t *testing.T, w http.ResponseWriter, err error) {
	if err != nil {
		t.Error(err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// browser starts Chromium and collects what it complains about, the policy's refusals too.
func browser(t *testing.T) (context.Context, func() []string) {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	var mu sync.Mutex
	var said []string
	note := func(s string) { mu.Lock(); said = append(said, s); mu.Unlock() }
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *log.EventEntryAdded:
			note(e.Entry.Text)
		case *runtime.EventExceptionThrown:
			note(e.ExceptionDetails.Text + " " + e.ExceptionDetails.Exception.Description)
		case *runtime.EventConsoleAPICalled:
			for _, a := range e.Args {
				note(string(a.Value) + a.Description)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	ctx, stop = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(stop)
	return ctx, func() []string { mu.Lock(); defer mu.Unlock(); out := said; said = nil; return out }
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func evaluate[T any](t *testing.T, ctx context.Context, script string) T {
	t.Helper()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return got
}

const axeRun = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
	.then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.target + " " + (n.any[0]?.message ?? ""))))`

// TestGallery looks at every part and page in both themes, from 320 px up: no complaint of axe or of the browser, and
// nothing wider than the screen. With OPORA_GALLERY=DIR it leaves pictures there.
func TestGallery(t *testing.T) {
	if !static.Built() {
		t.Fatal("the assets are not built: npm ci --ignore-scripts && go run ./tools/assets")
	}
	axe, err := os.ReadFile("../node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	address := serveGallery(t)
	ctx, complaints := browser(t)
	for _, face := range []string{"portal", "desk", "signin", "error", "conflict", "setup"} {
		for _, look := range []struct {
			lang, theme string
			width       int64
			query       string
		}{{"en", "light", 1440, ""}, {"uk", "dark", 1280, "&wrong=1"}, {"ru", "light", 390, "&wrong=1"}, {"uk", "dark", 320, ""}} {
			name := fmt.Sprintf("%s-%s-%s-%d", face, look.lang, look.theme, look.width)
			t.Run(name, func(t *testing.T) {
				do(t, ctx, chromedp.EmulateViewport(look.width, 900),
					chromedp.Navigate(fmt.Sprintf("%s/%s?lang=%s&theme=%s%s", address, face, look.lang, look.theme, look.query)))
				evaluate[bool](t, ctx, "document.fonts.ready.then(() => true)")
				if over := evaluate[int](t, ctx, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
					t.Errorf("%d px wider than the screen", over)
				}
				if dir := os.Getenv("OPORA_GALLERY"); dir != "" {
					png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
					if err == nil {
						err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				evaluate[bool](t, ctx, string(axe)+";true")
				for _, v := range evaluate[[]string](t, ctx, axeRun) {
					t.Error(v)
				}
				for _, c := range complaints() {
					if !strings.Contains(c, "favicon") {
						t.Errorf("the browser: %s", c)
					}
				}
			})
		}
	}
}

// until waits for a script to be true; the browser polls, the test does not sleep.
func until(t *testing.T, ctx context.Context, script string) {
	t.Helper()
	wait := `new Promise((done, fail) => { const end = Date.now() + 5000; const look = () => { if (` + script +
		`) done(true); else if (Date.now() > end) fail("never: " + ` + fmt.Sprintf("%q", script) + `); else requestAnimationFrame(look); }; look(); })`
	evaluate[bool](t, ctx, wait)
}

// TestControllers drives the scripts by keyboard and by the server's events.
func TestControllers(t *testing.T) {
	address := serveGallery(t)
	ctx, complaints := browser(t)
	key := func(code string, shift bool) {
		t.Helper()
		evaluate[bool](t, ctx, fmt.Sprintf(`document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {code: %q, key: "о", shiftKey: %t, bubbles: true, cancelable: true}))`+";true", code, shift))
	}

	do(t, ctx, chromedp.EmulateViewport(1440, 900), chromedp.Navigate(address+"/portal?lang=uk&theme="))
	until(t, ctx, `document.querySelector("[data-combobox-target=input]").hasAttribute("data-htmx-powered")`)
	do(t, ctx, chromedp.Click(chromedp.CSS("#field-for")), chromedp.SendKeys(chromedp.CSS("#field-for"), "Ко"))
	until(t, ctx, `document.querySelectorAll("#field-for-list [role=option]").length === 2 && !document.querySelector("#field-for-list").hidden`)
	do(t, ctx, chromedp.KeyEvent(kb.ArrowDown))
	// One event with its text, as a keyboard sends it: a "char" of its own would submit the form.
	enter := input.DispatchKeyEventParams{Type: "keyDown", Key: "Enter", Code: "Enter", Text: "\r", WindowsVirtualKeyCode: 13}
	if _, err := chromedp.Call(ctx, input.DispatchKeyEvent, enter); err != nil {
		t.Fatal(err)
	}
	until(t, ctx, `document.querySelector("[name=for]").value === "1" && document.querySelector("#field-for").value === "Anna Ко"`)

	evaluate[bool](t, ctx, `document.querySelector("button[name=theme][value=dark]").click();true`)
	until(t, ctx, `getComputedStyle(document.body).backgroundColor === "rgb(20, 24, 22)"`)

	asked := make(chan error, 1)
	err := chromedp.Listen(ctx, func(event any) {
		if _, ok := event.(*cdppage.EventJavascriptDialogOpening); ok {
			go func() {
				_, err := chromedp.Call(ctx, cdppage.HandleJavaScriptDialog, cdppage.HandleJavaScriptDialogParams{Accept: true})
				asked <- err
			}()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	do(t, ctx, chromedp.Navigate(address+"/desk?lang=ru&theme=light&live=1"))
	select {
	case err := <-asked:
		if err != nil {
			t.Fatal(err)
		}
	case <-ctx.Done():
		t.Fatal("a form with words in it was left without a question")
	}
	until(t, ctx, `document.querySelector(".bell-count").textContent === "7"`)
	until(t, ctx, `document.querySelector(".news").innerText.trim() === "1 новое"`)
	until(t, ctx, `document.querySelector("tr[data-ticket='1'].glow")?.innerText.includes("Renewed")`)
	key("KeyJ", false)
	until(t, ctx, `document.querySelector("tr[aria-current]").dataset.ticket === "4"`)
	key("KeyX", false)
	until(t, ctx, `document.querySelector("tr[aria-current] input").checked && document.querySelector("thead input").indeterminate`)
	key("Slash", false)
	until(t, ctx, `document.activeElement.id === "search"`)
	key("KeyJ", false)
	until(t, ctx, `document.querySelector("tr[aria-current]").dataset.ticket === "4"`)
	evaluate[bool](t, ctx, `document.activeElement.blur();true`)
	key("Slash", true)
	until(t, ctx, `document.querySelector("#keys").open`)
	for _, c := range complaints() {
		if !strings.Contains(c, "preferences") && !strings.Contains(c, "favicon") && !strings.Contains(c, "404") {
			t.Errorf("the browser: %s", c)
		}
	}
}
