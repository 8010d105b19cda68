package auth_test

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"opora/auth"
	"opora/internal/audit"
	"opora/internal/fault"

	"github.com/google/go-cmp/cmp"
)

func (d *desk) opens(t *testing.T, token string) bool {
	t.Helper()
	_, err := d.Resolve(t.Context(), token)
	if err != nil && !fault.Is(err, fault.Unauthenticated) {
		t.Fatal(err)
	}
	return err == nil
}

func TestSessionEnds(t *testing.T) {
	d := newDesk(t)
	token, _ := d.enter(t, "smith")
	d.now = d.now.Add(59 * time.Minute)
	if _, err := d.Peek(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(2 * time.Minute)
	if d.opens(t, token) {
		t.Error("idle for an hour, kept alive by a look")
	}
	token, _ = d.enter(t, "smith")
	for range 10 {
		d.now = d.now.Add(47 * time.Minute)
		if !d.opens(t, token) {
			t.Fatalf("ended at %s though in use", d.now)
		}
	}
	d.now = d.now.Add(11 * time.Minute)
	if d.opens(t, token) {
		t.Error("open after eight hours")
	}
	if n, err := d.Sweep(t.Context(), d.now); err != nil || n != 2 {
		t.Errorf("swept %d, %v; want both", n, err)
	}
}

func TestTokens(t *testing.T) {
	d := newDesk(t)
	token, _ := d.enter(t, "smith")
	sum := sha256.Sum256([]byte(token))
	for name, bad := range map[string]string{
		"none": "", "NUL": "\x00", "upper case": strings.ToUpper(token), "lower case": strings.ToLower(token), "padded": token + "=",
		"spaced": " " + token, "cut": token[:42], "the digest": string(sum[:]), "SQL": "' OR ''='", "of zeros": strings.Repeat("A", 43), "long": strings.Repeat(token, 1000),
	} {
		if d.opens(t, bad) {
			t.Errorf("a token %s opens a session", name)
		}
	}
	if !d.opens(t, token) {
		t.Error("the token itself does not")
	}
	var kept int
	if err := d.db.GetContext(t.Context(), &kept, `SELECT count(*) FROM sessions WHERE token_hash = $1 AND CAST(sessions AS text) NOT LIKE '%' || $2 || '%'`, sum[:], token); err != nil || kept != 1 {
		t.Errorf("%d sessions with the token's digest and without the token, %v", kept, err)
	}
}

func TestSignInRotates(t *testing.T) {
	d := newDesk(t)
	old, _ := d.enter(t, "smith")
	from := visit
	from.Previous = old
	token, _, err := d.SignIn(t.Context(), "smith", "pw-smith", from)
	if err != nil || token == old || d.opens(t, old) || !d.opens(t, token) {
		t.Errorf("the session before the sign-in is still there, %v", err)
	}
}

func TestRevoke(t *testing.T) {
	d := newDesk(t)
	one, a := d.enter(t, "smith")
	two, b := d.enter(t, "smith")
	_, other := d.enter(t, "gorova")
	list, err := d.Sessions(t.Context(), a, a.ID)
	if err != nil || len(list) != 2 || list[0].Current == list[1].Current {
		t.Fatalf("own sessions: %+v, %v", list, err)
	}
	if _, err := d.Sessions(t.Context(), other, a.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("somebody else's sessions: %v", err)
	}
	if err := d.Revoke(t.Context(), other, b.Session); !fault.Is(err, fault.NotFound) || !d.opens(t, two) {
		t.Errorf("revoking somebody else's session: %v", err)
	}
	if err := d.Revoke(t.Context(), auth.Actor{}, b.Session); !fault.Is(err, fault.Unauthenticated) || !d.opens(t, two) {
		t.Errorf("nobody revokes a session: %v", err)
	}
	if err := d.Revoke(t.Context(), a, b.Session); err != nil || d.opens(t, two) || !d.opens(t, one) {
		t.Errorf("revoking one's own: %v", err)
	}
	if err := d.Revoke(t.Context(), a, b.Session); !fault.Is(err, fault.NotFound) {
		t.Errorf("revoking it again: %v", err)
	}
	two, _ = d.enter(t, "smith")
	if n, err := d.RevokeAll(t.Context(), a, a.ID); err != nil || n != 1 || d.opens(t, two) || !d.opens(t, one) {
		t.Errorf("revoking all others: %d, %v", n, err)
	}
	admin := d.admin(t)
	if n, err := d.RevokeAll(t.Context(), admin, a.ID); err != nil || n != 1 || d.opens(t, one) {
		t.Errorf("an administrator revokes all: %d, %v", n, err)
	}
	token, _ := d.enter(t, "smith")
	if err := d.SignOut(t.Context(), token, visit); err != nil || d.opens(t, token) {
		t.Errorf("signing out: %v", err)
	}
	got := d.actions(t, audit.Access)[:3]
	if diff := cmp.Diff([]string{"signout", "signin.ok", "session.revoked"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestInactivePersonHasNoSession(t *testing.T) {
	d := newDesk(t)
	admin := d.admin(t)
	token, a := d.enter(t, "smith")
	if err := d.Deactivate(t.Context(), a, admin.ID); !fault.Is(err, fault.Forbidden) {
		t.Errorf("an agent switches the administrator off: %v", err)
	}
	if err := d.Deactivate(t.Context(), admin, admin.ID); !fault.Is(err, fault.Conflict) {
		t.Errorf("an administrator switches themselves off: %v", err)
	}
	if err := d.Deactivate(t.Context(), admin, a.ID); err != nil || d.opens(t, token) {
		t.Fatalf("switched off and still in: %v", err)
	}
	if _, _, err := d.SignIn(t.Context(), "smith", "pw-smith", visit); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("switched off and in again: %v", err)
	}
	if got := d.actions(t, audit.Access)[0]; got != "signin.inactive" {
		t.Errorf("the log says %s", got)
	}
	if err := d.Activate(t.Context(), admin, a.ID); err != nil || d.opens(t, token) {
		t.Fatalf("switched on: %v", err)
	}
	if _, b := d.enter(t, "smith"); b.ID != a.ID {
		t.Errorf("was %d, is %d", a.ID, b.ID)
	}
}

func TestLink(t *testing.T) {
	d := newDesk(t)
	token := d.link(t.Context(), t)
	session, a, err := d.UseLink(t.Context(), token, visit)
	if err != nil || !a.Can(auth.ManageSettings) || a.Can(auth.WorkTickets) {
		t.Fatalf("%+v, %v", a, err)
	}
	late := d.link(t.Context(), t)
	made := d.now
	d.now = d.now.Add(15 * time.Minute)
	says := map[string]string{}
	for name, bad := range map[string]string{"used": token, "late": late, "forged": strings.Repeat("A", 43), "none": "", "a session": session} {
		began := time.Now()
		_, _, err := d.UseLink(t.Context(), bad, visit)
		if !fault.Is(err, fault.Unauthenticated) || time.Since(began) < refusal {
			t.Errorf("%s: %v after %s", name, err, time.Since(began))
		}
		says[err.Error()] = name
	}
	if len(says) != 1 {
		t.Errorf("refusals differ: %v", says)
	}
	if !d.opens(t, session) {
		t.Error("the session ended with the link")
	}
	d.now = made.Add(30 * time.Minute)
	if !d.opens(t, session) {
		t.Error("the session ended early")
	}
	d.now = made.Add(time.Hour)
	if d.opens(t, session) {
		t.Error("the session outlives its hour")
	}
	again, b, err := d.UseLink(t.Context(), d.link(t.Context(), t), visit)
	if err != nil || b.ID != a.ID || again == session {
		t.Errorf("the next link makes %d of %d, %v", b.ID, a.ID, err)
	}
	if _, _, err := d.SignIn(t.Context(), "opora-admin", "", visit); err == nil {
		t.Error("the local administrator signs in without a link")
	}
}
