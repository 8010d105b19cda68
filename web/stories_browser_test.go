package web_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"opora/internal/locale"
	"opora/web/static"
)

// patience bounds every wait. It is only reached when something is wrong.
const patience = 40 * time.Second

// browser is one Chromium for all people of a test.
type browser struct {
	ctx context.Context
	h   *house
	axe string
}

func newBrowser(t *testing.T, h *house) *browser {
	t.Helper()
	if !static.Built() {
		t.Fatal("the assets are not built: npm ci --ignore-scripts && go run ./tools/assets")
	}
	axe, err := os.ReadFile("../node_modules/axe-core/axe.min.js")
	must(t, err)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	must(t, chromedp.Do(ctx))
	return &browser{ctx, h, string(axe)}
}

// guest is somebody at a browser of his own: no cookie or storage is shared.
type guest struct {
	t       *testing.T
	ctx     context.Context
	b       *browser
	P       *locale.Printer // how the pages speak to him
	scripts bool

	mu   sync.Mutex
	said []string // what the browser complained about
}

// guest opens a window at 1280 px with a light theme.
func (b *browser) guest(t *testing.T, scripts bool) *guest {
	t.Helper()
	ctx, stop := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(stop)
	g := &guest{t: t, ctx: ctx, b: b, P: locale.For("en", nil), scripts: scripts}
	must(t, chromedp.Do(ctx)) // the window lives as long as the context that it was opened with
	must(t, chromedp.Listen(ctx, g.hear))
	call(g, log.Enable, cdp.Empty{})
	call(g, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})
	call(g, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}})
	g.do(chromedp.EmulateViewport(wide, tall))
	return g
}

// as signs somebody in by the page. Their language is the directory's.
func (b *browser) as(t *testing.T, login, language string) *guest {
	t.Helper()
	return b.guest(t, true).signIn(login, language)
}

func (g *guest) signIn(login, language string) *guest {
	g.t.Helper()
	g.open("/sign-in")
	g.do(chromedp.SendKeys(chromedp.CSS("#field-login"), login), chromedp.SendKeys(chromedp.CSS("#field-password"), "demo"))
	g.submit("main form button")
	g.P = locale.For(language, nil)
	if got := evaluate[string](g, "document.documentElement.lang"); got != language {
		g.t.Fatalf("%s reads %q at %s, not %q", login, got, g.path(), language)
	}
	return g
}

// hear collects what the browser complains about: errors, refusals of the policy, and whatever a script says.
func (g *guest) hear(event any) {
	var said string
	switch e := event.(type) {
	case *log.EventEntryAdded:
		said = e.Entry.Text + " " + e.Entry.URL
	case *runtime.EventExceptionThrown:
		said = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			said += " " + e.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		for _, a := range e.Args {
			said += string(a.Value) + a.Description + " "
		}
	default:
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.said = append(g.said, said)
}

// quiet fails on what the browser complained about since the last time, but for answers with the status that the story is about.
func (g *guest) quiet(status ...string) {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, said := range g.said {
		if !slices.ContainsFunc(status, func(s string) bool { return strings.Contains(said, "status of "+s) }) {
			g.t.Errorf("the browser: %s", said)
		}
	}
	g.said = nil
}

func (g *guest) do(steps ...chromedp.Action[chromedp.Void]) {
	g.t.Helper()
	ctx, stop := context.WithTimeout(g.ctx, patience)
	defer stop()
	if err := chromedp.Do(ctx, steps...); err != nil {
		g.t.Fatalf("at %s: %v", g.path(), err)
	}
}

func call[P any](g *guest, command cdp.Command[P, cdp.Empty], params P) {
	g.t.Helper()
	ctx, stop := context.WithTimeout(g.ctx, patience)
	defer stop()
	_, err := chromedp.Call(ctx, command, params)
	must(g.t, err)
}

func (g *guest) open(path string) { g.t.Helper(); g.do(chromedp.Navigate(g.b.h.url + path)) }

// submit clicks and waits for the page that comes then.
func (g *guest) submit(selector string) {
	g.t.Helper()
	evaluate[bool](g, "document.documentElement.dataset.left = true")
	ctx, stop := context.WithTimeout(g.ctx, patience)
	defer stop()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		g.t.Fatalf("%s at %s: %v", selector, g.path(), err)
	}
	// A page may report a load of its own just before it is left.
	for {
		there, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`!document.documentElement.dataset.left && document.readyState === "complete"`))
		if err != nil && !leaving(err) {
			g.t.Fatalf("%s at %s: %v", selector, g.path(), err)
		}
		if there {
			return
		}
	}
}

// leaving tells that a script could not be run because its page was just going away.
func leaving(err error) bool {
	var failed *cdproto.Error
	return errors.As(err, &failed) && failed.Code == -32000
}

// write types into a field.
func (g *guest) write(selector, text string) {
	g.t.Helper()
	g.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

func (g *guest) path() string {
	ctx, stop := context.WithTimeout(g.ctx, patience)
	defer stop()
	address, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		return err.Error()
	}
	return strings.TrimPrefix(address, g.b.h.url)
}

func evaluate[T any](g *guest, script string) T {
	g.t.Helper()
	ctx, stop := context.WithTimeout(g.ctx, patience)
	defer stop()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		g.t.Fatalf("%.200s at %s: %v", script, g.path(), err)
	}
	return got
}

