// Package jobs is durable background work on River, in the same PostgreSQL: a job is a row that is written in the
// transaction of the change that calls for it, and workers run it at least once, with retries, back-off and a list of
// what was given up. It also keeps the journal of scheduled runs and the lock that lets one replica at a time run a task.
// What does not belong here: when something runs (workflows/schedule), and what the work is (the packages that register
// it). A job must be idempotent: it may run again after it has done all its work.
package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/rivermigrate"

	"opora/internal/db"
)

// Schema holds River's tables.
const Schema = "jobs"

// Queues. Scheduled runs have their own, so that a long line of mail does not delay an escalation.
const (
	Default   = river.QueueDefault
	Scheduled = "scheduled"
)

const (
	defaultWorkers    = 8
	scheduledWorkers  = 4
	defaultJobTimeout = 5 * time.Minute
	fetchCooldown     = 20 * time.Millisecond
	rescueMargin      = time.Minute         // a job of a dead replica is taken over this long after its time-out
	keepGivenUp       = 30 * 24 * time.Hour // how long an administrator can find a job that was given up
	hardStop          = 5 * time.Second     // how long a stop waits for jobs after it has cancelled them
)

// Args are what a job needs to know, as JSON: ids, rather than copies of what they name. Kind names the sort of job; it
// is stored with each, so it is never changed.
type Args interface{ Kind() string }

// Job is one job being run.
type Job[T Args] struct {
	ID      int64
	Attempt int // counts from 1
	Args    T
}

// Config of a client.
type Config struct {
	DSN        string
	Role       string        // SET ROLE on each connection; empty: none
	Workers    int           // how many jobs of the default queue run at once here; default 8
	JobTimeout time.Duration // a job's context ends after it; default 5 minutes
	Logger     *slog.Logger
}

// Client puts jobs in, and runs them once Start was called. It has a small pool of its own, so that the load of the pages
// cannot take the workers' connections.
type Client struct {
	config   Config
	pool     *db.DB
	driver   riverdriver.Driver[*sql.Tx]
	workers  *river.Workers
	inserter *river.Client[*sql.Tx]
	worker   *river.Client[*sql.Tx] // nil until Start
}

// Migrate brings schema jobs up to what this version needs. The caller orders replicas that start at once.
func Migrate(ctx context.Context, pool *sql.DB) error {
	if _, err := pool.ExecContext(ctx, `CREATE SCHEMA IF NOT EXISTS `+Schema); err != nil {
		return fmt.Errorf("creating schema %s: %w", Schema, err)
	}
	m, err := rivermigrate.New(riverdatabasesql.New(pool), &rivermigrate.Config{Schema: Schema})
	if err != nil {
		return fmt.Errorf("preparing job migrations: %w", err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrating schema %s: %w", Schema, err)
	}
	return nil
}

// Open connects a client that puts jobs in. To run jobs too, Register each kind and then Start.
func Open(ctx context.Context, config Config) (*Client, error) {
	if config.Workers == 0 {
		config.Workers = defaultWorkers
	}
	if config.JobTimeout == 0 {
		config.JobTimeout = defaultJobTimeout
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	// Each running task holds one connection for its lock; River needs a few for itself.
	pool, err := db.Open(ctx, config.DSN, db.Options{MaxConns: scheduledWorkers + 4, Role: config.Role, Name: "opora jobs"})
	if err != nil {
		return nil, err
	}
	listen := db.With(config.DSN, map[string]string{"application_name": "opora jobs listener"})
	c := &Client{config: config, pool: pool, driver: NewDriver(pool.DB.DB, listen), workers: river.NewWorkers()}
	// River leaves out the NOTIFY of a job that comes within the cool-down of the last one, also when that was rolled back
	// or is fetched already; the job would then wait for the poll. So no cool-down on this side.
	c.inserter, err = river.NewClient(c.driver, &river.Config{Schema: Schema, FetchCooldown: river.FetchCooldownMin, Logger: quiet(config.Logger)})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("opening jobs: %w", err)
	}
	return c, nil
}

// Register says how jobs of a kind are run; call it before Start. An error that work returns, or a panic, makes the job
// wait and run again, up to its attempts. It panics when the kind is registered already.
func Register[T Args](c *Client, work func(ctx context.Context, job Job[T]) error) {
	river.AddWorker(c.workers, river.WorkFunc(func(ctx context.Context, j *river.Job[T]) error {
		return work(ctx, Job[T]{ID: j.ID, Attempt: j.Attempt, Args: j.Args})
	}))
}

// Start begins to run jobs. It returns once the workers are up; they go on until Stop, whatever becomes of ctx.
func (c *Client) Start(ctx context.Context) error {
	worker, err := river.NewClient(c.driver, &river.Config{
		Schema:  Schema,
		Workers: c.workers,
		Queues: map[string]river.QueueConfig{
			Default:   {MaxWorkers: c.config.Workers},
			Scheduled: {MaxWorkers: scheduledWorkers},
		},
		FetchCooldown:               fetchCooldown,
		JobTimeout:                  c.config.JobTimeout,
		RescueStuckJobsAfter:        c.config.JobTimeout + rescueMargin,
		DiscardedJobRetentionPeriod: keepGivenUp,
		CancelledJobRetentionPeriod: keepGivenUp,
		ReindexerIndexNames:         []string{}, // needs to own the tables; autovacuum and deletes are enough here
		Logger:                      quiet(c.config.Logger),
	})
	if err != nil {
		return fmt.Errorf("preparing workers: %w", err)
	}
	if err := worker.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("starting workers: %w", err)
	}
	c.worker = worker
	return nil
}

// Stop lets the running jobs end as long as ctx allows, then cancels them, and closes the pool. A cancelled job runs
// again, here or elsewhere.
func (c *Client) Stop(ctx context.Context) error {
	var err error
	if c.worker != nil {
		if err = c.worker.Stop(ctx); err != nil {
			hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), hardStop)
			defer cancel()
			err = c.worker.StopAndCancel(hard)
		}
	}
	return errors.Join(err, c.pool.Close())
}

// Alive is nil when the tables of the jobs answer and, once started, the workers run.
func (c *Client) Alive(ctx context.Context) error {
	if c.worker != nil {
		select {
		case <-c.worker.Stopped():
			return errors.New("jobs: the workers have stopped")
		default:
		}
	}
	var version int
	if err := c.pool.GetContext(ctx, &version, sqlAlive); err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	return nil
}

// Options of one job. The zero value means: now, in the default queue, 25 attempts (over about three weeks).
type Options struct {
	At       time.Time // not before
	Queue    string
	Attempts int
	Once     bool // not when a job of this kind with the same args is there, done within a day or still to do
}

// Insert puts a job in with the transaction: it runs when that commits, and never when it does not.
func (c *Client) Insert(ctx context.Context, tx *sql.Tx, args Args, o Options) error {
	if _, err := c.inserter.InsertTx(ctx, tx, args, o.river()); err != nil {
		return fmt.Errorf("inserting job %s: %w", args.Kind(), err)
	}
	return nil
}

// InsertNow puts a job in outside any transaction.
func (c *Client) InsertNow(ctx context.Context, args Args, o Options) error {
	if _, err := c.inserter.Insert(ctx, args, o.river()); err != nil {
		return fmt.Errorf("inserting job %s: %w", args.Kind(), err)
	}
	return nil
}

func (o Options) river() *river.InsertOpts {
	return &river.InsertOpts{
		ScheduledAt: o.At, Queue: o.Queue, MaxAttempts: o.Attempts,
		UniqueOpts: river.UniqueOpts{ByArgs: o.Once},
	}
}
