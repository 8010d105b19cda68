package auth_test

import "testing"

// Every request begins with it: one query, well under a millisecond.
func BenchmarkResolve(b *testing.B) {
	d := newDesk(b)
	token, _ := d.enter(b, "smith")
	for b.Loop() {
		if _, err := d.Resolve(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}
