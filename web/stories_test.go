package web_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"opora/internal/locale"
)

// TestStories follows three people through Opora in a real Chromium, each at a browser of their own, on a whole server: pages, jobs,
// live updates, and a directory to sign in with. Every page on the way is inspected.
func TestStories(t *testing.T) {
	h := newHouse(t)
	b := newBrowser(t, h)
	t.Run("an employee reports and confirms", func(t *testing.T) { employee(t, b) })
	t.Run("an employee without scripts", func(t *testing.T) { withoutScripts(t, b) })
	t.Run("an agent takes, asks, holds, resolves", func(t *testing.T) { agent(t, b) })
	t.Run("an administrator changes a target", func(t *testing.T) { administrator(t, b) })
	t.Run("three languages", func(t *testing.T) { languages(t, b) })
}

// picture is a file to attach.
func picture(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "смуги.txt")
	must(t, os.WriteFile(name, []byte("друкує смугами"), 0o600))
	return name
}

// printing opens the portal's first page and asks for what it offers about printers.
func (g *guest) printing() {
	g.t.Helper()
	g.open("/")
	g.submit("a.task[href='" + evaluate[string](g, fmt.Sprintf(`[...document.querySelectorAll("a.task")].find(a => a.innerText.trim() === %q).getAttribute("href")`,
		g.P.T("portal.task.printing"))) + "']")
}

// takeCall opens a ticket for Anna at the desk, and returns its number. more are the fields beside the title.
func (g *guest) takeCall(title string, more map[string]string) string {
	g.t.Helper()
	g.open("/desk/new")
	g.write("#field-requester", "Шевч")
	g.sees("#field-requester-list [role=option]", "Анна Шевчук")
	g.do(chromedp.Click(chromedp.CSS("#field-requester-list [role=option]")))
	g.write("#field-title", title)
	for field, value := range more {
		g.do(chromedp.SetValue(chromedp.CSS("#field-"+field), value))
	}
	g.submit("main form[action='/desk/new'] .btn-primary")
	number, found := strings.CutPrefix(g.path(), "/desk/incidents/")
	if !found {
		g.t.Fatalf("the call led to %s: %s", g.path(), evaluate[string](g, `document.querySelector(".error-summary")?.innerText ?? document.body.innerText`))
	}
	return number
}

// report fills the portal's form and returns the number of the new ticket.
func (g *guest) report(title string) string {
	g.t.Helper()
	g.write("#field-title", title)
	g.write("#field-description", "З ранку кожна сторінка зі смугами.")
	g.do(chromedp.SetUploadFiles(chromedp.CSS("#field-files"), []string{picture(g.t)}))
	g.submit("main form[action='/report'] .btn-primary")
	number, found := strings.CutPrefix(g.path(), "/tickets/")
	if !found {
		g.t.Fatalf("the report led to %s", g.path())
	}
	return number
}

// resolve is what an agent does with a ticket, at its page.
func (g *guest) resolve(number, text string) {
	g.t.Helper()
	g.open("/desk/incidents/" + number + "?do=resolve")
	g.do(chromedp.SetValue(chromedp.CSS("#do [name=resolution_code]"), "solved"))
	g.write("#do [name=resolution]", text)
	g.submit("#do .btn-primary")
	g.sees(".ticket-head .state", "Решён")
}

func employee(t *testing.T, b *browser) {
	anna := b.guest(t, true)
	anna.open("/sign-in")
	anna.inspectMain("sign-in")
	anna.signIn("anna", "uk")
	anna.inspectMain("home")
	anna.printing()
	anna.inspectMain("report")
	anna.submit("main form[action='/report'] .btn-primary")
	anna.sees(".error-summary", anna.P.T("ui.errors"))
	anna.quiet("422")
	anna.inspect("report with a fault")
	number := anna.report("Принтер на третьому поверсі друкує смугами")
	anna.sees(".toast-note", number)
	anna.sees("main", "смуги.txt")
	anna.sees(".standing", "Мережа")
	anna.inspectMain("ticket")
	anna.listens()
	evaluate[bool](anna, "window.same = true")

	boris := b.as(t, "boris", "ru")
	boris.resolve(number, "Замінили барабан, друкує чисто.")
	anna.sees("#live .question", anna.P.T("portal.solved.yes"))
	anna.sees("#live .timeline", "Замінили барабан")
	anna.until(`Number(document.querySelector(".bell-count").innerText) > 0`)
	if !evaluate[bool](anna, "window.same === true") {
		t.Error("the page was loaded anew")
	}
	anna.inspectMain("solved ticket")
	anna.submit("#live form[action$='/confirm'] button")
	anna.sees(".toast-note", anna.P.T("portal.ticket.confirmed", "Number", number))
	anna.sees(".stepper", anna.P.T("portal.step.closed"))
	anna.until(`document.querySelectorAll(".stepper .step-done").length === 4`)
	anna.inspect("closed ticket")
	for _, path := range []string{"/tickets", "/notifications", "/profile", "/search?q=тонер"} {
		anna.open(path)
		anna.inspect(path)
	}
	anna.open("/nowhere")
	anna.quiet("404")
	anna.inspect("no page")
	boris.sees(".ticket-head .state", "Закрыт") // live
	boris.quiet()
}