// until waits for a script to be true; the browser looks, the test does not sleep.
func (g *guest) until(script string) {
	g.t.Helper()
	evaluate[bool](g, `new Promise((done, fail) => { const end = Date.now() + `+fmt.Sprint(patience.Milliseconds()-2000)+`; const look = () => {
	if (`+script+`) done(true); else if (Date.now() > end) fail(`+fmt.Sprintf("%q", "never: "+script)+`); else setTimeout(look, 20); }; look(); })`)
}

// listens waits until the stream of live updates is open.
func (g *guest) listens() { g.t.Helper(); g.until(`document.body.dataset.live === "open"`) }

// sees waits for a text in an element.
func (g *guest) sees(selector, text string) {
	g.t.Helper()
	if g.scripts {
		g.until(fmt.Sprintf(`[...document.querySelectorAll(%q)].some(e => e.innerText.includes(%q))`, selector, text))
		return
	}
	ctx, stop := context.WithTimeout(g.ctx, patience)
	defer stop()
	if got, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(selector))); err != nil || !strings.Contains(got, text) {
		g.t.Fatalf("%s at %s says %q, not %q (%v)", selector, g.path(), got, text, err)
	}
}

// What is looked for, and the screens at which every page is looked at.
const (
	allRules = `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]`
	contrast = `{type: "rule", values: ["color-contrast"]}`

	wide   = 1280
	phone  = 390
	narrow = 320
	tall   = 900
)

// axeRun is run with all rules of WCAG 2.2 AA, or with the one that a theme can break.
const axeRun = `axe.run(document, {runOnly: %s})
	.then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.target + " " + (n.any[0]?.message ?? n.all[0]?.message ?? ""))))`

// inspect looks at the page in both themes, wide and as on a phone: nothing that axe calls a violation of WCAG 2.2 AA, nothing wider
// than the screen, no word of another language, and not a complaint of the browser.
func (g *guest) inspect(what string) {
	g.t.Helper()
	evaluate[bool](g, "document.fonts.ready.then(() => true)")
	evaluate[bool](g, g.b.axe+";true")
	for _, look := range []struct {
		theme string
		width int64
		rules string
	}{{"light", wide, allRules}, {"dark", wide, contrast}, {"dark", phone, allRules}, {"light", phone, contrast}} {
		g.look(look.theme, look.width)
		for _, v := range evaluate[[]string](g, fmt.Sprintf(axeRun, look.rules)) {
			g.t.Errorf("%s (%s), %s at %d px: %s", what, g.path(), look.theme, look.width, v)
		}
		g.fits(what, look.width)
	}
	g.look("light", wide)
	g.reads(what)
	g.quiet()
}

// look sets theme and width. The theme is set as its switch sets it, and nothing is waited for that only fades.
func (g *guest) look(theme string, width int64) {
	g.t.Helper()
	g.do(chromedp.EmulateViewport(width, tall))
	evaluate[bool](g, `document.documentElement.dataset.theme = "`+theme+`", Promise.all(document.getAnimations().map(a => a.finished.catch(() => 0))).then(() => true)`)
}

// fits fails when the page is wider than the screen.
func (g *guest) fits(what string, width int64) {
	g.t.Helper()
	if over := evaluate[int](g, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
		g.t.Errorf("%s (%s) is %d px wider than a screen of %d", what, g.path(), over, width)
	}
}

var (
	bracket  = regexp.MustCompile(`\[[a-z][a-z0-9_]*(\.[a-zA-Z0-9_]+)+\]`)
	latin    = regexp.MustCompile(`[A-Za-z][A-Za-z'’-]{2,}`)
	cyrillic = regexp.MustCompile(`\p{Cyrillic}`)
)

// international are words that headings and buttons have in every language, beside abbreviations: names of people and sites are some.
var international = []string{"Opora", "English", "Wi-Fi", "PostgreSQL", "Ctrl", "Enter", "Helen", "Carter", "Kyiv", "Almaty", "Berlin", "London", "Chrome", "Linux"}

// reads fails on messages that the catalogue lacks and, for who reads Russian or Ukrainian, on English left in headings, labels and
// buttons.
func (g *guest) reads(what string) {
	g.t.Helper()
	all := evaluate[string](g, `document.title + "\n" + document.body.textContent + "\n" +
	[...document.querySelectorAll("[title], [aria-label], [placeholder]")].map(e => e.title + "\n" + e.ariaLabel + "\n" + e.placeholder).join("\n")`)
	for _, id := range bracket.FindAllString(all, -1) {
		g.t.Errorf("%s (%s): the catalogue lacks %s", what, g.path(), id)
	}
	if g.P.Lang == "en" {
		return
	}
	for _, text := range evaluate[[]string](g, `[...document.querySelectorAll("h1, h2, h3, h4, legend, label, th, dt, button:not(.copy), summary, .btn, nav a, .tabs a")]
	.map(e => e.textContent.trim().replace(/\s+/g, " ")).filter(t => t)`) {
		for _, word := range latin.FindAllString(text, -1) {
			name := word == strings.ToUpper(word) || slices.Contains(international, word)
			if !name && (word == strings.ToLower(word) || !cyrillic.MatchString(text)) {
				g.t.Errorf("%s (%s) says %q to a reader of %q", what, g.path(), text, g.P.Lang)
				break
			}
		}
	}
}

// main is inspect for the pages that people use most: those fit on the narrowest screen too.
func (g *guest) inspectMain(what string) {
	g.t.Helper()
	g.inspect(what)
	g.look("light", narrow)
	g.fits(what, narrow)
	g.look("light", wide)
}
