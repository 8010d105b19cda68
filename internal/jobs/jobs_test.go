package jobs_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"opora/internal/db"
	"opora/internal/fault"
	"opora/internal/jobs"
	"opora/internal/testkit"
)

const patience = 40 * time.Second

type note struct {
	Text string `json:"text"`
}

func (note) Kind() string { return "note" }

// childDSN makes the test program a worker that takes a note and never ends it: TestKilledWorker kills it.
const childDSN = "OPORA_TEST_JOBS_CHILD"

func TestMain(m *testing.M) {
	dsn := os.Getenv(childDSN)
	if dsn == "" {
		os.Exit(m.Run())
	}
	ctx := context.Background()
	c, err := jobs.Open(ctx, jobs.Config{DSN: dsn, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	jobs.Register(c, func(ctx context.Context, job jobs.Job[note]) error {
		fmt.Println("took", job.Args.Text, job.Attempt)
		<-ctx.Done()
		return ctx.Err()
	})
	if err := c.Start(ctx); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	select {}
}

func open(t *testing.T, dsn string) *jobs.Client {
	t.Helper()
	c, err := jobs.Open(t.Context(), jobs.Config{DSN: dsn, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		if err := c.Stop(ctx); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return c
}

// notes starts workers whose notes come out of the channel.
func notes(t *testing.T, c *jobs.Client) <-chan jobs.Job[note] {
	t.Helper()
	got := make(chan jobs.Job[note], 100)
	jobs.Register(c, func(_ context.Context, job jobs.Job[note]) error {
		got <- job
		return nil
	})
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return got
}

func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("not reached")
	}
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

// insert puts a note in with a transaction, as every use case does, and ends that.
func insert(t *testing.T, c *jobs.Client, pool *db.DB, text string, o jobs.Options, end func(*sql.Tx) error) {
	t.Helper()
	tx, err := pool.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Insert(t.Context(), tx, note{text}, o); err != nil {
		t.Fatal(err)
	}
	if err := end(tx); err != nil {
		t.Fatal(err)
	}
}

// Only what is committed runs, and it runs at once: five in a row, each put in when the one before is done, by a client
// that runs nothing itself. Polling alone (every second) would take some 3 s.
func TestInsertWithTransaction(t *testing.T) {
	d := testkit.NewDatabase(t)
	pool := d.Open(t)
	got := notes(t, open(t, d.DSN))
	command := open(t, d.DSN)

	insert(t, command, pool, "first", jobs.Options{}, (*sql.Tx).Commit)
	receive(t, got)
	insert(t, command, pool, "never", jobs.Options{}, (*sql.Tx).Rollback)
	begun := time.Now()
	for i := range 5 {
		text := fmt.Sprint("note ", i)
		insert(t, command, pool, text, jobs.Options{}, (*sql.Tx).Commit)
		if job := receive(t, got); job.Args.Text != text || job.Attempt != 1 {
			t.Errorf("got %+v, want %q at attempt 1", job, text)
		}
	}
	if took := time.Since(begun); took > 1500*time.Millisecond {
		t.Errorf("five jobs took %v: LISTEN does not wake the workers", took)
	}
}

func TestOnce(t *testing.T) {
	d := testkit.NewDatabase(t)
	pool := d.Open(t)
	c := open(t, d.DSN)
	for _, text := range []string{"a", "b", "a"} {
		insert(t, c, pool, text, jobs.Options{Once: true}, (*sql.Tx).Commit)
	}
	rows, err := c.List(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var args []string
	for _, r := range rows {
		args = append(args, string(r.Args))
	}
	if diff := cmp.Diff([]string{`{"text": "b"}`, `{"text": "a"}`}, args); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
}

// A lost LISTEN connection comes back, and jobs are woken by it again.
func TestListenerComesBack(t *testing.T) {
	const listening = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'opora jobs listener' AND query LIKE 'LISTEN%'`
	d := testkit.NewDatabase(t)
	pool, owner := d.Open(t), d.OpenOwner(t)
	c := open(t, d.DSN)
	got := notes(t, c)

	pid := func() (pid int) {
		if err := owner.GetContext(t.Context(), &pid, listening+" ORDER BY backend_start DESC LIMIT 1"); err != nil && !errors.Is(err, sql.ErrNoRows) {
			t.Fatal(err)
		}
		return pid
	}
	eventually(t, "somebody listens", func() bool { return pid() != 0 })
	for range 2 {
		old := pid()
		if _, err := owner.ExecContext(t.Context(), `SELECT pg_terminate_backend($1)`, old); err != nil {
			t.Fatal(err)
		}
		eventually(t, "somebody listens again", func() bool { p := pid(); return p != 0 && p != old })
	}
	insert(t, c, pool, "before", jobs.Options{}, (*sql.Tx).Commit) // may yet be found by polling
	receive(t, got)
	begun := time.Now()
	for range 5 {
		insert(t, c, pool, "after", jobs.Options{}, (*sql.Tx).Commit)
		receive(t, got)
	}
	if took := time.Since(begun); took > 1500*time.Millisecond {
		t.Errorf("five jobs took %v: LISTEN is not back", took)
	}
}

// A worker is killed in the middle of a job: the job runs again elsewhere.
func TestKilledWorker(t *testing.T) {
	d := testkit.NewDatabase(t)
	pool, owner := d.Open(t), d.OpenOwner(t)
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childDSN+"="+d.DSN)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	c := open(t, d.DSN)
	insert(t, c, pool, "precious", jobs.Options{}, (*sql.Tx).Commit)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "took precious 1\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed: it has nothing good to say

	// Time passes: the job's time-out and the margin, and the dead replica's term.
	for _, statement := range []string{
		`UPDATE jobs.river_job SET attempted_at = attempted_at - interval '6 minutes 1 second' WHERE state = 'running'`,
		`DELETE FROM jobs.river_leader`,
	} {
		if _, err := owner.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if job := receive(t, notes(t, c)); job.Args.Text != "precious" || job.Attempt != 2 {
		t.Errorf("got %+v, want the precious note at attempt 2", job)
	}
}

// What was given up is listed with its error and can be tried again; what runs can be cancelled from another client.
func TestAdministration(t *testing.T) {
	d := testkit.NewDatabase(t)
	pool := d.Open(t)
	admin, c := open(t, d.DSN), open(t, d.DSN)
	var broken atomic.Bool
	broken.Store(true)
	started, cancelled := make(chan bool, 1), make(chan bool, 1)
	jobs.Register(c, func(ctx context.Context, job jobs.Job[note]) error {
		switch {
		case job.Args.Text == "long":
			started <- true
			<-ctx.Done()
			cancelled <- true
			return ctx.Err()
		case broken.Load():
			panic("no paper")
		}
		return nil
	})
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := func(states ...jobs.State) []jobs.Row {
		rows, err := admin.List(t.Context(), 0, 10, states...)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}

	insert(t, admin, pool, "print", jobs.Options{Attempts: 1}, (*sql.Tx).Commit)
	eventually(t, "given up", func() bool { return len(list(jobs.GivenUp)) == 1 })
	dead := list(jobs.GivenUp)[0]
	if !strings.Contains(dead.Error, "no paper") || dead.Kind != "note" || dead.Attempt != 1 || dead.FinalizedAt == nil {
		t.Errorf("given up: %+v", dead)
	}
	if rows, err := admin.List(t.Context(), dead.ID, 10); err != nil || len(rows) != 0 {
		t.Errorf("the page after the only job: %v, %v", rows, err)
	}
	broken.Store(false)
	if err := admin.Retry(t.Context(), dead.ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "done", func() bool { return len(list(jobs.Done)) == 1 })

	insert(t, admin, pool, "long", jobs.Options{}, (*sql.Tx).Commit)
	receive(t, started)
	if err := admin.Cancel(t.Context(), list(jobs.Running)[0].ID); err != nil {
		t.Fatal(err)
	}
	receive(t, cancelled)
	eventually(t, "cancelled", func() bool { return len(list(jobs.Cancelled)) == 1 })

	for name, err := range map[string]error{"retry": admin.Retry(t.Context(), 1<<40), "cancel": admin.Cancel(t.Context(), 1<<40)} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("%s of an unknown job: %v", name, err)
		}
	}
}

func TestExclusive(t *testing.T) {
	d := testkit.NewDatabase(t)
	owner := d.OpenOwner(t)
	a, b := open(t, d.DSN), open(t, d.DSN)
	nothing := func(context.Context) error { return nil }
	held := func(c *jobs.Client, name string) bool {
		ran, err := c.Exclusive(t.Context(), name, nothing)
		if err != nil {
			t.Fatal(err)
		}
		return !ran
	}
	oops := errors.New("oops")
	ran, err := a.Exclusive(t.Context(), "sweep", func(context.Context) error {
		if !held(b, "sweep") || !held(a, "sweep") {
			t.Error("a second one runs beside the first")
		}
		if held(b, "mop") {
			t.Error("another name is held too")
		}
		return oops
	})
	if !ran || !errors.Is(err, oops) {
		t.Errorf("got %v, %v", ran, err)
	}
	if held(b, "sweep") {
		t.Error("the lock outlives its holder")
	}
	// The holder's connection is lost: somebody else may go on, and the holder's pool is not spoilt.
	_, err = a.Exclusive(t.Context(), "sweep", func(ctx context.Context) error {
		_, err := owner.ExecContext(ctx, `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
		eventually(t, "the lock is free", func() bool { return !held(b, "sweep") })
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if held(a, "sweep") {
		t.Error("the lock is not free after all")
	}
}

func TestRuns(t *testing.T) {
	c := open(t, testkit.NewDatabase(t).DSN)
	tick := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	for _, r := range []jobs.Run{
		{Task: "sync", Tick: tick, StartedAt: tick, TookMS: 5, Error: "bad\x00\xff"},
		{Task: "sweep", Tick: tick, StartedAt: tick, TookMS: 7, Done: 3},
		{Task: "sync", Tick: tick, StartedAt: tick.Add(time.Second), TookMS: 6, Error: "again"},
		{Task: "sync", Tick: tick.Add(time.Hour), StartedAt: tick.Add(time.Hour), TookMS: 8, Done: 1},
	} {
		if err := c.RecordRun(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	last, err := c.LastRuns(t.Context(), []string{"sweep", "idle", "sync"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range last {
		got = append(got, fmt.Sprintf("%s %s %d %dms %q", r.Task, r.Tick.UTC().Format("15:04"), r.Done, r.TookMS, r.Error))
	}
	if diff := cmp.Diff([]string{`sweep 12:00 3 7ms ""`, `sync 13:00 1 8ms ""`}, got); diff != "" {
		t.Errorf("last runs (-want +got):\n%s", diff)
	}
	if runs, err := c.Runs(t.Context(), "sync", 10); err != nil || len(runs) != 2 || runs[1].Error != "again" {
		t.Errorf("runs of sync: %+v, %v", runs, err)
	}
	if n, err := c.PruneRuns(t.Context(), tick.Add(time.Minute)); n != 2 || err != nil {
		t.Errorf("pruned %d, %v; want 2", n, err)
	}
}

func TestAlive(t *testing.T) {
	empty := testkit.EmptyDatabase(t)
	c := open(t, empty.OwnerDSN)
	if c.Alive(t.Context()) == nil {
		t.Error("alive without tables")
	}
	owner := empty.OpenOwner(t)
	for range 2 { // the second finds nothing to do
		if err := jobs.Migrate(t.Context(), owner.DB.DB); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Alive(t.Context()); err != nil {
		t.Error(err)
	}
	stopped, err := jobs.Open(t.Context(), jobs.Config{DSN: empty.OwnerDSN, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	notes(t, stopped)
	if err := stopped.Alive(t.Context()); err != nil {
		t.Error(err)
	}
	if err := stopped.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if stopped.Alive(t.Context()) == nil {
		t.Error("alive after its stop")
	}
}
