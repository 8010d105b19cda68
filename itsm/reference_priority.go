package itsm

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"opora/auth"
	"opora/internal/fault"
	"opora/internal/locale"
	"opora/itsm/sla"
)

// Priority is a level, 1 (the highest) to 5, with its name.
type Priority struct {
	Level int         `db:"level"`
	Name  locale.Text `db:"name"`
}

// Levels is how many levels impact and urgency have: 1 high, 2 medium, 3 low.
const Levels = 3

// Matrix is the priority of each impact and urgency: m[impact-1][urgency-1].
type Matrix [Levels][Levels]int

// Priorities returns the five levels, the highest first.
func (s *Service) Priorities(ctx context.Context, actor auth.Actor) ([]Priority, error) {
	if err := mayRead(actor); err != nil {
		return nil, err
	}
	return readPriorities(ctx, s.db)
}

// SavePriorities names the levels anew; those that are not in the list keep their names. Fields are name_LEVEL, with _en, _ru or _uk.
func (s *Service) SavePriorities(ctx context.Context, actor auth.Actor, list []Priority) error {
	return s.manage(ctx, actor, func(tx *sqlx.Tx, now time.Time) error {
		stored, err := lockPriorities(ctx, tx)
		if err != nil {
			return err
		}
		var f fault.Fields
		before, after := map[string]string{}, map[string]string{}
		for _, p := range list {
			p.Name = p.Name.Trim()
			level := strconv.Itoa(p.Level)
			i := slices.IndexFunc(stored, func(s Priority) bool { return s.Level == p.Level })
			if i < 0 {
				f.Add("name_"+level, "reference.unknown_choice")
				continue
			}
			checkName(&f, "name_"+level, p.Name)
			before[level], after[level] = asJSON(stored[i].Name), asJSON(p.Name)
			if !f.Empty() {
				continue
			}
			if err := putPriority(ctx, tx, p); err != nil {
				return err
			}
		}
		if err := f.Err(); err != nil {
			return err
		}
		_, err = s.logSettings(ctx, tx, actor, now, "priorities.named", "priorities", before, after)
		return err
	})
}

// PriorityMatrix returns the matrix.
func (s *Service) PriorityMatrix(ctx context.Context, actor auth.Actor) (Matrix, error) {
	if err := mayRead(actor); err != nil {
		return Matrix{}, err
	}
	return readMatrix(ctx, s.db, sqlMatrixRead)
}

// SaveMatrix sets the matrix; it applies to tickets that are opened or reclassified from then on. Fields are named
// matrix_IMPACT_URGENCY.
func (s *Service) SaveMatrix(ctx context.Context, actor auth.Actor, m Matrix) error {
	return s.manage(ctx, actor, func(tx *sqlx.Tx, now time.Time) error {
		var f fault.Fields
		m.each(func(impact, urgency, priority int) {
			if priority < 1 || priority > sla.LowestPriority {
				f.Add(cell(impact, urgency), "reference.unknown_choice")
			}
		})
		if err := f.Err(); err != nil {
			return err
		}
		before, err := readMatrix(ctx, tx, sqlMatrixLock)
		if err != nil {
			return err
		}
		if err := putMatrix(ctx, tx, m); err != nil {
			return err
		}
		_, err = s.logSettings(ctx, tx, actor, now, "matrix.changed", "matrix", before.record(), m.record())
		return err
	})
}

func (m Matrix) each(f func(impact, urgency, priority int)) {
	for i := range m {
		for u := range m[i] {
			f(i+1, u+1, m[i][u])
		}
	}
}

func (m Matrix) record() map[string]string {
	out := map[string]string{}
	m.each(func(impact, urgency, priority int) {
		if priority != 0 {
			out[cell(impact, urgency)] = strconv.Itoa(priority)
		}
	})
	return out
}

func cell(impact, urgency int) string { return fmt.Sprintf("matrix_%d_%d", impact, urgency) }
