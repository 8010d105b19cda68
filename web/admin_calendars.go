package web

import (
	"strings"
	"time"

	"opora/internal/fault"
	"opora/internal/locale"
	"opora/itsm"
	"opora/templates"
	"opora/workflows/worktime"
)

type calendarsPage struct {
	adminPage
	Rows []calendarLine
}

type calendarLine struct {
	Href, Name, Code, Zone string
	Version                int
	Preview                calendarPreview
}

func (s *Server) adminCalendars(r *req) error {
	list, err := s.desk.Calendars(r.Ctx(), r.Actor)
	if err != nil {
		return err
	}
	p := calendarsPage{adminPage: r.adminList("calendars")}
	for _, c := range list {
		p.Rows = append(p.Rows, calendarLine{"/admin/calendars/" + c.Code, c.Name.In(r.P.Lang), c.Code, c.Spec.TZ, c.Version, previewCalendar(r, c.Spec)})
	}
	return r.Show("admin/calendars", p)
}

type calendarPage struct {
	adminPage
	Action   string
	New      bool
	Code     string
	Version  int
	Name     locale.Text
	Form     calendarForm
	Days     []templates.Field
	Preview  calendarPreview
	Versions []versionLine
	Open     int // tickets that are reckoned anew
}

// versionLine is a version of a calendar or a policy.
type versionLine struct {
	Number  int
	From    time.Time // zero: since ever
	By      string
	Current bool
}

func (s *Server) newCalendar(r *req) error {
	day := []worktime.Span{{Open: "09:00", Close: "18:00"}}
	c := itsm.Calendar{Spec: worktime.Spec{TZ: r.P.Zone.String(), Weekly: map[string][]worktime.Span{"mon": day, "tue": day, "wed": day, "thu": day, "fri": day}}}
	return s.showCalendar(r, c, nil, newCalendarForm(c.Spec), nil)
}

func (s *Server) adminCalendar(r *req) error {
	c, versions, err := s.desk.Calendar(r.Ctx(), r.Actor, r.Param("code"))
	if err != nil {
		return err
	}
	return s.showCalendar(r, c, versions, newCalendarForm(c.Spec), nil)
}

// showCalendar shows the form as it is typed, for the calendar c as it is stored.
func (s *Server) showCalendar(r *req, c itsm.Calendar, versions []itsm.CalendarVersion, form calendarForm, err error) error {
	title, path := r.P.T("admin.calendars.new"), "/admin/calendars/new"
	if c.ID != 0 {
		title, path = c.Name.In(r.P.Lang), "/admin/calendars/"+c.Code
	}
	name, code := c.Name, c.Code
	if r.Request.Method == post {
		name = r.textOf("name")
		if c.ID == 0 {
			code = r.Text("code")
		}
	}
	p := calendarPage{adminPage: r.adminOne("calendars", "/admin/calendars", title), Action: path, New: c.ID == 0, Code: code, Version: c.Version, Name: name, Form: form}
	status := p.wrong(err)
	p.rename(calendarInput)
	for _, day := range weekdayKeys {
		p.Days = append(p.Days, p.Field("weekly_"+day, "admin.weekday."+day, form.Days[day]).Autofill("off"))
	}
	if spec, unread := form.spec(); unread.Empty() {
		p.Preview = previewCalendar(r, spec)
	}
	for _, v := range versions {
		p.Versions = append(p.Versions, newVersionLine(v.Version, v.ValidFrom, v.SetBy, c.Version, r.P))
	}
	var failed error
	if p.Open, failed = s.openTickets(r); failed != nil {
		return failed
	}
	return r.HTML(status, "admin/calendar", p)
}

func newVersionLine(number int, from time.Time, by string, current int, p *locale.Printer) versionLine {
	if from.Unix() == 0 {
		from = time.Time{}
	}
	if by == "" {
		by = p.T("admin.by_opora")
	}
	return versionLine{number, from, by, number == current}
}

