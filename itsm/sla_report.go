package itsm

import (
	"context"
	"time"
)

// Report is how the promises were kept for the incidents of a period. Definitions (docs/practices of the house):
// SLA attainment = resolved with all targets met ÷ resolved · MTTR = mean(resolved − opened), wall clock, over those resolved in the period ·
// first response = opening to the first public answer by staff.
type Report struct {
	From       time.Time         `json:"from"`
	To         time.Time         `json:"to"` // not included
	Opened     int64             `json:"opened"`
	Resolved   int64             `json:"resolved"`
	AllMet     int64             `json:"all_targets_met"`
	Attainment *float64          `json:"attainment_percent"` // nil when nothing was resolved
	MTTR       *float64          `json:"mttr_seconds"`
	Response   *float64          `json:"first_response_mean_seconds"` // wall clock
	Reopened   int64             `json:"reopened"`
	Clocks     []ClockSummary    `json:"clocks"`
	Priorities []PrioritySummary `json:"priorities"`
}

// ClockSummary is one clock over the incidents resolved in the period; Used is working time.
type ClockSummary struct {
	Clock      string  `db:"clock" json:"clock"`
	Ended      int64   `db:"ended" json:"ended"`
	InTime     int64   `db:"in_time" json:"in_time"`
	Attainment float64 `db:"attainment" json:"attainment_percent"`
	Mean       float64 `db:"mean_s" json:"used_mean_seconds"`
	P50        float64 `db:"p50_s" json:"used_p50_seconds"`
	P90        float64 `db:"p90_s" json:"used_p90_seconds"`
}

// PrioritySummary is attainment by priority.
type PrioritySummary struct {
	Priority   int     `db:"priority" json:"priority"`
	Resolved   int64   `db:"resolved" json:"resolved"`
	AllMet     int64   `db:"all_met" json:"all_targets_met"`
	Attainment float64 `db:"attainment" json:"attainment_percent"`
	MTTR       float64 `db:"mttr_s" json:"mttr_seconds"`
}

// Report reckons the measures of the incidents that were resolved from one moment (included) to another (not included).
func (s *Service) Report(ctx context.Context, from, to time.Time) (Report, error) {
	return readReport(ctx, s.db, from, to)
}
