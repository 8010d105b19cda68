package testkit_test

import (
	"testing"

	"opora/internal/testkit"
)

func TestDatabasesAreApart(t *testing.T) {
	a, b := testkit.NewDatabase(t), testkit.NewDatabase(t)
	if _, err := a.OpenOwner(t).ExecContext(t.Context(), `CREATE TABLE mine (n int)`); err != nil {
		t.Fatal(err)
	}
	if _, err := b.OpenOwner(t).ExecContext(t.Context(), `CREATE TABLE mine (n int)`); err != nil {
		t.Fatal(err)
	}
}

func TestServerRoleMayNotRewriteTheAudit(t *testing.T) {
	d := testkit.NewDatabase(t)
	var user string
	pool := d.Open(t)
	if err := pool.GetContext(t.Context(), &user, `SELECT current_user`); err != nil || user != "opora_app" {
		t.Fatalf("signed in as %q, %v", user, err)
	}
	for _, table := range []string{"ticket_events", "audit_log"} {
		for _, right := range []string{"UPDATE", "DELETE", "TRUNCATE"} {
			var may bool
			if err := pool.GetContext(t.Context(), &may, `SELECT has_table_privilege($1, $2)`, table, right); err != nil || may {
				t.Errorf("%s on %s: %v, %v; want no right", right, table, may, err)
			}
		}
	}
}
