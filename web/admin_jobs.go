package web

import (
	"context"
	"time"

	"opora/internal/jobs"
)

type jobsPage struct {
	adminPage
	Tasks   []scheduledLine
	Dead    []jobLine
	Failing []jobLine
}

// scheduledLine is a scheduled task with its last run.
type scheduledLine struct {
	Name, Code string
	Never      bool
	At         time.Time
	Took       string
	Done       int
	Error      string
}

// jobLine is a job that failed.
type jobLine struct {
	ID            int64
	Kind, Error   string
	Attempt, Most int
	At, Again     time.Time
	Retry, Cancel string // addresses
}

const maxJobs = 50

func (s *Server) adminJobs(r *req) error {
	p := jobsPage{adminPage: r.adminList("jobs")}
	var err error
	if p.Tasks, err = s.lastRuns(r); err != nil {
		return err
	}
	if p.Dead, err = s.jobLines(r, jobs.GivenUp); err != nil {
		return err
	}
	if p.Failing, err = s.jobLines(r, jobs.Retrying); err != nil {
		return err
	}
	return r.Show("admin/jobs", p)
}

// lastRuns are all scheduled tasks with their last runs.
func (s *Server) lastRuns(r *req) ([]scheduledLine, error) {
	runs, err := s.jobs.LastRuns(r.Ctx(), s.system.Tasks)
	if err != nil {
		return nil, err
	}
	out := make([]scheduledLine, len(s.system.Tasks))
	for i, task := range s.system.Tasks {
		out[i] = scheduledLine{Name: r.P.T("admin.task." + task), Code: task, Never: true}
		for _, run := range runs {
			if run.Task == task {
				out[i].Never, out[i].At, out[i].Done, out[i].Error = false, run.StartedAt, run.Done, run.Error
				out[i].Took = r.P.T("admin.jobs.ms", "N", r.P.Number(int64(run.TookMS)))
			}
		}
	}
	return out, nil
}

func (s *Server) jobLines(r *req, state jobs.State) ([]jobLine, error) {
	list, err := s.jobs.List(r.Ctx(), 0, maxJobs, state)
	if err != nil {
		return nil, err
	}
	out := make([]jobLine, len(list))
	for i, j := range list {
		path := "/admin/jobs/" + idText(j.ID)
		out[i] = jobLine{ID: j.ID, Kind: j.Kind, Error: j.Error, Attempt: j.Attempt, Most: j.MaxAttempts, At: j.CreatedAt, Again: j.ScheduledAt, Retry: path + "/retry", Cancel: path + "/cancel"}
		if j.AttemptedAt != nil {
			out[i].At = *j.AttemptedAt
		}
	}
	return out, nil
}

func (s *Server) retryJob(r *req) error { return s.withJob(r, "job.retried", s.jobs.Retry) }

func (s *Server) cancelJob(r *req) error { return s.withJob(r, "job.cancelled", s.jobs.Cancel) }

func (s *Server) withJob(r *req, action string, do func(context.Context, int64) error) error {
	id, err := r.PathID("id")
	if err != nil {
		return err
	}
	if err := do(r.Ctx(), id); err != nil {
		return err
	}
	if err := r.noteSettings(action, "job:"+idText(id)); err != nil {
		return err
	}
	return r.Done("/admin/jobs", "admin."+action)
}
