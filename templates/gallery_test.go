package templates

import (
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"opora/internal/locale"
	"opora/web/static"
)

// gallery is a page with every part on it, for the browser test and for looking at.
type gallery struct {
	Page
	Hello, Notice, MeToo string
	Tasks                []Chip
	Rows                 []galleryRow
	Steps                Stepper
	Choices              []Option
	Entries              []Entry
	Nothing              Empty
	Pager                Pager
	Heading              Heading
	Open                 State
	Chip                 Chip
	Clocks               []Clock
	Who                  Person
	Confirm              Confirm
}

type galleryRow struct {
	ID, Version   int64
	Number, Title string
	Meta          string
	Small         Stepper
	Priority      Priority
	State         State
	Clock         Clock
	Who           Person
	Current       bool
}

// words are what people would have typed, in each language: hello, notice, me too, tasks, titles, a reply, a note.
var words = map[string]struct {
	hello, notice, meToo string
	tasks, titles        []string
	states               []string
	reply, note          string
}{
	"en": {
		"Good morning, Anna. How can we help?", "Mail is slow for everyone since 09:40. We are on it.", "Me too",
		[]string{"Something is broken", "Reset my password", "Ask for access", "New equipment", "Software", "All services"},
		[]string{"Mail is slow", "VPN drops every ten minutes since the update", "Printer, 3rd floor", "Access to the finance share", "Screen flickers"},
		[]string{"In progress", "On hold", "Resolved", "Closed", "New"},
		"It prints blank pages since this morning.\nThe manual says https://printer.example.com/help?a=1&b=2.\n\nTray 1 is full.", "Toner? The counter says 2 %.",
	},
	"ru": {
		"Доброе утро, Анна. Чем помочь?", "Почта с 09:40 работает медленно у всех. Мы уже занимаемся.", "У меня тоже",
		[]string{"Что-то сломалось", "Сбросить пароль", "Запросить доступ", "Новое оборудование", "Программы", "Все услуги"},
		[]string{"Медленно работает почта", "VPN обрывается каждые десять минут после обновления", "Принтер, 3-й этаж", "Доступ к папке бухгалтерии", "Мерцает экран"},
		[]string{"В работе", "Ожидание", "Решено", "Закрыто", "Новое"},
		"С утра печатает пустые листы.\nВ инструкции: https://printer.example.com/help?a=1&b=2.\n\nЛоток 1 полон.", "Тонер? Счётчик показывает 2 %.",
	},
	"uk": {
		"Доброго ранку, Анно. Чим допомогти?", "Пошта з 09:40 працює повільно в усіх. Ми вже займаємося цим.", "У мене теж",
		[]string{"Щось зламалося", "Скинути пароль", "Попросити доступ", "Нове обладнання", "Програми", "Усі послуги"},
		[]string{"Повільно працює пошта", "VPN обривається кожні десять хвилин після оновлення", "Принтер, 3-й поверх", "Доступ до теки бухгалтерії", "Блимає екран"},
		[]string{"У роботі", "Очікування", "Вирішено", "Закрито", "Нове"},
		"Зранку друкує порожні аркуші.\nВ інструкції: https://printer.example.com/help?a=1&b=2.\n\nЛоток 1 повний.", "Тонер? Лічильник показує 2 %.",
	},
}

