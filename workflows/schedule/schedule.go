// Package schedule runs tasks at the times that a cron spec gives. Every replica keeps the same clockwork, and each tick
// becomes one job, unique by task and moment, so exactly one replica runs it and there is no leader to lose. A task is a
// sweep: it does all that is due by now, so a tick that was missed or skipped costs nothing. What does not belong here:
// the tasks, and the durability of jobs (internal/jobs).
package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/robfig/cron/v3"

	"opora/internal/jobs"
)

const (
	attempts      = 3                // of a tick whose next one is far
	retryWithin   = 10 * time.Minute // a failed run whose next tick is nearer waits for that
	insertTimeout = 10 * time.Second
	recordTimeout = 5 * time.Second
	keepRuns      = 14 * 24 * time.Hour
	pruneTask     = "schedule.prune"
	pruneSpec     = "0 17 3 * * *"
)

// Task is work that is done again and again.
type Task struct {
	Name string // kept with each run; never changed
	Spec string // see ParseSpec
	// Run does all that is due by now and says how many things that was. It may run again for the same moment, and beside
	// another run when a connection is lost: each of its steps must stand being done twice.
	Run func(ctx context.Context, now time.Time) (n int, err error)
}

type task struct {
	Task
	times cron.Schedule
}

// tick is the job of one moment of one task.
type tick struct {
	Task string    `json:"task"`
	At   time.Time `json:"at"`
}

func (tick) Kind() string { return "tick" }

// Schedule is the clockwork of one replica.
type Schedule struct {
	client *jobs.Client
	logger *slog.Logger
	order  []string
	tasks  map[string]task
	cron   *cron.Cron
	cancel context.CancelFunc
}

// New prepares the tasks on a client that is not started yet. The error names every task that is wrong.
func New(client *jobs.Client, logger *slog.Logger, tasks ...Task) (*Schedule, error) {
	s := &Schedule{client: client, logger: logger, tasks: make(map[string]task)}
	tasks = append(slices.Clone(tasks), Task{pruneTask, pruneSpec, func(ctx context.Context, now time.Time) (int, error) {
		return client.PruneRuns(ctx, now.Add(-keepRuns))
	}})
	var faults []error
	for _, t := range tasks {
		times, err := parse(t.Spec)
		if err != nil {
			faults = append(faults, fmt.Errorf("task %q: %w", t.Name, err))
		}
		if _, twice := s.tasks[t.Name]; twice || t.Name == "" || t.Run == nil {
			faults = append(faults, fmt.Errorf("task %q: needs a name of its own and something to run", t.Name))
		}
		s.tasks[t.Name] = task{t, times}
		s.order = append(s.order, t.Name)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	jobs.Register(client, s.work)
	return s, nil
}

// Names lists the tasks in their order, for a page that shows their last runs.
func (s *Schedule) Names() []string { return slices.Clone(s.order) }

// Start sets the clockwork going. It goes on until Stop, whatever becomes of ctx.
func (s *Schedule) Start(ctx context.Context) {
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.cron = cron.New(cron.WithLocation(time.UTC), cron.WithLogger(logger{s.logger}))
	for _, name := range s.order {
		var id cron.EntryID
		id = s.cron.Schedule(s.tasks[name].times, cron.FuncJob(func() {
			// The moment that was due, the same on every replica; the present moment would differ.
			s.insert(ctx, tick{name, s.cron.Entry(id).Prev.UTC()})
		}))
	}
	s.cron.Start()
}

// Stop ends the clockwork and waits for ticks that are being put in. Runs go on: the client's Stop ends them.
func (s *Schedule) Stop() {
	if s.cron == nil {
		return
	}
	s.cancel()
	<-s.cron.Stop().Done()
}

func (s *Schedule) insert(ctx context.Context, t tick) {
	ctx, cancel := context.WithTimeout(ctx, insertTimeout)
	defer cancel()
	o := jobs.Options{Queue: jobs.Scheduled, Attempts: attempts, Once: true}
	if err := s.client.InsertNow(ctx, t, o); err != nil && !errors.Is(err, context.Canceled) {
		s.logger.WarnContext(ctx, "a tick is missed", "task", t.Task, "tick", t.At, "error", err)
	}
}

// work runs a tick, unless a run of the task is under way: that one, or the next tick, does what is due.
func (s *Schedule) work(ctx context.Context, job jobs.Job[tick]) error {
	t, ok := s.tasks[job.Args.Task]
	if !ok { // put in by a replica of another version; tried again, it may meet one that knows it
		return fmt.Errorf("no task %q here", job.Args.Task)
	}
	ran, err := s.client.Exclusive(ctx, t.Name, func(ctx context.Context) error { return s.run(ctx, t, job.Args.At) })
	if err == nil && !ran {
		s.logger.DebugContext(ctx, "a tick is skipped: the task still runs", "task", t.Name, "tick", job.Args.At)
	}
	return err
}

func (s *Schedule) run(ctx context.Context, t task, at time.Time) error {
	begun := time.Now()
	now := begun.UTC().Truncate(time.Microsecond)
	n, err := s.call(ctx, t, now)
	run := jobs.Run{Task: t.Name, Tick: at, StartedAt: now, TookMS: int(time.Since(begun).Milliseconds()), Done: n}
	if err != nil {
		run.Error = err.Error()
	}
	// A run that was cancelled or timed out is recorded too.
	record, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := s.client.RecordRun(record, run); err != nil {
		s.logger.ErrorContext(ctx, "a run is not recorded", "task", t.Name, "error", err)
	}
	if err != nil && t.times.Next(now).Sub(now) < retryWithin {
		s.logger.ErrorContext(ctx, "a task failed; its next tick tries again", "task", t.Name, "error", err)
		return nil
	}
	return err
}

// call turns a panic into an error, so that it is recorded like one.
func (s *Schedule) call(ctx context.Context, t task, now time.Time) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			s.logger.ErrorContext(ctx, "a task panicked", "task", t.Name, "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return t.Run(ctx, now)
}

// logger writes what robfig/cron has to say. What it tells of each firing is left out.
type logger struct{ *slog.Logger }

func (l logger) Info(string, ...any) {}

func (l logger) Error(err error, msg string, args ...any) {
	l.Logger.Error(msg, append(args, "error", err)...)
}
