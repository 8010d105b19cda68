package itsm_test

import (
	"strings"
	"testing"

	"opora/auth"
	"opora/internal/fault"
	"opora/itsm"
)

// secret is a ticket of Anna's that belongs to the network team.
func (d *desk) secret(t testing.TB) itsm.Ticket {
	t.Helper()
	yes := true
	tk := d.inTeam(t, d.report(t, itsm.NewIncident{Title: "Salary list open to all"}))
	out, err := d.Update(t.Context(), d.boris, tk.Number, tk.Version, itsm.Edit{Confidential: &yes})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantFault checks that the error names just this field, by this message.
func wantFault(t testing.TB, err error, want string) {
	t.Helper()
	if got := strings.Join(faults(err), " "); got != want {
		t.Errorf("faults %q, want %q (%v)", got, want, err)
	}
}

// A link is taken away between the two tickets that are named, and not by way of a third one: the other end may be hidden from whoever
// does it, and would not hear of it.
func TestUnlinkNamesBothEnds(t *testing.T) {
	d := newDesk(t)
	a, b, third := d.inTeam(t, d.report(t, itsm.NewIncident{})), d.secret(t), d.report(t, itsm.NewIncident{})
	if _, err := d.Link(t.Context(), d.boris, a.Number, b.Number, itsm.LinkRelated); err != nil {
		t.Fatal(err)
	}
	v, err := d.Get(t.Context(), d.boris, a.Number)
	if err != nil || len(v.Links) != 1 {
		t.Fatalf("links %v, %v", v.Links, err)
	}
	_, err = d.Unlink(t.Context(), d.vera, a.Number, third.Number, v.Links[0].LinkID)
	wantKind(t, err, fault.NotFound)
	if _, err := d.Unlink(t.Context(), d.boris, b.Number, a.Number, v.Links[0].LinkID); err != nil {
		t.Errorf("the link cannot be taken away from its other end: %v", err)
	}
}

// A confidential ticket has a team, and only its people get tasks of it.
func TestConfidentialStaysInItsTeam(t *testing.T) {
	d := newDesk(t)
	tk := d.secret(t)
	_, err := d.Assign(t.Context(), d.boris, tk.Number, tk.Version, 0, 0)
	wantFault(t, err, "team itsm.confidential_stays")
	_, err = d.AddTask(t.Context(), d.boris, tk.Number, "Look at the list", 0, d.vera.ID)
	wantFault(t, err, "assignee itsm.not_in_team")

	var hr int64
	d.get(t, &hr, `INSERT INTO categories (code, name, confidential) VALUES ('hr', '{"en": "HR"}', true) RETURNING id`)
	no := false
	loose := d.report(t, itsm.NewIncident{})
	_, err = d.Update(t.Context(), d.boris, loose.Number, loose.Version, itsm.Edit{CategoryID: &hr})
	wantFault(t, err, "confidential itsm.confidential_needs_team")

	// The form's box is empty when a confidential category is chosen.
	plain := d.inTeam(t, d.report(t, itsm.NewIncident{}))
	plain, err = d.Update(t.Context(), d.boris, plain.Number, plain.Version, itsm.Edit{CategoryID: &hr, Confidential: &no})
	if err != nil || !plain.Confidential {
		t.Fatalf("a ticket of a confidential category is open to all: %v", err)
	}
	_, err = d.Update(t.Context(), d.boris, plain.Number, plain.Version, itsm.Edit{Confidential: &no})
	wantFault(t, err, "confidential itsm.confidential_category")
	none := int64(0)
	if plain, err = d.Update(t.Context(), d.boris, plain.Number, plain.Version, itsm.Edit{CategoryID: &none, Confidential: &no}); err != nil || plain.Confidential {
		t.Errorf("without the category it cannot be opened: %v", err)
	}
}

// Giving work to somebody of another team is a right of its own; handing over to a team is not.
func TestWorkForAnotherTeam(t *testing.T) {
	d := newDesk(t)
	tk := d.inTeam(t, d.report(t, itsm.NewIncident{}))
	_, err := d.Assign(t.Context(), d.boris, tk.Number, tk.Version, d.apps, d.vera.ID)
	wantFault(t, err, "assignee itsm.other_team")
	_, err = d.Assign(t.Context(), d.boris, tk.Number, tk.Version, 0, d.vera.ID)
	wantFault(t, err, "assignee itsm.other_team")
	_, err = d.OpenIncident(t.Context(), d.boris, itsm.NewIncident{Title: "For Vera", TeamID: d.apps, AssigneeID: d.vera.ID})
	wantFault(t, err, "assignee itsm.other_team")
	for _, c := range []struct {
		who          auth.Actor
		team, person int64
	}{{d.boris, d.network, d.olena.ID}, {d.boris, d.apps, 0}, {d.olena, d.apps, d.vera.ID}, {d.boris, 0, d.olena.ID}} {
		if tk, err = d.Assign(t.Context(), c.who, tk.Number, tk.Version, c.team, c.person); err != nil {
			t.Fatalf("%s may not: %v", c.who.Login, err)
		}
	}
}

// The bell counts what the list shows: no notice of a ticket that its reader may not see any more.
func TestBellCountsWhatIsSeen(t *testing.T) {
	d := newDesk(t)
	tk := d.inTeam(t, d.report(t, itsm.NewIncident{}))
	if _, err := d.AddTask(t.Context(), d.boris, tk.Number, "Check the cable", 0, d.vera.ID); err != nil {
		t.Fatal(err)
	}
	unread := func() int {
		n, err := d.Unread(t.Context(), d.vera)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if unread() != 1 {
		t.Fatal("the task was not told")
	}
	d.exec(t, `UPDATE tickets SET confidential = true WHERE id = $1`, tk.ID)
	if n := unread(); n != 0 {
		t.Errorf("%d notices of what is hidden are counted", n)
	}
}

// Who asked is told neither that there is a parent nor its number.
func TestParentIsTheDesksMatter(t *testing.T) {
	d := newDesk(t)
	child, parent := d.inTeam(t, d.report(t, itsm.NewIncident{})), d.secret(t)
	child, err := d.SetParent(t.Context(), d.boris, child.Number, parent.Number)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Resolve(t.Context(), d.boris, parent.Number, parent.Version, itsm.Resolution{Code: "solved", Text: "Rights are set."}); err != nil {
		t.Fatal(err)
	}
	v, err := d.Get(t.Context(), d.anna, child.Number)
	if err != nil || v.State != "resolved" {
		t.Fatalf("%v, %v", v, err)
	}
	for _, e := range v.Events {
		if e.Ref != "" {
			t.Errorf("event %d (%s) names %s", e.Seq, e.Type, e.Ref)
		}
	}
}

// Choices that are switched off, or not meant for the portal, are none; an answer to a closed ticket does not fail for them.
func TestChoicesThatAreOff(t *testing.T) {
	d := newDesk(t)
	var internal, old, mail int64
	d.get(t, &internal, `INSERT INTO categories (code, name, portal) VALUES ('desk-only', '{"en": "Desk only"}', false) RETURNING id`)
	d.get(t, &old, `INSERT INTO categories (code, name) VALUES ('old', '{"en": "Old"}') RETURNING id`)
	d.get(t, &mail, `INSERT INTO items (class, name, tag) VALUES ('service', '{"en": "Mail"}', 'SVC-MAIL') RETURNING id`)
	_, err := d.OpenIncident(t.Context(), d.anna, itsm.NewIncident{Title: "x", CategoryID: internal})
	wantFault(t, err, "category itsm.unknown_choice")

	tk := d.report(t, itsm.NewIncident{CategoryID: old, ServiceID: mail})
	if tk, err = d.Cancel(t.Context(), d.anna, tk.Number, tk.Version, "It works again"); err != nil {
		t.Fatal(err)
	}
	d.exec(t, `UPDATE categories SET active = false WHERE id = $1`, old)
	d.exec(t, `UPDATE items SET active = false WHERE id = $1`, mail)
	_, err = d.OpenIncident(t.Context(), d.anna, itsm.NewIncident{Title: "x", CategoryID: old, ServiceID: mail})
	wantFault(t, err, "category itsm.unknown_choice service itsm.unknown_choice")
	again, err := d.Reply(t.Context(), d.anna, tk.Number, "It is back", nil)
	if err != nil || again.Number == tk.Number || again.CategoryID != 0 || again.ServiceID != 0 {
		t.Errorf("follow-up %+v, %v", again, err)
	}
}

// A file's name cannot hide how it ends.
func TestFileNames(t *testing.T) {
	d := newDesk(t)
	for sent, want := range map[string]string{
		"photo\u202egnp.exe": "photognp.exe", `C:\temp\a.txt`: "a.txt", "../../etc/passwd": "passwd", "a\r\nX-Evil: 1": "aX-Evil: 1", "bad\xffname": "badname",
	} {
		a, err := d.Upload(t.Context(), d.anna, sent, strings.NewReader("x"))
		if err != nil || a.Name != want {
			t.Errorf("%q is called %q, want %q (%v)", sent, a.Name, want, err)
		}
	}
}

// What the database cannot hold is the number of nothing.
func TestNumbersThatAreNone(t *testing.T) {
	d := newDesk(t)
	tk := d.inTeam(t, d.report(t, itsm.NewIncident{}))
	for _, text := range []string{"\x00", "\xff\xfe", "INC-\x00", "", "999999999999999999999", "-1", "' OR 1=1 --"} {
		if number, ok, err := d.FindNumber(t.Context(), d.boris, text); ok || err != nil {
			t.Errorf("%q finds %q, %v", text, number, err)
		}
		_, err := d.Unlink(t.Context(), d.boris, tk.Number, text, 1)
		wantFault(t, err, "other itsm.no_other_ticket")
	}
}
