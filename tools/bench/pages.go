package main

import (
	"context"
	crand "crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"

	"golang.org/x/sync/errgroup"

	"opora/auth"
	"opora/internal/db"
)

// site is a running server with people who are signed in.
type site struct {
	*server
	*company
	size   int
	tokens map[int64]string // by person
	pool   *db.DB           // beside the server
}

// site starts the server on the data of a size, with every agent and some of those who ask signed in.
func (b *bench) site(ctx context.Context, size int) (*site, error) {
	d, err := b.open(ctx, size)
	if err != nil {
		return nil, err
	}
	s := &site{company: &d.company, size: size, tokens: map[int64]string{}}
	people := append([]int64(nil), d.company.People[:50]...)
	for _, a := range d.company.Agents {
		people = append(people, a.ID)
	}
	for _, id := range people {
		var token [32]byte
		_, _ = crand.Read(token[:]) // never fails
		s.tokens[id] = base64.RawURLEncoding.EncodeToString(token[:])
		if err := signIn(ctx, d.owner, s.tokens[id], id); err != nil {
			return nil, errors.Join(err, d.close())
		}
	}
	if err := d.close(); err != nil {
		return nil, err
	}
	if s.server, err = serve(ctx, b.program, d.dir); err != nil {
		return nil, err
	}
	dsn, err := s.dsn()
	if err == nil {
		s.pool, err = db.Open(ctx, dsn, db.Options{Name: "bench", MaxConns: 2})
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *site) close() error { return errors.Join(s.pool.Close(), s.stop()) }

// request is a page that somebody asks for. A queue page must have rows of incidents in it.
type request struct {
	path   string
	person int64
	status int
	rows   int
}

func (s *site) ask(ctx context.Context, q request) error {
	status, body, err := s.get(ctx, q.path, s.tokens[q.person])
	if err != nil {
		return err
	}
	if status != q.status {
		return fmt.Errorf("%s: %d in place of %d: %.300s", q.path, status, q.status, body)
	}
	if n := strings.Count(string(body), rowMark); n < q.rows {
		return fmt.Errorf("%s: %d rows in place of %d", q.path, n, q.rows)
	}
	return nil
}

// rowMark stands once in every row of a queue.
const rowMark = `<tr data-ticket="`

// busy is how many of the largest teams are asked for: each has more than a page of work in either database.
const busy = 4

// queueKinds are pages of the queue. The first is the one that the limit is on: a filter by team and state.
var queueKinds = []struct {
	name string
	rows int
	path func(r *rand.Rand, c *company, a *auth.Actor) string
}{
	{"queue_page", 50, func(r *rand.Rand, c *company, _ *auth.Actor) string {
		return fmt.Sprintf("/desk/incidents?view=all&team=%d&state=%s", c.Teams[r.IntN(busy)], one(r, []string{"new", "in_progress"}))
	}},
	{"queue_on_hold", 0, func(r *rand.Rand, c *company, _ *auth.Actor) string {
		return fmt.Sprintf("/desk/incidents?view=all&team=%d&state=on_hold", c.Teams[r.IntN(busy)])
	}},
	{"queue_team", 0, func(*rand.Rand, *company, *auth.Actor) string { return "/desk/incidents?view=team" }},
	{"queue_mine", 0, func(*rand.Rand, *company, *auth.Actor) string { return "/desk/incidents?view=mine" }},
	{"queue_unassigned", 0, func(*rand.Rand, *company, *auth.Actor) string { return "/desk/incidents?view=unassigned" }},
	{"queue_at_risk", 0, func(*rand.Rand, *company, *auth.Actor) string { return "/desk/incidents?view=risk" }},
	{"queue_breached", 0, func(*rand.Rand, *company, *auth.Actor) string { return "/desk/incidents?view=breached" }},
	{"queue_resolved", 50, func(*rand.Rand, *company, *auth.Actor) string { return "/desk/incidents?view=resolved" }},
	{"queue_closed", 50, func(*rand.Rand, *company, *auth.Actor) string { return "/desk/incidents?view=closed" }},
	{"queue_every", 50, func(*rand.Rand, *company, *auth.Actor) string { return "/desk/incidents?view=every" }},
	{"queue_by_priority", 50, func(*rand.Rand, *company, *auth.Actor) string { return "/desk/incidents?view=all&sort=priority" }},
	{"queue_of_person", 0, func(r *rand.Rand, c *company, _ *auth.Actor) string {
		return fmt.Sprintf("/desk/incidents?view=every&requester=%d", one(r, c.People))
	}},
	{"queue_of_category", 0, func(r *rand.Rand, c *company, _ *auth.Actor) string {
		return fmt.Sprintf("/desk/incidents?view=all&category=%d", one(r, c.Categories))
	}},
	{"queue_with_words", 0, func(r *rand.Rand, _ *company, _ *auth.Actor) string {
		return fmt.Sprintf("/desk/incidents?view=all&text=%s+%s", one(r, words), one(r, words))
	}},
	{"desk_day", 0, func(*rand.Rand, *company, *auth.Actor) string { return "/desk" }},
}

// pages measures what agents look at, in both databases by turns, so that a busy moment of the machine meets both; and then the
// memory of the large one's server under a load of many.
func (b *bench) pages(ctx context.Context) (err error) {
	few, err := b.site(ctx, small)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, few.close()) }()
	many, err := b.site(ctx, b.large())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, many.close()) }()

	for i, k := range queueKinds {
		f := figure{Name: k.name, Unit: "ms", Limit: 25, RatioLimit: 1.5, N: 400, Warmup: 50}
		if i > 0 { // pages beside the measured one, to see that none of them falls out
			f.N, f.Warmup, f.RatioLimit, f.Limit = 60, 10, 0, 0
		}
		err := b.compare(ctx, f, few, many, func(r *rand.Rand, s *site) (request, error) {
			a := one(r, s.Agents)
			return request{k.path(r, s.company, &a), a.ID, http.StatusOK, k.rows}, nil
		})
		if err != nil {
			return err
		}
	}
	number := func(r *rand.Rand, s *site) (string, error) {
		return someNumber(ctx, s.pool, 1+r.Int64N(int64(s.size)-10))
	}
	err = b.compare(ctx, figure{Name: "ticket_page", Unit: "ms", Limit: 25, N: 400, Warmup: 50}, few, many, func(r *rand.Rand, s *site) (request, error) {
		n, err := number(r, s)
		return request{"/desk/incidents/" + n, one(r, s.Agents).ID, http.StatusOK, 0}, err
	})
	if err != nil {
		return err
	}
	err = b.compare(ctx, figure{Name: "number_search", Unit: "ms", Limit: 25, N: 400, Warmup: 50}, few, many, func(r *rand.Rand, s *site) (request, error) {
		n, err := number(r, s)
		return request{"/desk/search?q=" + strings.ToLower(n), one(r, s.Agents).ID, http.StatusSeeOther, 0}, err
	})
	if err != nil {
		return err
	}
	return b.load(ctx, many)
}

