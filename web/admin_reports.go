package web

import (
	"net/http"
	"strconv"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"opora/internal/fault"
	"opora/internal/locale"
	"opora/itsm"
	"opora/templates"
)

type reportsPage struct {
	adminPage
	From, To   string // days, both included
	Presets    []templates.Option
	Report     *itsm.Report
	Figures    []reportFigure
	Clocks     []clockLine
	Priorities []priorityLine
	None       templates.Empty
}

// reportFigure is a measure with its definition.
type reportFigure struct{ Label, Value, About string }

// clockLine is how one clock was kept. Percent is for the bar.
type clockLine struct {
	Clock           string
	Ended, InTime   int64
	Attainment      string
	Percent         string
	Mean, Half, P90 string
}

// priorityLine is how the promises of a priority were kept.
type priorityLine struct {
	Mark             templates.Priority
	Resolved, AllMet int64
	Attainment       string
	Percent          string
	MTTR             string
}

// maxPeriod bounds what one report reads.
const maxPeriod = 10 * 366 // days

func (s *Server) reportsPage(r *req) error {
	p := reportsPage{adminPage: r.adminList("reports"), Presets: reportPresets(r)}
	p.None = templates.Empty{Icon: "chart-bar", Title: r.P.T("admin.reports.none"), Text: r.P.T("admin.reports.none_text")}
	today := r.Now.In(r.P.Zone).Format(time.DateOnly)
	p.From, p.To = r.Query("from"), r.Query("to")
	if p.From == "" && p.To == "" {
		p.From, p.To = r.Now.In(r.P.Zone).AddDate(0, 0, -29).Format(time.DateOnly), today
	}
	from, to, err := period(p.From, p.To, r.P.Zone)
	if err != nil {
		return r.HTML(p.wrong(err), "admin/reports", p)
	}
	report, err := s.desk.Report(r.Ctx(), from, to)
	if err != nil {
		return err
	}
	p.Report, p.Figures = &report, reportFigures(r, report)
	if err := s.reportLines(r, &p); err != nil {
		return err
	}
	return r.HTML(http.StatusOK, "admin/reports", p)
}

// period reads two days of a zone, both included, as the moments from which and up to which they last.
func period(first, last string, zone *time.Location) (from, to time.Time, err error) {
	var f fault.Fields
	from, err = time.ParseInLocation(time.DateOnly, first, zone)
	if err != nil {
		f.Add("from", "admin.bad_date")
	}
	if to, err = time.ParseInLocation(time.DateOnly, last, zone); err != nil {
		f.Add("to", "admin.bad_date")
	}
	switch {
	case !f.Empty():
	case to.Before(from):
		f.Add("to", "admin.reports.reversed")
	case from.AddDate(0, 0, maxPeriod).Before(to):
		f.Add("to", "admin.reports.too_long")
	}
	return from, to.AddDate(0, 0, 1), f.Err()
}

func reportPresets(r *req) []templates.Option {
	today := r.Now.In(r.P.Zone)
	month := time.Date(today.Year(), today.Month(), 1, 0, 0, 0, 0, r.P.Zone)
	var out []templates.Option
	add := func(id string, from, to time.Time) {
		a, b := from.Format(time.DateOnly), to.Format(time.DateOnly)
		out = append(out, templates.Option{Value: "/reports?from=" + a + "&to=" + b, Label: r.P.T("admin.reports.preset." + id), Selected: r.Query("from") == a && r.Query("to") == b})
	}
	add("week", today.AddDate(0, 0, -6), today)
	add("month", month, today)
	add("last_month", month.AddDate(0, -1, 0), month.AddDate(0, 0, -1))
	add("quarter", today.AddDate(0, 0, -89), today)
	add("year", today.AddDate(0, 0, -364), today)
	return out
}

// nothing stands for a measure that cannot be reckoned.
const nothing = "—"

// percent writes a share of a hundred with the reader's decimal sign.
func percent(p *locale.Printer, v float64) string {
	return message.NewPrinter(language.Make(p.Lang)).Sprintf("%.1f %%", v)
}

// bar is a share of a hundred for a <meter>.
func bar(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }

func reportFigures(r *req, x itsm.Report) []reportFigure {
	length := func(v *float64) string {
		if v == nil {
			return nothing
		}
		return r.P.Duration(seconds(*v))
	}
	attainment := nothing
	if x.Attainment != nil {
		attainment = percent(r.P, *x.Attainment)
	}
	var out []reportFigure
	add := func(id, value string) {
		out = append(out, reportFigure{r.P.T("admin.reports." + id), value, r.P.T("admin.reports." + id + "_is")})
	}
	add("attainment", attainment)
	add("resolved", r.P.Number(x.Resolved))
	add("opened", r.P.Number(x.Opened))
	add("mttr", length(x.MTTR))
	add("response", length(x.Response))
	add("reopened", r.P.Number(x.Reopened))
	return out
}

func seconds(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }

func (s *Server) reportLines(r *req, p *reportsPage) error {
	for _, c := range p.Report.Clocks {
		p.Clocks = append(p.Clocks, clockLine{
			r.P.T("sla.clock." + c.Clock), c.Ended, c.InTime, percent(r.P, c.Attainment), bar(c.Attainment),
			wholeLength(r, c.Mean), wholeLength(r, c.P50), wholeLength(r, c.P90),
		})
	}
	marks, err := s.priorityMarks(r)
	if err != nil {
		return err
	}
	for _, x := range p.Report.Priorities {
		line := priorityLine{Mark: templates.Priority{Level: x.Priority}, Resolved: x.Resolved, AllMet: x.AllMet, Attainment: percent(r.P, x.Attainment), Percent: bar(x.Attainment), MTTR: r.P.Duration(seconds(x.MTTR))}
		for _, m := range marks {
			if m.Level == x.Priority {
				line.Mark = m
			}
		}
		p.Priorities = append(p.Priorities, line)
	}
	return nil
}

// wholeLength is working time to the minute, or to the second below one.
func wholeLength(r *req, v float64) string {
	n := int64(v + 0.5)
	if n >= 60 {
		n -= n % 60
	}
	if n == 0 {
		return "0 " + r.P.T("unit.second")
	}
	return workLength(r.P, n)
}
