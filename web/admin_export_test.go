package web

import (
	"time"

	"opora/internal/locale"
)

// WorkLength and ParseWorkLength are the two ways of a length of working time, for their property.
func WorkLength(lang string, seconds int64) string {
	return workLength(locale.For(lang, time.UTC), seconds)
}

// ParseWorkLength reads a length of working time.
func ParseWorkLength(text string) (int64, bool) { return parseWorkLength(text) }
