package audit_test

import (
	"strings"
	"testing"

	"opora/internal/audit"
)

// A stream of five rows, and what is done to it before the check reads it.
func TestVerifierNamesWhatWasDone(t *testing.T) {
	key, err := audit.NewKey([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		seq  int64
		text string
		mac  []byte
	}
	for name, c := range map[string]struct {
		tamper func(rows []row) []row
		seq    int64 // of the finding; -1 for none
	}{
		"nothing":    {func(rows []row) []row { return rows }, -1},
		"changed":    {func(rows []row) []row { rows[2].text = "other"; return rows }, 3},
		"removed":    {func(rows []row) []row { return append(rows[:2:2], rows[3:]...) }, 3},
		"first gone": {func(rows []row) []row { return rows[1:] }, 1},
		"cut off":    {func(rows []row) []row { return rows[:4] }, 5},
		"all gone":   {func([]row) []row { return nil }, 1},
		"put in":     {func(rows []row) []row { return append(rows, row{6, "forged", rows[4].mac}) }, 6},
	} {
		t.Run(name, func(t *testing.T) {
			var rows []row
			var head []byte
			for i, text := range []string{"a", "b", "c", "d", "e"} {
				head = key.Seal("stream", head, text)
				rows = append(rows, row{int64(i + 1), text, head})
			}
			v := audit.NewVerifier(key, "stream")
			for _, r := range c.tamper(rows) {
				v.Row(r.seq, r.text, r.mac, true)
			}
			v.End(5, head, key.Ledger("stream", 5, head))
			switch {
			case c.seq < 0 && len(v.Findings) > 0:
				t.Errorf("an untouched stream: %+v", v.Findings)
			case c.seq >= 0 && (len(v.Findings) == 0 || v.Findings[0].Seq != c.seq):
				t.Errorf("findings %+v, want the first at %d", v.Findings, c.seq)
			}
		})
	}
	if _, err := audit.NewKey([]byte("short")); err == nil {
		t.Error("a short secret was taken")
	}
	sum := audit.Sum(audit.Sum(nil, key.Member("x")), key.Member("y"))
	if !audit.Equal(audit.Sum(sum, key.Member("x")), key.Member("y")) {
		t.Error("taking a member out of a sum does not give the rest")
	}
}
