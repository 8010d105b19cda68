package auth_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"opora/auth"
	"opora/internal/fault"
	"opora/internal/locale"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The table of rights: a change of it shows as a change of this file.
func TestRights(t *testing.T) {
	var b strings.Builder
	for _, r := range auth.Roles {
		a := auth.Actor{ID: 1}
		if r != auth.Employee {
			a.Roles = []auth.Role{r}
		}
		for _, p := range auth.Permissions {
			if a.Can(p) {
				fmt.Fprintf(&b, "%-22s %s\n", r, p)
			}
		}
	}
	const golden = "testdata/rights.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("the rights changed; if they should, run the test with -update:\n%s", diff)
	}
}

func TestEveryGrantIsAPermission(t *testing.T) {
	listed := map[auth.Permission]bool{}
	for _, p := range auth.Permissions {
		listed[p] = true
	}
	for _, r := range auth.Roles {
		for _, p := range auth.Grants(r) {
			if !listed[p] {
				t.Errorf("%s grants %s, which auth.Permissions lacks", r, p)
			}
		}
	}
}

func TestNobodyMayNothing(t *testing.T) {
	for name, a := range map[string]auth.Actor{
		"nobody": {}, "nobody with roles": {Roles: auth.Roles}, "Opora itself": auth.MachineActor(),
	} {
		for _, p := range auth.Permissions {
			if a.Can(p) || !fault.Is(a.Need(p), fault.Unauthenticated) {
				t.Errorf("%s can %s", name, p)
			}
		}
	}
}

func TestCatalogueNamesRolesAndPermissions(t *testing.T) {
	for _, r := range auth.Roles {
		if id := "auth.role." + string(r); !locale.Has(id) {
			t.Errorf("no %s", id)
		}
	}
	for _, p := range auth.Permissions {
		if id := "auth.permission." + string(p); !locale.Has(id) {
			t.Errorf("no %s", id)
		}
	}
}
