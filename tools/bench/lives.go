package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"opora/auth"
	"opora/internal/locale"
	"opora/itsm"
	"opora/itsm/sla"
)

// lived is how many incidents live through the desk itself; all others are their copies.
const lived = 4_000

// The targets of the bench: eight working weeks. Nothing that was opened lately comes due while it is measured, whatever the hour, and
// what was opened months ago was escalated long since.
const (
	target      = 40 * 9 * 60 * 60 // working seconds
	day         = 24 * time.Hour
	opened      = 14 * day // the latest ones, within
	atRisk      = 48 * day // three quarters of the target are used
	late        = 95 * day // the target is over
	beforeItAll = 400 * day
)

// end is where a life ends. The shares of 100 make as many running clocks as there are incidents: a new one has three, one in
// progress two, one on hold none.
type end struct {
	state string
	share int
}

var ends = []end{{"new", 25}, {"in_progress", 15}, {"on_hold", 5}, {"resolved", 5}, {"closed", 50}}

// fill makes the company, lets incidents live, and copies them.
func (d *data) fill(ctx context.Context) error {
	if err := d.desk().Defaults(ctx, "Europe/Kyiv"); err != nil {
		return err
	}
	if err := d.company.make(ctx, d.pool); err != nil {
		return err
	}
	start := time.Now()
	if err := d.policy(ctx, start.Add(-beforeItAll)); err != nil {
		return err
	}
	g, living := errgroup.WithContext(ctx)
	const workers = 4
	for w := range workers {
		g.Go(func() error {
			l := life{company: &d.company, desk: d.desk(), now: start}
			l.desk.SetClock(func() time.Time { return l.now })
			for i := w; i < lived; i += workers {
				l.r = rand.New(rand.NewPCG(uint64(i), 1))
				if err := l.live(living, start); err != nil {
					return fmt.Errorf("life %d: %w", i, err)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if _, err := d.desk().Escalate(ctx, start); err != nil {
		return err
	}
	return d.copy(ctx)
}

// policy makes the standard policy's steps come at the targets of the bench.
func (d *data) policy(ctx context.Context, at time.Time) error {
	s := d.desk()
	s.SetClock(func() time.Time { return at })
	list, err := s.Policies(ctx, d.company.Admin)
	if err != nil {
		return err
	}
	p := itsm.Policy{Code: "bench", Name: locale.Plain("Bench"), Active: true, Definition: list[0].Definition}
	rules := append([]sla.Rule(nil), p.Definition.Clocks...)
	for i := range rules {
		rules[i].Targets = map[int]int64{1: target, 2: target, 3: target, 4: target, 5: target}
	}
	p.Definition.Clocks = rules
	if _, err := s.CreatePolicy(ctx, d.company.Admin, p); err != nil {
		return err
	}
	return s.SetDefaultPolicy(ctx, d.company.Admin, p.Code)
}

// life lets one incident after the other live, in a time of its own.
type life struct {
	*company
	desk  *itsm.Service
	r     *rand.Rand
	now   time.Time
	agent *auth.Actor
}

// pass lets up to so much time go by.
func (l *life) pass(most time.Duration) {
	l.now = l.now.Add(time.Minute + time.Duration(l.r.Int64N(int64(most))))
}

// inHours is a moment of the same day, or of the Friday before, at which the desk is open: what is reported at night would all come due
// at the same moment of a morning.
func (l *life) inHours(t time.Time) time.Time {
	y, m, d := t.UTC().Date()
	switch t.UTC().Weekday() {
	case time.Saturday:
		d--
	case time.Sunday:
		d -= 2
	}
	return time.Date(y, m, d, 7+l.r.IntN(7), l.r.IntN(60), l.r.IntN(60), l.r.IntN(1e9), time.UTC)
}

func (l *life) chance(percent int) bool { return l.r.IntN(100) < percent }

// live opens an incident and takes it to one of the ends.
func (l *life) live(ctx context.Context, start time.Time) error {
	var state string
	for n, i := l.r.IntN(100), 0; ; i++ {
		if n -= ends[i].share; n < 0 {
			state = ends[i].state
			break
		}
	}
	span := func(from, days time.Duration) time.Time {
		return l.inHours(start.Add(-from - time.Duration(l.r.Int64N(int64(days)))))
	}
	switch n := l.r.IntN(100); {
	case state == "closed":
		l.now = span(3*day, 300*day)
	case state == "resolved":
		l.now = span(2*day, 10*day)
	case n < 70:
		l.now = span(day, opened)
	case n < 80:
		l.now = span(atRisk, 3*day)
	default:
		l.now = span(late, 25*day)
	}
	team := l.team(l.r)
	l.agent = l.agentOf(l.r, team)
	n := itsm.NewIncident{
		Title: text(l.r, 3, 8), Description: text(l.r, 12, 50), Channel: itsm.ChannelPhone, RequesterID: one(l.r, l.People),
		CategoryID: one(l.r, l.Categories), ServiceID: one(l.r, l.Services), Impact: 2, Urgency: 2, TeamID: l.Teams[team], Confidential: l.chance(2),
	}
	if l.chance(12) { // the real log has 93 of 100 at the middle priority
		n.Impact, n.Urgency = 1+l.r.IntN(3), 1+l.r.IntN(3)
	}
	if l.chance(10) {
		n.AffectedID = one(l.r, l.People)
	}
	if l.chance(5) {
		n.Participants = []int64{one(l.r, l.People)}
	}
	if l.chance(60) && state == "new" {
		n.AssigneeID = l.agent.ID
	}
	t, err := l.desk.OpenIncident(ctx, *l.agent, n)
	if err != nil || state == "new" {
		return err
	}
	return l.work(ctx, &t, state, start)
}

// work takes an incident that is open to the end.
func (l *life) work(ctx context.Context, t *itsm.Ticket, state string, start time.Time) (err error) {
	l.pass(4 * time.Hour)
	if *t, err = l.desk.Take(ctx, *l.agent, t.Number, t.Version); err != nil {
		return err
	}
	l.pass(time.Hour)
	if l.chance(50) {
		*t, err = l.desk.Reply(ctx, *l.agent, t.Number, text(l.r, 8, 30), nil)
	} else {
		*t, err = l.desk.Note(ctx, *l.agent, t.Number, text(l.r, 8, 30), nil)
	}
	if err != nil || state == "in_progress" {
		return err
	}
	l.pass(8 * time.Hour)
	if state == "on_hold" {
		_, err = l.desk.Hold(ctx, *l.agent, t.Number, t.Version, one(l.r, []string{"caller", "vendor", "change"}), text(l.r, 5, 15))
		return err
	}
	if state == "resolved" { // today, so that nothing closes it meanwhile
		l.now = start.Add(-time.Duration(l.r.Int64N(int64(20 * time.Hour))))
	}
	*t, err = l.desk.Resolve(ctx, *l.agent, t.Number, t.Version, itsm.Resolution{Code: one(l.r, itsm.ResolutionCodes), Text: text(l.r, 8, 25)})
	if err != nil || state == "resolved" {
		return err
	}
	l.pass(24 * time.Hour)
	_, err = l.desk.Confirm(ctx, auth.Actor{ID: t.RequesterID, Channel: auth.Portal, Language: "en", Zone: time.UTC}, t.Number, t.Version)
	return err
}
