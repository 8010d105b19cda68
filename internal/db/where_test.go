package db_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"opora/internal/db"
)

func TestWhereNumbersItsArguments(t *testing.T) {
	var w db.Where
	w.And("a = ?", 1)
	w.And("(b = ? OR c = ?)", "x' OR 1=1", 3)
	first, limit := w.SQL(), w.Arg(50)
	w.Next()
	w.And("d = ?", 5)
	want := []string{" WHERE a = $1 AND (b = $2 OR c = $3)", "$4", " WHERE d = $5"}
	if diff := cmp.Diff(want, []string{first, limit, w.SQL()}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{1, "x' OR 1=1", 3, 50, 5}, w.Args()); diff != "" {
		t.Error(diff)
	}
}

func TestWithKeepsWhatTheAddressSays(t *testing.T) {
	set := map[string]string{"timezone": "UTC", "application_name": "opora bench"}
	for dsn, want := range map[string]string{
		"host=/run user=opora":          "host=/run user=opora application_name='opora bench' timezone='UTC'",
		"host=/run timezone=Asia/Tokyo": "host=/run timezone=Asia/Tokyo application_name='opora bench'",
	} {
		if got := db.With(dsn, set); got != want {
			t.Errorf("With(%q) = %q, want %q", dsn, got, want)
		}
	}
}
