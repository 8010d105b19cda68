package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"opora/auth"
	"opora/cmdb"
	"opora/internal/db"
	"opora/itsm"
)

// demo sets the demo company up, through the use cases that everybody's work goes through.
type demo struct {
	db      *db.DB
	auth    *auth.Service
	items   *cmdb.Service
	tickets *itsm.Service
}

// errInUse keeps invented people out of a desk that real ones use.
var errInUse = errors.New("this desk is in use and is no demo: give the demo an OPORA_DATA (and a database) of its own")

// seed founds the demo company and tells its story up to now, once: it changes nothing where that was done before, and goes on
// where an earlier run was interrupted.
func (d *demo) seed(ctx context.Context, now time.Time) error {
	mark, err := readDemoMark(ctx, d.db)
	if err != nil {
		return err
	}
	if mark == nil {
		used, err := inUse(ctx, d.db)
		if err != nil {
			return err
		}
		if used {
			return errInUse
		}
		mark = &demoMark{Begun: now.UTC().Truncate(time.Microsecond)}
		if err := writeDemoMark(ctx, d.db, *mark); err != nil {
			return err
		}
	}
	if mark.Done {
		return nil
	}
	p, moments, err := d.prepare(ctx, mark.Begun)
	if err != nil {
		return err
	}
	if err := p.tell(ctx, moments); err != nil {
		return err
	}
	mark.Done = true
	return writeDemoMark(ctx, d.db, *mark)
}

// prepare founds what lacks of the company and puts the story in order.
func (d *demo) prepare(ctx context.Context, begun time.Time) (*demoPlay, []demoMoment, error) {
	company, err := readCompany()
	if err != nil {
		return nil, nil, err
	}
	story, err := readStory()
	if err != nil {
		return nil, nil, err
	}
	ids, err := d.found(ctx, &company)
	if err != nil {
		return nil, nil, err
	}
	moments, err := arrange(story, ids.cast, begun)
	if err != nil {
		return nil, nil, err
	}
	done, err := readDemoDone(ctx, d.db)
	if err != nil {
		return nil, nil, err
	}
	hours, err := demoHours("Europe/Kyiv", false)
	if err != nil {
		return nil, nil, err
	}
	newsFrom, err := hours.Due(begun, -unreadFor)
	if err != nil {
		return nil, nil, err
	}
	p := &demoPlay{demo: d, demoIDs: ids, begun: begun, newsFrom: newsFrom, done: done, numbers: map[string]string{}}
	return p, moments, nil
}

// demoPlay tells the story: the desk's clock is set back, and each moment is a use case at its time.
type demoPlay struct {
	*demo
	demoIDs
	begun    time.Time
	newsFrom time.Time // what people were told before is read
	read     bool      // that has been done
	clock    time.Time
	settled  time.Time // the last automatic close
	done     demoDone
	numbers  map[string]string // of tickets, by their keys in the story
}

// unreadFor is how many working hours of news people find unread.
const unreadFor = 6 * time.Hour

// tell tells the moments that were not told before.
func (p *demoPlay) tell(ctx context.Context, moments []demoMoment) error {
	p.tickets.SetClock(func() time.Time { return p.clock })
	defer p.tickets.SetClock(time.Now)
	for _, m := range moments {
		at := m.at.UnixMicro()
		if p.done.moments[at] {
			if number := p.done.opened[at]; m.step == nil && number != "" {
				p.numbers[m.ticket.Key] = number
			}
			continue
		}
		if err := p.advance(ctx, m.at); err != nil {
			return err
		}
		actor, ok := p.cast[m.by()]
		if !ok {
			return fmt.Errorf("%s: nobody has the login %q", m.ticket.Key, m.by())
		}
		t, err := p.act(ctx, actor, m)
		if err != nil {
			return fmt.Errorf("%s, %s by %s: %w", m.ticket.Key, m.at.Format(time.DateTime), m.by(), err)
		}
		p.numbers[m.ticket.Key] = cmp.Or(p.numbers[m.ticket.Key], t.Number)
		// Who writes into a ticket has seen what he was told about it.
		if err := p.tickets.MarkSeen(ctx, actor, t.ID); err != nil {
			return err
		}
	}
	return p.advance(ctx, p.begun)
}

// advance lets the time pass: what the desk's clockwork would have done by then is done, each escalation at its own moment.
func (p *demoPlay) advance(ctx context.Context, to time.Time) error {
	for {
		at, due, err := nextStepBy(ctx, p.db, to)
		if err != nil {
			return err
		}
		if !due {
			break
		}
		p.clock = at
		if _, err := p.tickets.Escalate(ctx, at); err != nil {
			return err
		}
	}
	p.clock = to
	if to.Sub(p.settled) >= time.Hour {
		p.settled = to
		if _, err := p.tickets.AutoClose(ctx, to); err != nil {
			return err
		}
	}
	if p.read || to.Before(p.newsFrom) {
		return nil
	}
	p.read = true
	for _, actor := range p.cast {
		if err := p.tickets.MarkRead(ctx, actor, 0); err != nil {
			return err
		}
	}
	return nil
}

