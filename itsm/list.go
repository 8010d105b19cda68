package itsm

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"opora/auth"
	"opora/internal/db"
	"opora/internal/fault"
	"opora/internal/locale"
	"opora/workflows/lifecycle"
)

// Filter says which tickets a list shows. The zero value of a field asks for nothing.
type Filter struct {
	Kind       Kind
	Number     string // exactly this ticket
	Phases     []lifecycle.Phase
	States     []string
	Teams      []int64
	Assignee   int64
	Unassigned bool
	NoTeam     bool
	Requester  int64 // asked, is affected, or opened it
	Asked      int64 // is the requester
	Priorities []int
	Category   int64 // with everything below it
	Service    int64
	AtRisk     bool // a running clock has used three quarters of its target, none is over
	Breached   bool // a running clock is over
	Imported   bool // came from another desk
	Outside    bool // imported with steps outside the lifecycle
	Reopened   bool
	OpenedFrom time.Time
	OpenedTo   time.Time
	Text       string // words in title or description
	Follows    int64  // participants include him
	Affected   int64  // it hinders him
	Concerns   int64  // he asked, or it hinders him
	ForOthers  int64  // he asked, for somebody else
	ReportsOf  int64  // asked by somebody whose line manager he is

	Sort  Sort
	After string // cursor of the page before
	Limit int    // at most MaxPage; 0: 50
}

// MaxPage is the longest page.
const MaxPage = 200

// Sort is an order of a list. Each has an index of its own, with the id as the last key.
type Sort string

// The orders.
const (
	SortDue      Sort = "due"    // what is due next; only for open tickets
	SortNewest   Sort = "newest" // by opening
	SortOldest   Sort = "oldest"
	SortPriority Sort = "priority" // then due; only for open tickets
)

// Sorts are all of them, in the order in which pages offer them.
var Sorts = []Sort{SortDue, SortPriority, SortNewest, SortOldest}

// Row is a ticket in a list.
type Row struct {
	ID           int64           `db:"id"`
	Number       string          `db:"number"`
	Kind         Kind            `db:"kind"`
	Title        string          `db:"title"`
	State        string          `db:"state"`
	Phase        lifecycle.Phase `db:"phase"`
	HoldReason   string          `db:"hold_reason"`
	Priority     int             `db:"priority"`
	Requester    string          `db:"requester"`
	Affected     string          `db:"affected"`
	AffectedID   int64           `db:"affected_id"`
	Assignee     string          `db:"assignee"`
	AssigneeID   int64           `db:"assignee_id"`
	Team         locale.Text     `db:"team"`
	Category     locale.Text     `db:"category"`
	Service      locale.Text     `db:"service"`
	OpenedAt     time.Time       `db:"opened_at"`
	UpdatedAt    time.Time       `db:"updated_at"`
	ResolvedAt   *time.Time      `db:"resolved_at"`
	DueClock     string          `db:"due_clock"`
	RiskAt       *time.Time      `db:"risk_at"`
	DueAt        *time.Time      `db:"due_at"`
	DueSort      time.Time       `db:"due_sort"`
	Confidential bool            `db:"confidential"`
	Outside      int             `db:"outside_lifecycle"`
	Version      int             `db:"version"`
}

// StateName is the state's name for people.
func (r *Row) StateName() locale.Text { return (&Ticket{Kind: r.Kind, State: r.State}).StateName() }

// HoldName is the hold reason's name.
func (r *Row) HoldName() locale.Text { return holdName(r.Kind, r.State, r.HoldReason) }

// List is a page of tickets.
type List struct {
	Rows []Row
	Next string // cursor of the next page; "" at the end
}

// cursor is where a page ended: the keys of its last row.
type cursor struct {
	Sort     Sort      `json:"s"`
	Time     time.Time `json:"t"`
	Priority int       `json:"p,omitempty"`
	ID       int64     `json:"i"`
}

