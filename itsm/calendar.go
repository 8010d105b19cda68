package itsm

import (
	"context"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"opora/auth"
	"opora/internal/fault"
	"opora/internal/locale"
	"opora/workflows/worktime"
)

// Calendar is the hours that count, as its newest version has them.
type Calendar struct {
	ID        int64         `db:"id"`
	Code      string        `db:"code"` // policies name it by this; it stays
	Name      locale.Text   `db:"name"`
	Version   int           `db:"version"`
	ValidFrom time.Time     `db:"valid_from"`
	Spec      worktime.Spec `db:"-"`
}

// CalendarVersion is a calendar from a moment on.
type CalendarVersion struct {
	Version   int           `db:"version"`
	ValidFrom time.Time     `db:"valid_from"`
	SetByID   int64         `db:"set_by"` // 0: Opora itself
	SetBy     string        `db:"set_by_name"`
	Spec      worktime.Spec `db:"-"`
}

// Calendars returns all calendars by code.
func (s *Service) Calendars(ctx context.Context, actor auth.Actor) ([]Calendar, error) {
	if err := mayRead(actor); err != nil {
		return nil, err
	}
	return readCalendars(ctx, s.db)
}

// Calendar returns one calendar and its versions, the newest first.
func (s *Service) Calendar(ctx context.Context, actor auth.Actor, code string) (Calendar, []CalendarVersion, error) {
	if err := mayRead(actor); err != nil {
		return Calendar{}, nil, err
	}
	c, err := readCalendar(ctx, s.db, code)
	if err != nil {
		return Calendar{}, nil, err
	}
	versions, err := calendarVersions(ctx, s.db, c.ID)
	return c, versions, err
}

// CreateCalendar stores a new calendar. Faults of its hours have the paths of worktime.Spec, such as weekly.mon[0].
func (s *Service) CreateCalendar(ctx context.Context, actor auth.Actor, c Calendar) (Calendar, error) {
	c.Name, c.Code, c.Version = c.Name.Trim(), strings.TrimSpace(c.Code), 1
	err := s.manage(ctx, actor, func(tx *sqlx.Tx, now time.Time) error {
		var f fault.Fields
		checkCode(&f, c.Code)
		if taken, err := calendarExists(ctx, tx, c.Code); err != nil {
			return err
		} else if taken {
			f.Add("code", "reference.code_taken")
		}
		if err := c.check(&f); err != nil {
			return err
		}
		c.ValidFrom = now
		return s.createCalendar(ctx, tx, actor, now, &c)
	})
	return c, err
}

// createCalendar stores a checked calendar with its first version, and sets its id.
func (s *Service) createCalendar(ctx context.Context, tx *sqlx.Tx, actor auth.Actor, now time.Time, c *Calendar) error {
	if err := insertCalendar(ctx, tx, c); err != nil {
		return err
	}
	if err := addCalendarVersion(ctx, tx, c, actor.ID); err != nil {
		return err
	}
	_, err := s.logSettings(ctx, tx, actor, now, "calendar.created", "calendar:"+c.Code, nil, c.record())
	return err
}

// SaveCalendar names the calendar anew and, when its hours changed, adds a version that is valid from now on; time that was counted
// stays as it was counted. c.Code says which calendar, c.Version which version the actor has seen.
func (s *Service) SaveCalendar(ctx context.Context, actor auth.Actor, c Calendar) (Calendar, error) {
	c.Name = c.Name.Trim()
	seen := c.Version
	err := s.manage(ctx, actor, func(tx *sqlx.Tx, now time.Time) error {
		before, err := lockCalendar(ctx, tx, c.Code)
		if err != nil {
			return err
		}
		if before.Version != seen {
			return fault.New(fault.Conflict, "reference.stale")
		}
		var f fault.Fields
		if err := c.check(&f); err != nil {
			return err
		}
		c.ID, c.Version, c.ValidFrom = before.ID, before.Version, before.ValidFrom
		if err := renameCalendar(ctx, tx, &c); err != nil {
			return err
		}
		if asJSON(c.Spec) != asJSON(before.Spec) {
			c.Version, c.ValidFrom = before.Version+1, nextFrom(now, before.ValidFrom)
			if err := addCalendarVersion(ctx, tx, &c, actor.ID); err != nil {
				return err
			}
			if err := s.refoldSoon(ctx, tx); err != nil {
				return err
			}
		}
		_, err = s.logSettings(ctx, tx, actor, now, "calendar.changed", "calendar:"+c.Code, before.record(), c.record())
		return err
	})
	return c, err
}

// check says every fault of name and hours at once, together with those that f has already. A weekday without hours is left out, so
// that a form's empty day is no change.
func (c *Calendar) check(f *fault.Fields) error {
	week := map[string][]worktime.Span{}
	for day, spans := range c.Spec.Weekly {
		if len(spans) > 0 {
			week[day] = spans
		}
	}
	c.Spec.Weekly = week
	checkName(f, "name", c.Name)
	if err := addFaults(f, c.Spec.Validate()); err != nil {
		return err
	}
	return f.Err()
}

func (c *Calendar) record() map[string]string {
	out := map[string]string{"name_en": c.Name.En, "name_ru": c.Name.Ru, "name_uk": c.Name.Uk, "tz": c.Spec.TZ}
	for day, spans := range c.Spec.Weekly {
		out["weekly."+day] = asJSON(spans)
	}
	for date, spans := range c.Spec.Overrides {
		out["overrides."+date] = asJSON(spans)
	}
	for date, spans := range c.Spec.Breaks {
		out["breaks."+date] = asJSON(spans)
	}
	if len(c.Spec.Holidays) > 0 {
		out["holidays"] = strings.Join(c.Spec.Holidays, " ")
	}
	if c.Spec.AlwaysOpen {
		out["always_open"] = "true"
	}
	return out
}
