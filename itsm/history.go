package itsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"opora/internal/db"
)

// importWorkers is how many incidents are written at the same time: one computes while another waits for its commit.
const importWorkers = 4

// HistoryOptions of an import.
type HistoryOptions struct {
	// Until (YYYY-MM-DD) ends the history with that day, in the zone of the mapping: what was open then stays open, what was opened
	// later is left out. Empty: all of it.
	Until string
}

// Summary is what an import did and what the file holds. The figures of incidents are of those incidents of the file that are in
// Opora as the file tells them, whether this run brought them in or one before: a second run prints them again.
//
// Every row is accounted for: Rows = Events + Rejected + Later + Differing.
type Summary struct {
	Incidents        int            `json:"incidents"`
	Events           int            `json:"events"`            // rows taken
	ByState          map[string]int `json:"by_state"`          // English names of our states, at the end of the history
	ByPriority       map[string]int `json:"by_priority"`       // "1" to "5", at the end of the history
	Reopened         int            `json:"reopened"`          // incidents whose count is above zero at the end
	Reassigned       int            `json:"reassigned"`        // the same
	OutsideLifecycle int            `json:"outside_lifecycle"` // steps that our state graph does not have
	Rejected         int            `json:"rejected"`          // rows that could not be taken
	Imported         int            `json:"imported"`          // incidents brought in by this run
	Unchanged        int            `json:"unchanged"`         // incidents that were there already, made of the same rows
	Differing        int            `json:"differing"`         // rows of incidents that were there already, made of other rows: left as they are
	Later            int            `json:"later"`             // rows after the end of the history
	Retimed          int            `json:"retimed"`           // rows whose time contradicts their order; the event keeps what was logged
	Rows             int            `json:"rows"`              // rows of the file
	RejectedRows     []RejectedRow  `json:"rejected_rows"`
}

// historyImport is one run.
type historyImport struct {
	s      *Service
	m      *Mapping
	now    time.Time
	end    time.Time // of the history; zero: none
	policy int64
	matrix Matrix
	names  *pastNames
	stored map[string]Imported // by number; what was there at the start

	mu      sync.Mutex
	summary Summary
}

// ImportHistory brings the log of another desk in, as it happened, each incident with its events in one transaction. It may run beside
// a server and beside other imports, be stopped at any moment and be started again: an incident that is there is left alone. Nobody is
// told, and no escalation step whose moment has passed is ever carried out.
//
// A row that cannot be taken is in the summary and stops nothing. An error stops the run; the summary then tells of what was done
// before, and that stays.
func (s *Service) ImportHistory(ctx context.Context, r io.Reader, m Mapping, o HistoryOptions) (Summary, error) {
	h := &historyImport{s: s, m: &m, now: s.now(), summary: Summary{
		ByState: map[string]int{}, ByPriority: map[string]int{}, RejectedRows: []RejectedRow{},
	}}
	if o.Until != "" {
		day, err := time.ParseInLocation(time.DateOnly, o.Until, m.zone)
		if err != nil {
			return h.summary, fmt.Errorf("until: %q is not a date of the form YYYY-MM-DD", o.Until)
		}
		h.end = day.AddDate(0, 0, 1).UTC()
	}
	in, err := newLogReader(r, &m)
	if err != nil {
		return h.summary, err
	}
	if err := h.prepare(ctx); err != nil {
		return h.summary, err
	}
	err = h.run(ctx, in)
	h.summary.Rows, h.summary.Rejected = in.rows, len(in.bad)
	h.summary.RejectedRows = append(h.summary.RejectedRows, in.bad...)
	return h.summary, err
}

// prepare reads what the whole run needs.
func (h *historyImport) prepare(ctx context.Context) (err error) {
	h.names = newPastNames(h.s.db, h.m.Source)
	if h.matrix, err = readMatrix(ctx, h.s.db, sqlMatrixRead); err != nil {
		return err
	}
	if h.policy, err = h.s.historyPolicy(ctx, h.m, h.now); err != nil {
		return err
	}
	h.stored, err = importedBefore(ctx, h.s.db, h.m.Source, "")
	return err
}

// run reads and plans in one goroutine and writes in several.
func (h *historyImport) run(ctx context.Context, in *logReader) error {
	g, working := errgroup.WithContext(ctx)
	work := make(chan *pastIncident, importWorkers)
	for range importWorkers {
		g.Go(func() error {
			for p := range work {
				if err := h.bring(working, p); err != nil {
					return fmt.Errorf("%s, line %d: %w", p.number, p.first.line, err)
				}
			}
			return nil
		})
	}
	err := h.read(working, in, work)
	close(work)
	failed := g.Wait()
	switch {
	case ctx.Err() != nil: // what was broken off says so in its own words
		return fmt.Errorf("the import was stopped; started again it goes on: %w", ctx.Err())
	case failed != nil: // what the reader says then is that it was stopped
		return failed
	}
	return err
}

func (h *historyImport) read(ctx context.Context, in *logReader, work chan<- *pastIncident) error {
	for {
		incident, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		p := h.m.plan(incident, h.end)
		if p == nil {
			h.count(func(s *Summary) { s.Later += len(incident.rows) })
			continue
		}
		select {
		case work <- p:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (h *historyImport) count(f func(s *Summary)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f(&h.summary)
}

// bring writes the incident, unless it is there.
func (h *historyImport) bring(ctx context.Context, p *pastIncident) error {
	stored, there := h.stored[p.number]
	if !there {
		err := h.write(ctx, p)
		if there = db.Violated(err, "tickets_external_key"); !there {
			if err == nil {
				h.tally(p, func(s *Summary) { s.Imported++ })
			}
			return err
		}
		// Another importer has just written it.
		fresh, err := importedBefore(ctx, h.s.db, h.m.Source, p.number)
		if err != nil {
			return err
		}
		stored = fresh[p.number]
	}
	if stored.Sum == p.sum && stored.Rows == len(p.steps) {
		h.tally(p, func(s *Summary) { s.Unchanged++ })
		return nil
	}
	h.count(func(s *Summary) { s.Differing += len(p.steps); s.Later += p.later })
	return nil
}

// tally counts an incident that is in Opora as the file tells it.
func (h *historyImport) tally(p *pastIncident, how func(s *Summary)) {
	last := p.last()
	h.count(func(s *Summary) {
		how(s)
		s.Incidents++
		s.Events += len(p.steps)
		s.Later += p.later
		s.ByState[p.state().Name.En]++
		s.ByPriority[strconv.Itoa(last.priority)]++
		s.Reopened += min(1, last.reopened)
		s.Reassigned += min(1, last.reassigned)
		s.OutsideLifecycle += p.outsideSteps()
		s.Retimed += p.retimed()
	})
}