// saveCalendar stores what was typed, or with "preview" only shows what it means.
func (s *Server) saveCalendar(r *req) error {
	var c itsm.Calendar
	var versions []itsm.CalendarVersion
	if code := r.Param("code"); code != "" {
		var err error
		if c, versions, err = s.desk.Calendar(r.Ctx(), r.Actor, code); err != nil {
			return err
		}
	}
	form := r.calendarForm()
	spec, unread := form.spec()
	if r.Checked("preview") {
		return s.showCalendar(r, c, versions, form, instead(unread, spec.Validate()))
	}
	typed := itsm.Calendar{Code: r.Text("code"), Name: r.textOf("name"), Version: r.version(), Spec: spec}
	save := s.desk.CreateCalendar
	if c.ID != 0 {
		typed.Code, save = c.Code, s.desk.SaveCalendar
	}
	err := unread.Err()
	if err == nil {
		typed, err = save(r.Ctx(), r.Actor, typed)
	}
	if adminKept(err) {
		return s.showCalendar(r, c, versions, form, err)
	} else if err != nil {
		return err
	}
	return r.Done("/admin/calendars/"+typed.Code, "admin.calendars.saved", "Version", typed.Version)
}

// calendarInput is the input that a path of worktime.Spec is typed into.
func calendarInput(path string) string {
	root, _, _ := strings.Cut(path, "[")
	switch {
	case root == "tz":
		return "timezone"
	case strings.HasPrefix(root, "weekly."):
		return "weekly_" + strings.TrimPrefix(root, "weekly.")
	case strings.HasPrefix(root, "overrides."):
		return "overrides"
	case strings.HasPrefix(root, "breaks."):
		return "breaks"
	}
	return root
}

// weekdayKeys are the keys of worktime.Spec.Weekly as a week goes.
var weekdayKeys = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// calendarForm is a worktime.Spec as people type it: a day is "09:00–13:00, 14:00–18:00", holidays and dates stand one a line.
type calendarForm struct {
	Zone                        string
	Days                        map[string]string
	Holidays, Overrides, Breaks string
	Always                      bool
}

func newCalendarForm(spec worktime.Spec) calendarForm {
	f := calendarForm{Zone: spec.TZ, Days: map[string]string{}, Holidays: strings.Join(spec.Holidays, "\n"), Always: spec.AlwaysOpen}
	for day, spans := range spec.Weekly {
		f.Days[day] = spansText(spans)
	}
	f.Overrides, f.Breaks = datesText(spec.Overrides), datesText(spec.Breaks)
	return f
}

func (r *req) calendarForm() calendarForm {
	f := calendarForm{
		Zone: strings.TrimSpace(r.Text("timezone")), Days: map[string]string{}, Holidays: r.Text("holidays"), Overrides: r.Text("overrides"), Breaks: r.Text("breaks"),
		Always: r.Checked("always"),
	}
	for _, day := range weekdayKeys {
		f.Days[day] = r.Text("weekly_" + day)
	}
	return f
}

// spec reads the form. What the form cannot hold is named; whether the hours can stand, worktime says by the paths of its Spec.
func (f calendarForm) spec() (worktime.Spec, *fault.Fields) {
	spec, wrong := worktime.Spec{TZ: f.Zone, Weekly: map[string][]worktime.Span{}, AlwaysOpen: f.Always}, &fault.Fields{}
	for _, day := range weekdayKeys {
		if spans := readSpans(f.Days[day]); len(spans) > 0 {
			spec.Weekly[day] = spans
		}
	}
	for line := range strings.Lines(f.Holidays) {
		if line = strings.TrimSpace(line); line != "" {
			spec.Holidays = append(spec.Holidays, line)
		}
	}
	spec.Overrides = readDates(wrong, "overrides", f.Overrides)
	spec.Breaks = readDates(wrong, "breaks", f.Breaks)
	return spec, wrong
}
