package main

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"opora/internal/audit"
)

// originals are the incidents that lived, with what their copies need. A copy is n·stride above its original, in id and in number.
type originals struct {
	stride int64
	copies int64
	size   int64
	list   []original
}

type original struct {
	id     int64
	place  int64 // in the sequence of numbers
	number string
	events []eventRow
}

// copy multiplies the incidents that lived until there are as many as asked for. All that is not sealed is copied by PostgreSQL; each
// event is sealed anew, since a seal is over the number too.
func (d *data) copy(ctx context.Context) error {
	o, err := readOriginals(ctx, d.owner, int64(d.size))
	if err != nil {
		return err
	}
	indexes, err := dropIndexes(ctx, d.owner)
	if err != nil {
		return err
	}
	g, working := errgroup.WithContext(ctx)
	g.Go(func() error { return copyTables(working, d.owner, o) })
	g.Go(func() error { return d.copyEvents(working, o) })
	if err := g.Wait(); err != nil {
		return err
	}
	return settle(ctx, d.owner, indexes, int64(d.size))
}

// copyEvents seals the copies' events, ledger rows and the sums over all numbers.
func (d *data) copyEvents(ctx context.Context, o *originals) error {
	var sums [audit.Shards][]byte
	var counts [audit.Shards]int64
	enrol := func(number string) {
		s := audit.Shard(number)
		sums[s], counts[s] = audit.Sum(sums[s], d.key.Member(number)), counts[s]+1
	}
	w, err := newEventWriter(ctx, d.owner)
	if err != nil {
		return err
	}
	defer w.abandon()
	for i := range o.list {
		enrol(o.list[i].number)
	}
	for n := int64(1); n <= o.copies; n++ {
		for i := range o.list {
			p := &o.list[i]
			id := p.id + n*o.stride
			if id > o.size {
				continue
			}
			number := numberOf(p.place + n*o.stride)
			enrol(number)
			var mac []byte
			for j := range p.events {
				e := p.events[j]
				rest, ok := strings.CutPrefix(e.Body, `{"ticket":"`+p.number+`"`)
				if !ok {
					return fmt.Errorf("an event of %s does not begin with its number: %s", p.number, e.Body)
				}
				e.TicketID, e.Body = id, `{"ticket":"`+number+`"`+rest
				mac = d.key.Seal(number, mac, e.Body)
				e.Mac = mac
				if err := w.event(ctx, &e); err != nil {
					return err
				}
			}
			count := int64(len(p.events))
			w.ledger(id, number, count, mac, d.key.Ledger(number, count, mac))
		}
	}
	for s := range sums {
		if err := w.shard(ctx, s, counts[s], sums[s], d.key.ShardMac(s, counts[s], sums[s])); err != nil {
			return err
		}
	}
	return w.close(ctx)
}

// numberOf is the number that an incident with the n-th place in the sequence has.
func numberOf(n int64) string { return fmt.Sprintf("INC-%06d", n) }