// galleryRenderer parses the program's own templates and the gallery's.
func galleryRenderer(t *testing.T) *Renderer {
	t.Helper()
	all := fstest.MapFS{}
	names, err := fs.Glob(files, "*/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = &fstest.MapFile{Data: raw}
	}
	raw, err := galleryFiles.ReadFile("testdata/gallery.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	for _, face := range []string{"portal", "desk"} {
		body := `{{define "content"}}{{template "gallery-` + face + `" .}}{{end}}`
		all[face+"/gallery.html"] = &fstest.MapFile{Data: append([]byte(body), raw...)}
	}
	r, err := parse(all, Assets{URL: static.URL, Built: static.Built()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func galleryPage(lang, theme, section string) Page {
	zone, err := time.LoadLocation("Europe/Kyiv")
	if err != nil {
		panic(err)
	}
	p := locale.For(lang, zone)
	return Page{
		Reader: Reader{P: p, Now: time.Now().UTC().Truncate(time.Minute)}, Title: "Gallery", Path: "/", Section: section,
		Viewer: Viewer{ID: 1, Name: "Anna Kovalenko", Initials: "AK", Theme: theme, CanDesk: true, CanWork: true, Admin: "/admin", CanAudit: true, CanReport: true, Unread: 3},
		Nav: []NavGroup{
			{"", []NavItem{{"day", "/desk", p.T("ui.nav.home"), "sun", -1, false}, {"incidents", "/desk/incidents", words[lang].titles[0], "urgent", 34, false}, {"requests", "/desk/requests", p.T("ui.nav.tickets"), "clipboard-list", 12, false}}},
			{p.T("ui.nav"), []NavItem{{"risk", "/desk/risk", p.T("ui.clock.missed"), "clock-exclamation", 4, true}, {"team", "/desk/team", p.T("ui.account"), "users-group", 9, false}}},
		},
		Flash: Flash{"done", p.T("ui.copied"), "/undo"},
	}
}

func newGallery(page Page) gallery {
	w, p, now := words[page.P.Lang], page.P, page.Now
	anna, boris, maria := Person{ID: 1, Name: "Anna Kovalenko", Detail: "Finance, Kyiv"}, Person{ID: 2, Name: "Boris Orlov"}, Person{ID: 3, Name: "Maria Sidorenko"}
	clocks := []Clock{
		{Reader: page.Reader, State: "breached", Due: now.Add(-2 * time.Hour), Href: "/clock"},
		{Reader: page.Reader, State: "risk", Due: now.Add(18 * time.Minute)},
		{Reader: page.Reader, State: "paused", Waiting: "Anna"},
		{Reader: page.Reader, State: "met"},
		{Reader: page.Reader, State: "running", Due: now.Add(27 * time.Hour)},
		{Reader: page.Reader, State: "missed"},
	}
	short := slices.Clone(clocks)
	for i := range short {
		short[i].Short = true
	}
	phases := []string{"open", "paused", "resolved", "closed", "open"}
	steps := []Step{{w.states[4], p.When(now, now), "done"}, {w.states[0], "Boris", "now"}, {w.states[2], "", "next"}, {w.states[3], "", "next"}}
	g := gallery{
		Page: page, Hello: w.hello, Notice: w.notice, MeToo: w.meToo, Clocks: clocks, Who: anna,
		Steps:   Stepper{Label: w.titles[2], Steps: steps},
		Choices: []Option{{Value: "a", Label: w.tasks[0], Hint: w.notice}, {Value: "b", Label: w.tasks[1]}},
		Nothing: Empty{"inbox", w.tasks[5], w.notice, "/report", w.tasks[0]},
		Pager:   page.Pager("/?before=1", "/?after=50", "50 / 1000+"),
		Heading: Heading{Title: w.titles[0], Lead: w.notice, Back: "/desk", BackTo: p.T("ui.nav.desk")},
		Open:    State{"open", w.states[0]}, Chip: Chip{Text: w.tasks[4], Icon: "tag", Tone: "accent"},
		Confirm: Confirm{ID: "sure", Title: w.tasks[1], Text: w.notice, Action: "/close", Yes: p.T("ui.close"), No: p.T("ui.undo"), Danger: true},
		Entries: []Entry{
			{Reader: page.Reader, ID: "e1", Kind: "reply", Who: anna, At: now.Add(-5 * time.Hour), Text: w.reply, Files: []File{{"photo.jpg", "1.2 MiB", "/files/1"}}},
			{Reader: page.Reader, ID: "e2", Kind: "event", Who: boris, At: now.Add(-4 * time.Hour), Changes: []Change{{w.tasks[4], w.states[4], w.states[0]}, {w.tasks[2], "", "Boris"}}},
			{Reader: page.Reader, ID: "e3", Kind: "internal", Who: boris, At: now.Add(-3 * time.Hour), Text: w.note},
			{Reader: page.Reader, ID: "e4", Kind: "reply", Who: maria, At: now.Add(-49 * time.Hour), Text: w.titles[1], Via: "e-mail"},
		},
	}
	for i, icon := range []string{"message-report", "key", "lock-open", "device-laptop", "download", "list"} {
		g.Tasks = append(g.Tasks, Chip{Text: w.tasks[i], Icon: icon})
	}
	for i, title := range w.titles {
		g.Rows = append(g.Rows, galleryRow{
			ID: int64(i + 1), Version: 1, Number: "INC-00040" + string(rune('1'+i)), Title: title, Meta: w.states[i], Small: Stepper{title, steps, true},
			Priority: Priority{i + 1, "P" + string(rune('1'+i))}, State: State{phases[i], w.states[i]}, Clock: short[i],
			Who: []Person{anna, boris, maria}[i%3], Current: i == 2,
		})
	}
	return g
}