func (c cursor) String() string {
	raw, err := json.Marshal(c)
	if err != nil { // plain values always marshal
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func parseCursor(s string, sort Sort) (cursor, error) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	var c cursor
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || c.Sort != sort {
		var f fault.Fields
		f.Add("after", "itsm.bad_cursor")
		return cursor{}, f.Err()
	}
	return c, nil
}

// openOnly tells whether the filter leaves only open tickets.
func (f *Filter) openOnly() bool {
	if f.AtRisk || f.Breached {
		return true
	}
	return len(f.Phases) > 0 && !slices.ContainsFunc(f.Phases, func(p lifecycle.Phase) bool {
		return p != lifecycle.Open && p != lifecycle.Paused
	})
}

// check fills what may be left out and says every fault of the filter.
func (f *Filter) check() error {
	var e fault.Fields
	if f.Kind == "" {
		f.Kind = Incident
	}
	if _, ok := kinds[f.Kind]; !ok {
		e.Add("kind", "itsm.unknown_choice")
	}
	if f.Limit == 0 {
		f.Limit = 50
	}
	if f.Limit < 1 || f.Limit > MaxPage {
		e.Add("limit", "itsm.unknown_choice")
	}
	if f.Sort == "" {
		f.Sort = SortNewest
		if f.openOnly() {
			f.Sort = SortDue
		}
	}
	if !slices.Contains(Sorts, f.Sort) {
		e.Add("sort", "itsm.unknown_choice")
	}
	if (f.Sort == SortDue || f.Sort == SortPriority) && !f.openOnly() {
		f.Sort = SortNewest // what has ended is due no more
	}
	for _, s := range f.States {
		if _, ok := definition(Incident).State(s); !ok {
			e.Add("state", "itsm.unknown_choice")
		}
	}
	for _, p := range f.Priorities {
		if p < 1 || p > 5 {
			e.Add("priority", "itsm.unknown_choice")
		}
	}
	f.Text = strings.TrimSpace(f.Text)
	checkText(&e, "text", f.Text, false)
	return e.Err()
}

// List returns a page of the tickets that the actor sees.
func (s *Service) List(ctx context.Context, actor auth.Actor, f Filter) (List, error) {
	if err := f.check(); err != nil {
		return List{}, err
	}
	rows, err := listRows(ctx, s.db, actor, f, s.now())
	if err != nil {
		return List{}, err
	}
	var out List
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		out.Next = f.Sort.cursorOf(&rows[f.Limit-1]).String()
	}
	out.Rows = rows
	return out, nil
}

func (s Sort) cursorOf(r *Row) cursor {
	c := cursor{Sort: s, ID: r.ID}
	switch s {
	case SortDue:
		c.Time = r.DueSort
	case SortPriority:
		c.Time, c.Priority = r.DueSort, r.Priority
	default:
		c.Time = r.OpenedAt
	}
	return c
}

// StandingSince returns for those of the tickets that the actor sees since when they stand as they do: in their state, and with whom
// they are.
func (s *Service) StandingSince(ctx context.Context, actor auth.Actor, tickets []int64) (map[int64]time.Time, error) {
	return standingSince(ctx, s.db, actor, tickets)
}

// HasReports tells whether the actor is somebody's line manager.
func (s *Service) HasReports(ctx context.Context, actor auth.Actor) (bool, error) {
	return hasReports(ctx, s.db, actor.ID)
}

// MaxCount is how far a list is counted; a page says "1000+" from there.
const MaxCount = 1000

// Count counts the tickets of the filter, up to MaxCount.
func (s *Service) Count(ctx context.Context, actor auth.Actor, f Filter) (int, error) {
	n, err := s.Counts(ctx, actor, []Filter{f})
	if err != nil {
		return 0, err
	}
	return n[0], nil
}

// Counts counts the tickets of each filter, up to MaxCount.
func (s *Service) Counts(ctx context.Context, actor auth.Actor, filters []Filter) ([]int, error) {
	filters = slices.Clone(filters)
	for i := range filters {
		filters[i].After, filters[i].Sort = "", ""
		if err := filters[i].check(); err != nil {
			return nil, err
		}
	}
	if len(filters) == 0 {
		return nil, nil
	}
	return countRows(ctx, s.db, actor, filters, s.now())
}

// where adds the filter's conditions.
func (f *Filter) where(w *db.Where, now time.Time) {
	w.And("t.kind = ?", f.Kind)
	if f.Number != "" {
		w.And("t.number = ?", f.Number)
	}
	f.wherePeople(w)
	f.whereState(w, now)
	if len(f.Priorities) > 0 {
		w.And("t.priority = ANY (?)", intArray(f.Priorities))
	}
	if f.Category != 0 {
		w.And(sqlInCategory, f.Category)
	}
	if f.Service != 0 {
		w.And("t.service_id = ?", f.Service)
	}
	if f.Imported {
		w.And("t.source IS NOT NULL")
	}
	if f.Outside {
		w.And("t.outside_lifecycle > 0")
	}
	if f.Reopened {
		w.And("t.reopen_count > 0")
	}
	if !f.OpenedFrom.IsZero() {
		w.And("t.opened_at >= ?", f.OpenedFrom)
	}
	if !f.OpenedTo.IsZero() {
		w.And("t.opened_at < ?", f.OpenedTo)
	}
	if f.Text != "" {
		w.And("t.search @@ websearch_to_tsquery('russian', ?)", f.Text)
	}
}
