package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// escalation measures the pass of the clockwork: with nothing due, and with about 1,000 clocks due.
func (b *bench) escalation(ctx context.Context) (err error) {
	d, err := b.open(ctx, b.large())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	running, err := countRunning(ctx, d.pool)
	if err != nil {
		return err
	}
	slog.Info("clocks", "running", running)
	s, now := d.desk(), time.Now()
	const warmup, n = 10, 200
	var nothing, yard times
	for i := range warmup + n {
		if i == warmup {
			nothing, yard = nil, nil
		}
		if err := nothing.add(func() error {
			done, err := s.Escalate(ctx, now)
			if err == nil && done > 0 && i > 0 {
				err = fmt.Errorf("%d steps were due, none should be", done)
			}
			return err
		}); err != nil {
			return err
		}
		if err := yard.add(func() error { return readOne(ctx, d.pool, int64(1+i*997%d.size)) }); err != nil {
			return err
		}
	}
	b.print(figure{Name: "escalation_nothing_due", Value: nothing.p95(), Median: nothing.percentile(50), Unit: "ms", Limit: 20, Yardstick: yard.p95(), N: n, Warmup: warmup, Concurrency: 1, Tickets: d.size})

	at, err := dueAt(ctx, d.pool, 1000)
	if err != nil {
		return err
	}
	var due times
	var done int
	if err := due.add(func() error { done, err = s.Escalate(ctx, at); return err }); err != nil {
		return err
	}
	slog.Info("escalated", "steps", done)
	b.print(figure{Name: "escalation_1000_due", Value: due.p95() / 1000, Unit: "s", Limit: 2, Yardstick: yard.p95(), N: done, Concurrency: 1, Tickets: d.size})
	return nil
}