// act does what the moment tells of and returns the ticket as it then is.
func (p *demoPlay) act(ctx context.Context, actor auth.Actor, m demoMoment) (itsm.Ticket, error) {
	if m.step == nil {
		return p.report(ctx, actor, m.ticket)
	}
	s, number := m.step, p.numbers[m.ticket.Key]
	switch s.Verb {
	case "replies":
		files, err := p.upload(ctx, actor, s.Args)
		if err != nil {
			return itsm.Ticket{}, err
		}
		return p.tickets.Reply(ctx, actor, number, s.Text, files)
	case "notes":
		files, err := p.upload(ctx, actor, s.Args)
		if err != nil {
			return itsm.Ticket{}, err
		}
		return p.tickets.Note(ctx, actor, number, s.Text, files)
	case "takes":
		return p.tickets.Take(ctx, actor, number, 0)
	case "assigns": // team [person]
		return p.tickets.Assign(ctx, actor, number, 0, p.teamIDs[s.arg(0)], p.cast[s.arg(1)].ID)
	case "holds": // reason
		return p.tickets.Hold(ctx, actor, number, 0, s.arg(0), s.Text)
	case "resumes":
		return p.tickets.Resume(ctx, actor, number, 0)
	case "resolves": // code
		return p.tickets.Resolve(ctx, actor, number, 0, itsm.Resolution{Code: s.arg(0), Text: s.Text})
	case "confirms":
		return p.tickets.Confirm(ctx, actor, number, 0)
	case "reopens":
		return p.tickets.Reopen(ctx, actor, number, 0, s.Text)
	case "closes":
		return p.tickets.Close(ctx, actor, number, 0)
	case "cancels":
		return p.tickets.Cancel(ctx, actor, number, 0, s.Text)
	}
	return p.order(ctx, actor, number, s)
}

// order does the steps that put a ticket in order: its fields, and what belongs to it.
func (p *demoPlay) order(ctx context.Context, actor auth.Actor, number string, s *demoStep) (itsm.Ticket, error) {
	switch s.Verb {
	case "sorts": // category [service]
		category, service := p.categoryIDs[s.arg(0)], p.itemIDs[s.arg(1)]
		return p.tickets.Update(ctx, actor, number, 0, itsm.Edit{CategoryID: &category, ServiceID: &service})
	case "prioritises": // level
		level, err := strconv.Atoi(s.arg(0))
		if err != nil {
			return itsm.Ticket{}, err
		}
		return p.tickets.Update(ctx, actor, number, 0, itsm.Edit{Priority: &level, PriorityReason: s.Text})
	case "plans": // person
		return p.tickets.AddTask(ctx, actor, number, s.Text, 0, p.cast[s.arg(0)].ID)
	case "ticks": // the n-th task
		view, err := p.tickets.Get(ctx, actor, number)
		if err != nil {
			return itsm.Ticket{}, err
		}
		n, err := strconv.Atoi(s.arg(0))
		if err != nil || n < 1 || n > len(view.Tasks) {
			return itsm.Ticket{}, fmt.Errorf("there is no task %q", s.arg(0))
		}
		return p.tickets.EndTask(ctx, actor, number, view.Tasks[n-1].ID, itsm.TaskDone)
	case "invites": // person
		return p.tickets.SetParticipant(ctx, actor, number, p.cast[s.arg(0)].ID, true)
	case "names": // item
		return p.tickets.SetItem(ctx, actor, number, p.itemIDs[s.arg(0)], true)
	case "links": // other ticket, type
		return p.tickets.Link(ctx, actor, number, p.numbers[s.arg(0)], s.arg(1))
	case "puts-under": // parent
		return p.tickets.SetParent(ctx, actor, number, p.numbers[s.arg(0)])
	}
	return itsm.Ticket{}, fmt.Errorf("nobody knows how to %q", s.Verb)
}

// report opens the ticket.
func (p *demoPlay) report(ctx context.Context, actor auth.Actor, t *demoTicket) (itsm.Ticket, error) {
	n := itsm.NewIncident{
		Title: t.Title, Description: t.Text, Channel: t.Via, RequesterID: p.cast[t.From].ID, AffectedID: p.cast[t.For].ID,
		CategoryID: p.categoryIDs[t.Category], ServiceID: p.itemIDs[t.Service], Impact: t.Impact, Urgency: t.Urgency,
	}
	known := func(what, name string, id int64) error {
		if name != "" && id == 0 {
			return fmt.Errorf("the demo company has no %s %q", what, name)
		}
		return nil
	}
	err := errors.Join(known("category", t.Category, n.CategoryID), known("service", t.Service, n.ServiceID),
		known("person", t.From, n.RequesterID), known("person", t.For, n.AffectedID))
	for _, tag := range t.Items {
		err = errors.Join(err, known("item", tag, p.itemIDs[tag]))
		n.ItemIDs = append(n.ItemIDs, p.itemIDs[tag])
	}
	if err != nil {
		return itsm.Ticket{}, err
	}
	if n.Files, err = p.upload(ctx, actor, t.Files); err != nil {
		return itsm.Ticket{}, err
	}
	return p.tickets.OpenIncident(ctx, actor, n)
}

// upload stores the named files and returns their tokens.
func (p *demoPlay) upload(ctx context.Context, actor auth.Actor, names []string) ([]string, error) {
	var tokens []string
	for _, name := range names {
		content, err := demoFile(name)
		if err != nil {
			return nil, err
		}
		a, err := p.tickets.Upload(ctx, actor, name, bytes.NewReader(content))
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, a.Token)
	}
	return tokens, nil
}

// demoFile is the content of something that people of the story attach: a picture that is drawn, or a text of demo/files.
func demoFile(name string) ([]byte, error) {
	if draw, ok := demoPictures[name]; ok {
		return encodePicture(draw())
	}
	content, err := fs.ReadFile(demoFiles, "demo/files/"+name)
	if err != nil {
		return nil, fmt.Errorf("reading a file of the demo: %w", err)
	}
	return content, nil
}