func withoutScripts(t *testing.T, b *browser) {
	anna := b.guest(t, false).signIn("anna", "uk")
	anna.open("/report")
	number := anna.report("Принтер не бере папір")
	anna.sees("main", "смуги.txt")
	boris := b.as(t, "boris", "ru")
	boris.resolve(number, "Почистили лоток.")
	anna.open("/tickets/" + number)
	anna.submit("#live form[action$='/confirm'] button")
	anna.sees(".toasts", anna.P.T("portal.ticket.confirmed", "Number", number))
	anna.quiet()
	boris.sees(".ticket-head .state", "Закрыт")
}

func agent(t *testing.T, b *browser) {
	boris := b.as(t, "boris", "ru")
	boris.inspectMain("my day")
	boris.open("/desk/incidents?view=team")
	boris.listens()

	anna := b.as(t, "anna", "uk")
	anna.printing()
	number := anna.report("Принтер просить заміну тонера")
	anna.listens()

	// The new one is announced, and nothing jumps.
	boris.sees(".news:not([hidden])", boris.P.N("ui.news", 1))
	boris.submit(".news-link")
	boris.do(chromedp.Click(chromedp.CSS("tr[data-ticket] a[href='/desk/incidents/" + number + "']")))
	boris.sees("#detail h1", "Принтер просить заміну тонера")
	boris.inspectMain("queue")
	boris.submit("#detail form[action$='/take'] button")
	boris.sees("#detail .ticket-head .state", "В работе")
	boris.listens()

	// He asks; the clocks wait for the answer.
	boris.do(chromedp.Click(chromedp.CSS("#detail a[href*='do=hold']")))
	boris.sees("#do h2", number)
	boris.do(chromedp.Click(chromedp.CSS("#do input[value=caller]")))
	boris.write("#do [name=message]", "Який саме колір закінчився?")
	boris.inspect("hold")
	boris.submit("#do .btn-primary")
	boris.sees("#detail .ticket-head .state", "Приостановлен")
	boris.listens()
	anna.sees("#live .standing-asks", anna.P.T("portal.next.answer"))
	anna.sees("#live .timeline", "Який саме колір")
	anna.write("#reply [name=text]", "Жовтий.")
	anna.submit("#reply .btn-primary")
	anna.listens()

	// The answer takes it up again, before his eyes.
	boris.sees("#detail .timeline", "Жовтий.")
	boris.sees("#detail .ticket-head .state", "В работе")
	boris.sees("tr[data-ticket][aria-current=true] .state", "В работе")
	boris.until(`!document.querySelector("#detail form[action$='/resume']")`)
	boris.do(chromedp.Click(chromedp.CSS("#detail a[href*='do=resolve']")))
	boris.sees("#do h2", number)
	boris.do(chromedp.SetValue(chromedp.CSS("#do [name=resolution_code]"), "solved"))
	boris.write("#do [name=resolution]", "Жовтий тонер замінено.")
	boris.submit("#do .btn-primary")
	boris.sees("#detail .ticket-head .state", "Решён")
	anna.sees("#live .question", anna.P.T("portal.solved.yes"))
	boris.open("/desk/incidents/" + number + "?all=1")
	boris.inspectMain("ticket of the desk")
	boris.open("/desk/incidents/" + number + "/clock/resolution")
	boris.inspect("reckoning")
	anna.quiet()

	conflict(t, b, boris)
}

