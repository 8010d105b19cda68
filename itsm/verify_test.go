package itsm_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"opora/internal/audit"
	"opora/internal/fault"
	"opora/itsm"
)

// busy lets a few tickets live through random work, by a clock that goes on in jumps. Refusals are part of it.
func busy(t testing.TB, d *desk, steps int) []itsm.Ticket {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	now := time.Date(2026, 3, 26, 8, 0, 0, 0, time.UTC) // the clocks of Kyiv change on the 29th
	d.SetClock(func() time.Time { return now })
	var tickets []itsm.Ticket
	for range 8 {
		now = now.Add(time.Duration(rnd.IntN(7200)) * time.Second)
		tickets = append(tickets, d.inTeam(t, d.report(t, itsm.NewIncident{Impact: 1 + rnd.IntN(3), Urgency: 1 + rnd.IntN(3), Description: "as seen"})))
	}
	ctx := t.Context()
	for range steps {
		now = now.Add(time.Duration(rnd.IntN(40000)) * time.Second)
		n := tickets[rnd.IntN(len(tickets))].Number
		var err error
		switch rnd.IntN(11) {
		case 0:
			_, err = d.Take(ctx, d.boris, n, 0)
		case 1:
			_, err = d.Hold(ctx, d.boris, n, 0, []string{"caller", "vendor"}[rnd.IntN(2)], "Which one?")
		case 2:
			_, err = d.Reply(ctx, d.anna, n, "This one", nil)
		case 3:
			_, err = d.Reply(ctx, d.boris, n, "We are on it", nil)
		case 4:
			_, err = d.Resolve(ctx, d.boris, n, 0, itsm.Resolution{Code: "solved", Text: "Done"})
		case 5:
			_, err = d.Reopen(ctx, d.anna, n, 0, "No")
		case 6:
			impact := 1 + rnd.IntN(3)
			_, err = d.Update(ctx, d.boris, n, 0, itsm.Edit{Impact: &impact})
		case 7:
			_, err = d.Note(ctx, d.boris, n, "a note", nil)
		case 8:
			_, err = d.Resume(ctx, d.boris, n, 0)
		case 9:
			if _, e := d.Escalate(ctx, now); e != nil {
				t.Fatal(e)
			}
			if _, e := d.AutoClose(ctx, now); e != nil {
				t.Fatal(e)
			}
		case 10:
			_, err = d.SetParticipant(ctx, d.anna, n, d.ivan.ID, rnd.IntN(2) == 0)
		}
		if err != nil && fault.KindOf(err) == fault.Internal {
			t.Fatal(err)
		}
	}
	return tickets
}

