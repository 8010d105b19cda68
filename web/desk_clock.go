package web

import (
	"strconv"
	"time"

	"opora/internal/locale"
	"opora/itsm/sla"
	"opora/templates"
)

// reckoningPage answers "Why is it due then?", interval by interval.
type reckoningPage struct {
	templates.Page
	Heading   templates.Heading
	Chip      templates.Clock
	Figures   []figure
	Sentences []string
	Rows      []reckonedRow
	Cycles    []tab
	Zone      string
	Planned   bool // some of it is still to come
	Caption   string
}

type reckonedRow struct {
	From, To string
	What     string
	Kind     sla.What
	Length   string
	Sum      string
	Counts   bool
}

func (s *Server) reckoning(r *req) error {
	v, err := s.desk.Get(r.Ctx(), r.Actor, r.Param("number"))
	if err != nil {
		return err
	}
	name := sla.Name(r.Param("clock"))
	var list []*sla.Clock
	for i := range v.Clocks {
		if v.Clocks[i].Name == name {
			list = append(list, &v.Clocks[i])
		}
	}
	if len(list) == 0 {
		return errNoPage()
	}
	c := list[len(list)-1]
	if n := r.Int("cycle"); n > 0 && n <= len(list) {
		c = list[n-1]
	}
	base, _, err := r.deskPage(r.P.T("clock.why", "Clock", r.P.T("sla.clock."+string(name)), "Number", v.Number), "")
	if err != nil {
		return err
	}
	zone := c.Zone()
	if zone == nil {
		zone = r.P.Zone
	}
	p := reckoningPage{
		Page: base, Heading: templates.Heading{Title: base.Title, Lead: v.Title, Back: ticketHref(v.Number), BackTo: v.Number},
		Chip: templates.Clock{Reader: base.Reader, State: clockState(c, base.Reader)}, Zone: zone.String(), Caption: r.P.T("sla.clock." + string(name)),
	}
	if c.DueAt != nil {
		p.Chip.Due = *c.DueAt
	}
	if p.Chip.State == "paused" {
		p.Chip.Name = v.HoldName().In(r.P.Lang)
	}
	if c.State == sla.Cancelled {
		p.Chip.State = ""
	}
	there := locale.For(r.P.Lang, zone)
	p.Sentences = reckoned(r, there, c)
	p.Figures = []figure{
		{Value: hours(r.P, c.Target), Label: r.P.T("clock.target")},
		{Value: hours(r.P, c.UsedAt(r.Now)), Label: r.P.T("clock.used", "Percent", strconv.Itoa(c.Percent(r.Now)))},
	}
	if left := c.Remaining(r.Now); left >= 0 {
		p.Figures = append(p.Figures, figure{Value: hours(r.P, left), Label: r.P.T("clock.left")})
	} else {
		p.Figures = append(p.Figures, figure{Value: hours(r.P, -left), Label: r.P.T("clock.over"), Tone: "breach"})
	}
	for _, i := range c.Explain(r.Now) {
		row := reckonedRow{
			From: dayTime(there, i.From), To: dayTime(there, i.To), What: r.P.T("sla.interval." + string(i.What)), Kind: i.What,
			Counts: i.Counted > 0, Sum: r.P.Exact(i.Sum),
		}
		if i.What == sla.Held && i.Reason != "" {
			row.What = holdWord(v.Kind, i.Reason).In(r.P.Lang)
		}
		if i.Counted > 0 {
			row.Length = r.P.Exact(i.Counted)
		}
		p.Planned = p.Planned || i.What == sla.Planned
		p.Rows = append(p.Rows, row)
	}
	for i := range list {
		if len(list) > 1 {
			n := strconv.Itoa(i + 1)
			p.Cycles = append(p.Cycles, tab{r.P.T("clock.cycle", "N", n), ticketHref(v.Number) + "/clock/" + string(name) + "?cycle=" + n, list[i] == c})
		}
	}
	return r.Show("desk/clock", p)
}

// reckoned says in whole sentences how the clock stands.
func reckoned(r *req, there *locale.Printer, c *sla.Clock) []string {
	out := []string{r.P.T("clock.began", "At", dayTime(there, c.StartedAt), "Target", hours(r.P, c.Target))}
	switch {
	case c.State == sla.Cancelled:
		out = append(out, r.P.T("clock.cancelled"))
	case c.MetAt != nil && c.BreachedAt != nil:
		out = append(out, r.P.T("clock.missed", "At", dayTime(there, *c.MetAt), "Due", dayTime(there, *c.BreachedAt)))
	case c.MetAt != nil:
		out = append(out, r.P.T("clock.met", "At", dayTime(there, *c.MetAt)))
	case c.State == sla.Waiting:
		out = append(out, r.P.T("clock.paused"))
	case c.DueAt != nil && c.Breached(r.Now):
		out = append(out, r.P.T("clock.was_due", "At", dayTime(there, *c.DueAt)))
	case c.DueAt != nil:
		out = append(out, r.P.T("clock.due", "At", dayTime(there, *c.DueAt)))
	}
	return out
}

// dayTime is a moment with its weekday, in the printer's zone.
func dayTime(p *locale.Printer, t time.Time) string { return p.Weekday(t) + " " + p.DateTime(t) }

// hours says working time in hours and minutes: a working day has no fixed length, so there are no days in it.
func hours(p *locale.Printer, d time.Duration) string {
	h, m := int64(d/time.Hour), int64(d%time.Hour/time.Minute)
	switch {
	case h == 0 && m == 0 && d > 0:
		return p.Number(int64(d/time.Second)) + " " + p.T("unit.second")
	case h == 0:
		return p.Number(m) + " " + p.T("unit.minute")
	case m == 0:
		return p.Number(h) + " " + p.T("unit.hour")
	}
	return p.Number(h) + " " + p.T("unit.hour") + " " + p.Number(m) + " " + p.T("unit.minute")
}
