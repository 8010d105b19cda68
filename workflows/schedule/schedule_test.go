package schedule_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"opora/internal/jobs"
	"opora/internal/testkit"
	"opora/workflows/schedule"
)

const (
	patience    = 40 * time.Second
	everySecond = "* * * * * *"
)

var quiet = slog.New(slog.DiscardHandler)

func TestParseSpec(t *testing.T) {
	for spec, ok := range map[string]bool{
		"*/15 * * * * *":                  true,
		"0 17 3 * * *":                    true,
		"0 0 0 29 2 *":                    true,
		"0 0 9 1-7 * mon":                 true,
		"":                                false,
		"* * * * *":                       false,
		"0 0 0 31 2 *":                    false,
		"0 0 0 30 feb *":                  false,
		"60 * * * * *":                    false,
		"@every 15s":                      false,
		"@daily":                          false,
		"CRON_TZ=Europe/Kyiv":             false,
		"CRON_TZ=Europe/Kyiv 0 0 9 * * *": false,
		"TZ=":                             false,
		"*/0 * * * * *":                   false,
		"1-0 * * * * *":                   false,
	} {
		if err := schedule.ParseSpec(spec); (err == nil) != ok {
			t.Errorf("%q: %v, want ok %v", spec, err, ok)
		}
	}
}

// Whatever is typed: an answer, soon, and no panic.
func FuzzParseSpec(f *testing.F) {
	f.Add("*/15 * * * * *")
	f.Add("CRON_TZ=Europe/Kyiv")
	f.Add("0 0 0 30 2 ?")
	f.Fuzz(func(t *testing.T, spec string) {
		begun := time.Now()
		_ = schedule.ParseSpec(spec)
		if took := time.Since(begun); took > time.Second {
			t.Errorf("%q took %v", spec, took)
		}
	})
}

func replica(t *testing.T, dsn string, tasks ...schedule.Task) (*jobs.Client, *schedule.Schedule, func()) {
	t.Helper()
	c, err := jobs.Open(t.Context(), jobs.Config{DSN: dsn, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	s, err := schedule.New(c, quiet, tasks...)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Start(t.Context())
	stop := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		s.Stop()
		if err := c.Stop(ctx); err != nil {
			t.Errorf("stopping: %v", err)
		}
	}
	return c, s, stop
}

func runs(t *testing.T, c *jobs.Client, task string) []jobs.Run {
	t.Helper()
	r, err := c.Runs(t.Context(), task, 100)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// eventually asks again until the answer is yes.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for end := time.After(patience); !yes(); {
		select {
		case <-again.C:
		case <-end:
			t.Fatalf("never: %s", what)
		}
	}
}

// Three replicas with the same clockwork: every second has one job, none two, and each is run once.
func TestEachTickOnce(t *testing.T) {
	d := testkit.NewDatabase(t)
	reader, err := jobs.Open(t.Context(), jobs.Config{DSN: d.DSN, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Stop(t.Context())
	var count atomic.Int64
	var stops []func()
	for range 3 {
		_, _, stop := replica(t, d.DSN, schedule.Task{Name: "count", Spec: everySecond, Run: func(context.Context, time.Time) (int, error) {
			return int(count.Add(1)), nil
		}})
		stops = append(stops, stop)
	}
	eventually(t, "five ticks", func() bool { return len(runs(t, reader, "count")) >= 5 })
	for _, stop := range stops {
		stop()
	}
	if rows := runs(t, reader, "count"); int(count.Load()) != len(rows) {
		t.Errorf("%d runs of %d ticks", count.Load(), len(rows))
	}
	list, err := reader.List(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var ticks []time.Time
	for _, job := range list {
		var args struct {
			Task string
			At   time.Time
		}
		if err := json.Unmarshal(job.Args, &args); err != nil {
			t.Fatal(err)
		}
		if args.Task == "count" {
			ticks = append(ticks, args.At)
		}
	}
	slices.SortFunc(ticks, time.Time.Compare)
	for i, at := range ticks {
		if at.Nanosecond() != 0 || i > 0 && at.Sub(ticks[i-1]) != time.Second {
			t.Errorf("jobs of %v: one for each second?", ticks)
			break
		}
	}
}

// A run that outlasts its ticks: those are skipped, not piled up; afterwards it goes on as before.
func TestSlowTaskDoesNotPileUp(t *testing.T) {
	d := testkit.NewDatabase(t)
	release := make(chan struct{})
	var begun, now, beside atomic.Int64
	task := schedule.Task{Name: "slow", Spec: everySecond, Run: func(ctx context.Context, _ time.Time) (int, error) {
		begun.Add(1)
		if now.Add(1) > 1 {
			beside.Add(1)
		}
		defer now.Add(-1)
		select {
		case <-release:
		case <-ctx.Done():
		}
		return 0, ctx.Err()
	}}
	c, s, stop := replica(t, d.DSN, task)
	_, _, stopOther := replica(t, d.DSN, task)
	defer stop()
	defer stopOther()
	skipped := func() int {
		done, err := c.List(t.Context(), 0, 100, jobs.Done)
		if err != nil {
			t.Fatal(err)
		}
		return len(done)
	}
	eventually(t, "three ticks are skipped", func() bool { return skipped() >= 3 })
	if begun.Load() != 1 {
		t.Errorf("%d runs began while one was under way", begun.Load())
	}
	close(release)
	eventually(t, "it goes on", func() bool { return len(runs(t, c, "slow")) >= 2 })
	if beside.Load() != 0 {
		t.Errorf("%d runs began beside another", beside.Load())
	}
	if last, err := c.LastRuns(t.Context(), s.Names()); err != nil || len(last) != 1 || last[0].Task != "slow" {
		t.Errorf("last runs: %+v, %v", last, err)
	}
}

// A run that fails or panics leaves its row, and the next tick runs all the same.
func TestFailureIsRecorded(t *testing.T) {
	var n atomic.Int64
	c, _, stop := replica(t, testkit.NewDatabase(t).DSN, schedule.Task{Name: "flaky", Spec: everySecond, Run: func(context.Context, time.Time) (int, error) {
		switch n.Add(1) {
		case 1:
			return 7, errors.New("printer on fire")
		case 2:
			panic("oops")
		}
		return 1, nil
	}})
	defer stop()
	eventually(t, "three runs", func() bool { return len(runs(t, c, "flaky")) >= 3 })
	rows := runs(t, c, "flaky")
	first, second, third := rows[len(rows)-1], rows[len(rows)-2], rows[len(rows)-3]
	if first.Error != "printer on fire" || first.Done != 7 || second.Error != "panic: oops" || third.Error != "" || third.Done != 1 {
		t.Errorf("runs: %+v, %+v, %+v", first, second, third)
	}
	if waiting, err := c.List(t.Context(), 0, 10, jobs.Retrying, jobs.GivenUp); err != nil || len(waiting) != 0 {
		t.Errorf("a tick whose next one is near is tried again: %+v, %v", waiting, err)
	}
}

func TestNewNamesEachWrongTask(t *testing.T) {
	c, err := jobs.Open(t.Context(), jobs.Config{DSN: testkit.NewDatabase(t).DSN, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop(t.Context())
	run := func(context.Context, time.Time) (int, error) { return 0, nil }
	_, err = schedule.New(c, quiet, schedule.Task{"a", everySecond, run}, schedule.Task{"a", everySecond, run}, schedule.Task{"b", "never", run}, schedule.Task{"c", everySecond, nil})
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 3 {
		t.Errorf("got %v, want three faults", err)
	}
}
