package itsm_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"opora/internal/fault"
	"opora/itsm"
)

// Many hands on a few tickets at once: nothing is lost, nothing is done twice, the chain is whole.
func TestManyAgentsAtOnce(t *testing.T) {
	d := newDesk(t)
	tickets := []itsm.Ticket{d.inTeam(t, d.report(t, itsm.NewIncident{})), d.inTeam(t, d.report(t, itsm.NewIncident{}))}
	ctx := context.WithoutCancel(t.Context())
	const hands, times = 6, 8
	var wg sync.WaitGroup
	failed := make(chan error, hands*times*3)
	for hand := range hands {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range times {
				n := tickets[(hand+i)%2].Number
				_, err := d.Note(ctx, d.boris, n, fmt.Sprintf("note %d of hand %d", i, hand), nil)
				failed <- err
				_, err = d.Link(ctx, d.boris, tickets[hand%2].Number, tickets[1-hand%2].Number, itsm.LinkRelated)
				failed <- err
				_, err = d.OpenIncident(ctx, d.anna, itsm.NewIncident{Title: fmt.Sprintf("new %d of hand %d", i, hand)})
				failed <- err
			}
		}()
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			t.Error(err)
		}
	}
	var notes, opened int
	d.get(t, &notes, `SELECT count(*) FROM ticket_events WHERE type = 'note'`)
	d.get(t, &opened, `SELECT count(*) FROM tickets`)
	if notes != hands*times || opened != 2+hands*times {
		t.Errorf("%d notes and %d tickets, want %d and %d", notes, opened, hands*times, 2+hands*times)
	}
	r, err := d.VerifyAudit(ctx)
	if err != nil || len(r.Findings) > 0 {
		t.Errorf("audit: %+v, %v", r.Findings, err)
	}
}

// Of those who act on the same version one wins; the others are told.
func TestOneOfManyWins(t *testing.T) {
	d := newDesk(t)
	tk := d.inTeam(t, d.report(t, itsm.NewIncident{}))
	ctx := context.WithoutCancel(t.Context())
	results := make(chan error)
	for range 6 {
		go func() {
			_, err := d.Take(ctx, d.boris, tk.Number, tk.Version)
			results <- err
		}()
	}
	won := 0
	for range 6 {
		switch err := <-results; {
		case err == nil:
			won++
		case !fault.Is(err, fault.Conflict):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d won, want 1", won)
	}
}

// A task that comes while somebody resolves is seen, whoever is first.
func TestResolveSeesTheLatestTask(t *testing.T) {
	d := newDesk(t)
	ctx := context.WithoutCancel(t.Context())
	for range 10 {
		tk := d.inTeam(t, d.report(t, itsm.NewIncident{}))
		results := make(chan error)
		go func() {
			_, err := d.AddTask(ctx, d.boris, tk.Number, "Order the part", 0, 0)
			results <- err
		}()
		go func() {
			_, err := d.Resolve(ctx, d.boris, tk.Number, 0, itsm.Resolution{Code: "solved", Text: "Done"})
			results <- err
		}()
		for range 2 {
			if err := <-results; err != nil && !fault.Is(err, fault.Conflict) {
				t.Fatal(err)
			}
		}
		var resolved, tasks int
		d.get(t, &resolved, `SELECT count(*) FROM tickets WHERE id = $1 AND phase = 'resolved'`, tk.ID)
		d.get(t, &tasks, `SELECT count(*) FROM ticket_events WHERE ticket_id = $1 AND type = 'task' AND seq <
  (SELECT seq FROM ticket_events WHERE ticket_id = $1 AND body LIKE '%"transition":"resolve"%')`, tk.ID)
		if resolved == 1 && tasks > 0 {
			t.Fatal("resolved with an open task")
		}
	}
}
