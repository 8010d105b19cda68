package locale_test

import (
	"testing"
	"time"

	"opora/internal/locale"
)

func TestPrinter(t *testing.T) {
	now := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	for lang, want := range map[string]string{"en": "5 min ago", "ru": "5 мин назад", "uk": "5 хв тому"} {
		if got := locale.For(lang, nil).Ago(now.Add(-5*time.Minute), now); got != want {
			t.Errorf("%s: got %q, want %q", lang, got, want)
		}
	}
	if got := locale.For("uk", nil).Date(now); got != "3 лист. 2026 р." {
		t.Errorf("Ukrainian date: %q", got)
	}
	if got := locale.For("uk", nil).Exact(9*time.Hour + 42*time.Second); got != "9 год 42 с" {
		t.Errorf("Exact: %q", got)
	}
	if got := locale.Match("de-DE, uk;q=0.8, en;q=0.5"); got != "uk" {
		t.Errorf("Match: %q", got)
	}
	if got := locale.Match("zh"); got != "" {
		t.Errorf("Match of a language that is not ours: %q", got)
	}
}