// compare measures a kind of request in both, one client after the other, and prints the figure of the large one.
func (b *bench) compare(ctx context.Context, f figure, few, many *site, draw func(r *rand.Rand, s *site) (request, error)) error {
	r := rand.New(rand.NewPCG(1, 2))
	var of [2]times
	var yard times
	for i := range f.Warmup + f.N {
		if i == f.Warmup {
			of, yard = [2]times{}, nil
		}
		for j, s := range []*site{few, many} {
			q, err := draw(r, s)
			if err != nil {
				return err
			}
			if err := of[j].add(func() error { return s.ask(ctx, q) }); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
		}
		if err := yard.add(func() error { return readOne(ctx, many.pool, 1+r.Int64N(int64(many.size))) }); err != nil {
			return err
		}
	}
	f.Value, f.Median, f.Ratio = of[1].p95(), of[1].percentile(50), of[1].p95()/of[0].p95()
	f.Yardstick, f.Concurrency, f.Tickets = yard.p95(), 1, many.size
	b.print(f)
	return nil
}

// load has 16 clients ask for pages of all kinds at once, and prints how large the server became.
func (b *bench) load(ctx context.Context, s *site) error {
	const clients, each = 16, 60
	g, asking := errgroup.WithContext(ctx)
	var all [clients]times
	for c := range clients {
		g.Go(func() error {
			r := rand.New(rand.NewPCG(uint64(c), 3))
			for range each {
				a := one(r, s.Agents)
				k := one(r, queueKinds)
				q := request{k.path(r, s.company, &a), a.ID, http.StatusOK, 0}
				if r.IntN(3) == 0 {
					q = request{one(r, []string{"/", "/tickets", "/tickets?show=ended"}), one(r, s.People[:50]), http.StatusOK, 0}
				}
				if err := all[c].add(func() error { return s.ask(asking, q) }); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	var together times
	for _, t := range all {
		together = append(together, t...)
	}
	b.print(figure{Name: "load_page", Value: together.p95(), Median: together.percentile(50), Unit: "ms", N: len(together), Concurrency: clients, Tickets: s.size})
	mib, err := s.highest()
	if err != nil {
		return err
	}
	b.print(figure{Name: "memory", Value: mib, Unit: "MiB", Limit: 150, N: 1, Concurrency: clients, Tickets: s.size})
	var trip times
	for range 500 {
		if err := trip.add(func() error { return roundTrip(ctx, s.pool) }); err != nil {
			return err
		}
	}
	b.print(figure{Name: "yardstick_round_trip", Value: trip.p95(), Median: trip.percentile(50), Unit: "ms", N: len(trip), Concurrency: 1})
	return nil
}
