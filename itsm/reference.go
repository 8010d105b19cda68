package itsm

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"

	"opora/auth"
	"opora/internal/audit"
	"opora/internal/fault"
	"opora/internal/locale"
)

// Reference data is what an administrator sets for the desk: categories, priorities, calendars and policies. Its use cases read for
// whoever uses the portal or the desk, and write for who may manage settings; each change goes into the audit log with it.

// maxName is the most characters of a name.
const maxName = 100

// codeForm is how codes look: they stand in mappings, in definitions and in addresses.
var codeForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,49}$`)

// mayRead refuses who is not signed in; mayManage who may not change settings. Opora itself is not asked.
func mayRead(actor auth.Actor) error {
	if actor.System {
		return nil
	}
	return actor.Need(auth.UsePortal)
}

func mayManage(actor auth.Actor) error {
	if actor.System {
		return nil
	}
	return actor.Need(auth.ManageSettings)
}

// manage runs f in a transaction for somebody who may manage settings.
func (s *Service) manage(ctx context.Context, actor auth.Actor, f func(tx *sqlx.Tx, now time.Time) error) error {
	if err := mayManage(actor); err != nil {
		return err
	}
	now := s.now().Truncate(time.Microsecond)
	return s.db.InTx(ctx, func(tx *sqlx.Tx) error { return f(tx, now) })
}

// logSettings writes what changed between two records of the subject. It tells whether anything did.
func (s *Service) logSettings(ctx context.Context, tx *sqlx.Tx, actor auth.Actor, now time.Time, action, subject string, before, after map[string]string) (bool, error) {
	details := audit.Diff(before, after)
	if len(details) == 0 {
		return false, nil
	}
	return true, s.log.Add(ctx, tx, audit.Settings, audit.Entry{
		At: now, ActorID: actor.ID, Action: action, Subject: subject,
		Channel: string(actor.Channel), RequestID: actor.RequestID, Details: details,
	})
}

// checkCode notes a code that cannot stand.
func checkCode(f *fault.Fields, code string) {
	if !codeForm.MatchString(code) {
		f.Add("code", "reference.code")
	}
}

// checkName notes a name that no language has or that is too long. Inputs are field_en, field_ru and field_uk; that it lacks
// altogether is a fault of field.
func checkName(f *fault.Fields, field string, name locale.Text) {
	if name.Empty() {
		f.Add(field, "reference.name_needed")
	}
	for _, part := range []struct{ lang, text string }{{"en", name.En}, {"ru", name.Ru}, {"uk", name.Uk}} {
		switch {
		case !storable(part.text):
			f.Add(field+"_"+part.lang, "reference.not_text")
		case utf8.RuneCountInString(part.text) > maxName:
			f.Add(field+"_"+part.lang, "reference.too_long", "Max", strconv.Itoa(maxName))
		}
	}
}

// addFaults moves the fields of an Invalid fault into f; any other error comes back.
func addFaults(f *fault.Fields, err error) error {
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.Invalid {
		return err
	}
	for _, field := range e.Fields {
		f.Add(field.Name, field.ID, field.Args...)
	}
	return nil
}

// asJSON writes a part of a definition for the audit log.
func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// nextFrom is the moment from which a new version is valid: now, and in any case after the one before it.
func nextFrom(now, last time.Time) time.Time {
	if now.After(last) {
		return now
	}
	return last.Add(time.Microsecond)
}
