package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"opora/internal/fault"
)

// State is where a job stands.
type State = rivertype.JobState

// The states.
const (
	Available State = rivertype.JobStateAvailable // to be run now
	Waiting   State = rivertype.JobStateScheduled // to be run later
	Running   State = rivertype.JobStateRunning
	Retrying  State = rivertype.JobStateRetryable // failed, to be run again
	Done      State = rivertype.JobStateCompleted
	Cancelled State = rivertype.JobStateCancelled // by an administrator
	GivenUp   State = rivertype.JobStateDiscarded // failed at its last attempt
)

// Row is a job as an administrator sees it.
type Row struct {
	ID          int64
	Kind        string
	Queue       string
	State       State
	Attempt     int
	MaxAttempts int
	Args        json.RawMessage
	Error       string // of the last attempt that failed
	CreatedAt   time.Time
	ScheduledAt time.Time  // not before
	AttemptedAt *time.Time // last
	FinalizedAt *time.Time
}

// List gives the jobs in any of the states (none: in all) with an id below before (0: from the newest on), the newest
// first, at most limit (1 to 1000). The dead list is List(ctx, 0, 50, GivenUp).
func (c *Client) List(ctx context.Context, before int64, limit int, states ...State) ([]Row, error) {
	p := river.NewJobListParams().First(limit).OrderBy(river.JobListOrderByID, river.SortOrderDesc)
	if len(states) > 0 {
		p = p.States(states...)
	}
	if before > 0 {
		p = p.Where("id < @before", river.NamedArgs{"before": before})
	}
	res, err := c.inserter.JobList(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("listing jobs: %w", err)
	}
	rows := make([]Row, 0, len(res.Jobs))
	for _, j := range res.Jobs {
		rows = append(rows, row(j))
	}
	return rows, nil
}

func row(j *rivertype.JobRow) Row {
	r := Row{
		ID: j.ID, Kind: j.Kind, Queue: j.Queue, State: j.State, Attempt: j.Attempt, MaxAttempts: j.MaxAttempts,
		Args: j.EncodedArgs, CreatedAt: j.CreatedAt, ScheduledAt: j.ScheduledAt, AttemptedAt: j.AttemptedAt, FinalizedAt: j.FinalizedAt,
	}
	if n := len(j.Errors); n > 0 {
		r.Error = j.Errors[n-1].Error
	}
	return r
}

// Retry lets a job run again now, with one more attempt if it had none left. A running one is left alone.
// An unknown id is a NotFound fault.
func (c *Client) Retry(ctx context.Context, id int64) error {
	_, err := c.inserter.JobRetry(ctx, id)
	return found(err)
}

// Cancel keeps a job from running (again). A running one has its context cancelled, on whatever replica it runs.
// An unknown id is a NotFound fault.
func (c *Client) Cancel(ctx context.Context, id int64) error {
	_, err := c.inserter.JobCancel(ctx, id)
	return found(err)
}

func found(err error) error {
	if errors.Is(err, river.ErrNotFound) {
		return fault.Wrap(err, fault.NotFound, "jobs.not_found")
	}
	return err
}