func TestClocksAreAFold(t *testing.T) {
	d := newDesk(t)
	busy(t, d, 250)
	r, err := d.VerifyClocks(t.Context())
	if err != nil || r.Tickets < 8 || len(r.Faults) > 0 {
		t.Fatalf("replay of %d tickets: %v, %v", r.Tickets, r.Faults, err)
	}
	d.exec(t, `UPDATE ticket_clocks SET target_s = target_s + 1 WHERE ctid = (SELECT ctid FROM ticket_clocks LIMIT 1)`)
	r, err = d.VerifyClocks(t.Context())
	if err != nil || len(r.Faults) != 1 || r.Faults[0].Field != "target" {
		t.Fatalf("a changed clock: %v, %v", r.Faults, err)
	}
	if _, err := d.Refold(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAuditFindsTampering(t *testing.T) {
	const (
		id   = `(SELECT id FROM tickets WHERE number = 'INC-000004')`
		last = `(SELECT max(seq) FROM ticket_events WHERE ticket_id = ` + id + `)`
		cut  = `DELETE FROM ticket_texts WHERE ticket_id = ` + id + ` AND seq = ` + last + `;
			DELETE FROM ticket_events WHERE ticket_id = ` + id + ` AND seq = ` + last + `;`
	)
	for _, c := range []struct{ name, tamper, want string }{
		{"nothing done", ``, ``},
		{"sealed text changed", `UPDATE ticket_events SET body = replace(body, '"seq":2', '"seq": 2') WHERE ticket_id = ` + id + ` AND seq = 2`, "INC-000004"},
		{"column changed", `UPDATE ticket_events SET at = at + interval '1 second' WHERE ticket_id = ` + id + ` AND seq = 2`, "INC-000004"},
		{"event removed", `DELETE FROM ticket_texts WHERE ticket_id = ` + id + ` AND seq = 2; DELETE FROM ticket_events WHERE ticket_id = ` + id + ` AND seq = 2`, "INC-000004"},
		{"tail cut off", cut, "INC-000004"},
		{"tail cut off, ledger set back", cut + `UPDATE ticket_ledger SET count = count - 1,
			head = (SELECT mac FROM ticket_events WHERE ticket_id = ` + id + ` AND seq = ` + last + `) WHERE ticket_id = ` + id, "INC-000004"},
		{"event put in", `INSERT INTO ticket_events SELECT ticket_id, seq + 1, at, type, actor_id, public, body, mac FROM ticket_events
			WHERE ticket_id = ` + id + ` AND seq = ` + last, "INC-000004"},
		{"words changed", `UPDATE ticket_texts SET text = text || '!' WHERE ticket_id = ` + id + ` AND seq = 1`, "INC-000004"},
		{"words removed", `DELETE FROM ticket_texts WHERE ticket_id = ` + id + ` AND seq = 1`, "INC-000004"},
		{"ledger row removed", `DELETE FROM ticket_ledger WHERE ticket_id = ` + id, "INC-000004"},
		{"ticket changed", `UPDATE tickets SET priority = 6 - priority, impact = 4 - impact, channel = 'phone' WHERE id = ` + id, "INC-000004"},
		{"ticket gone with all of it", `DELETE FROM notifications WHERE ticket_id = ` + id + `; DELETE FROM ticket_clocks WHERE ticket_id = ` + id + `;
			DELETE FROM ticket_participants WHERE ticket_id = ` + id + `; DELETE FROM ticket_texts WHERE ticket_id = ` + id + `;
			DELETE FROM ticket_events WHERE ticket_id = ` + id + `; DELETE FROM ticket_ledger WHERE ticket_id = ` + id + `;
			DELETE FROM incidents WHERE ticket_id = ` + id + `; DELETE FROM tickets WHERE id = ` + id, "INC-000004"},
		{"sign-in changed", `UPDATE audit_log SET action = 'signout' WHERE stream = 'access' AND seq = 1`, "access"},
		{"sign-in removed", `DELETE FROM audit_log WHERE stream = 'access' AND seq = 1`, "access"},
		{"log emptied", `DELETE FROM audit_log WHERE stream = 'access'; DELETE FROM audit_heads WHERE stream = 'access'`, "access"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			busy(t, d, 25)
			log := audit.NewLog(d.pool, d.key)
			for _, action := range []string{"signin.ok", "signout"} {
				if err := log.Write(t.Context(), audit.Access, audit.Entry{At: time.Now(), Action: action}); err != nil {
					t.Fatal(err)
				}
			}
			tx, err := d.db.OpenOwner(t).BeginTxx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			if _, err := tx.ExecContext(t.Context(), `SET LOCAL session_replication_role = replica;`+c.tamper); err != nil {
				t.Fatal(err)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			r, err := d.VerifyAudit(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if len(r.Findings) > 0 || r.Events < 20 {
					t.Fatalf("an untouched audit of %d events: %+v", r.Events, r.Findings)
				}
				return
			}
			if len(r.Findings) == 0 {
				t.Fatal("nothing found")
			}
			for _, f := range r.Findings {
				if f.Stream != c.want {
					t.Errorf("finding %+v is not about %s", f, c.want)
				}
			}
		})
	}
}

func TestTheServerMayOnlyAdd(t *testing.T) {
	d := newDesk(t)
	d.report(t, itsm.NewIncident{})
	for _, q := range []string{`UPDATE ticket_events SET public = true`, `DELETE FROM ticket_events`, `DELETE FROM audit_log`, `TRUNCATE ticket_events`} {
		if _, err := d.pool.ExecContext(t.Context(), q); err == nil {
			t.Errorf("the server could %s", q)
		}
		if _, err := d.db.OpenOwner(t).ExecContext(t.Context(), q); err == nil {
			t.Errorf("the owner could %s without taking the trigger off", q)
		}
	}
}