// conflict is what a second agent meets who acts on what has changed meanwhile.
func conflict(t *testing.T, b *browser, boris *guest) {
	t.Helper()
	boris.open("/desk/new")
	boris.inspectMain("new incident")
	number := boris.takeCall("Не друкує з телефона", nil)
	ihor := b.as(t, "ihor", "uk")
	ihor.open("/desk/incidents/" + number + "?do=resolve")
	ihor.do(chromedp.SetValue(chromedp.CSS("#do [name=resolution_code]"), "user_guided"))
	ihor.write("#do [name=resolution]", "Пояснив, як додати принтер у телефоні.")
	boris.submit("form[action$='/take'] button")
	boris.sees(".ticket-head .state", "В работе")
	boris.listens()
	ihor.submit("#do .btn-primary")
	ihor.quiet("409")
	ihor.sees("h1", ihor.P.T("ui.conflict.title", "Number", number))
	ihor.sees(".timeline", "Борис Климов")
	if kept := evaluate[string](ihor, `document.querySelector("textarea[name=resolution]").value`); kept != "Пояснив, як додати принтер у телефоні." {
		t.Errorf("of the text %q was kept", kept)
	}
	ihor.inspect("conflict")
	ihor.submit("main form .btn-primary")
	ihor.sees(".ticket-head .state", "Розв’язано")
	ihor.sees(".timeline", "Пояснив, як додати")
	boris.sees(".ticket-head .state", "Решён") // live
	ihor.quiet()
	boris.quiet()
}

// due is when the ticket on the desk's page is to be resolved, as the chip has it.
func (g *guest) due() time.Time {
	g.t.Helper()
	text := evaluate[string](g, `document.querySelector(".side-clocks .clock[href$='/clock/resolution'] [data-countdown-due-value]").dataset.countdownDueValue`)
	due, err := time.Parse(time.RFC3339, text)
	must(g.t, err)
	return due
}

func administrator(t *testing.T, b *browser) {
	boris := b.as(t, "boris", "ru")
	boris.takeCall("Немає віддаленого доступу", map[string]string{"service": fmt.Sprint(b.h.vpn), "impact": "3"})
	before := boris.due()
	level := evaluate[string](boris, `document.querySelector(".ticket-head .priority > span").innerText`)

	maria := b.as(t, "maria", "ru")
	maria.inspectMain("administration")
	maria.open("/admin/targets")
	maria.inspectMain("targets")
	maria.submit("a.btn[href='/admin/targets/always']")
	maria.inspect("a policy")
	target := "#field-target_resolution_" + level
	was := evaluate[string](maria, fmt.Sprintf("document.querySelector(%q).value", target))
	maria.do(chromedp.SetValue(chromedp.CSS(target), "6 ч"))
	maria.submit("main form .actions:last-of-type .btn-primary")
	maria.quiet()

	// The clocks are reckoned anew by a job; its end is not announced.
	deadline := time.Now().Add(patience)
	for boris.due().Equal(before) && time.Now().Before(deadline) {
		boris.do(chromedp.Reload())
	}
	var hours int
	_, err := fmt.Sscan(was, &hours)
	must(t, err)
	if want := before.Add(time.Duration(6-hours) * time.Hour); !boris.due().Equal(want) {
		t.Errorf("with 6 hours instead of %q it is due at %s, not at %s", was, boris.due(), want)
	}
	boris.quiet()
	maria.open("/admin/calendars")
	maria.inspectMain("calendars")
	for _, page := range []string{"people", "roles", "teams", "sites", "categories", "priorities", "items", "directory", "jobs", "setup", "calendars/new", "categories/new"} {
		maria.open("/admin/" + page)
		maria.inspect(page)
	}
}

func languages(t *testing.T, b *browser) {
	for _, visit := range []struct {
		login, from, to string
		pages           []string
	}{
		{"anna", "uk", "ru", []string{"/", "/report", "/tickets", "/tickets?show=ended", "/profile", "/notifications"}},
		{"boris", "ru", "uk", []string{"/desk", "/desk/incidents?view=all", "/desk/new", "/desk/search?q=INC"}},
		{"maria", "ru", "uk", []string{"/admin", "/admin/targets", "/admin/targets/standard", "/admin/calendars", "/admin/people", "/admin/teams", "/admin/jobs", "/admin/directory"}},
	} {
		g := b.as(t, visit.login, visit.from)
		g.do(chromedp.Click(chromedp.CSS("details.menu:has([name=language]) summary")))
		g.submit("button[name=language][value=" + visit.to + "]")
		g.P = locale.For(visit.to, nil)
		for _, path := range visit.pages {
			g.open(path)
			g.reads(path)
			g.quiet()
		}
	}
}
