package web

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"opora/internal/locale"
)

// Working time is written in hours and minutes: a day is no length of it, since calendars differ.

// workLength says a length of working time, exact to the second; nothing for 0.
func workLength(p *locale.Printer, seconds int64) string {
	var parts []string
	for _, u := range []struct {
		n    int64
		unit string
	}{{seconds / 3600, "hour"}, {seconds / 60 % 60, "minute"}, {seconds % 60, "second"}} {
		if u.n != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", u.n, p.T("unit."+u.unit)))
		}
	}
	return strings.Join(parts, " ")
}

// lengthForm takes the units of every language that Opora speaks, in one order: "4h", "1 ч 30 мин", "45 хв", "1:30".
var lengthForm = regexp.MustCompile(`^(?:(\d{1,5})\s*(?:hours?|hrs?|h|часов|часа|час|ч|годин[аи]?|год|г)\.?)?\s*(?:(\d{1,6})\s*(?:minutes?|min|m|минуты|минут|мин|м|хвилини|хвилин|хв|х)\.?)?\s*(?:(\d{1,6})\s*(?:seconds?|sec|s|сек|с)\.?)?$`)

var colonForm = regexp.MustCompile(`^(\d{1,5}):(\d{2})$`)

// parseWorkLength reads what workLength says, in seconds. An empty text is 0; bad tells that it is no length.
func parseWorkLength(text string) (seconds int64, bad bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "" {
		return 0, false
	}
	if m := colonForm.FindStringSubmatch(text); m != nil {
		return digitsOf(m[1])*3600 + digitsOf(m[2])*60, digitsOf(m[2]) > 59
	}
	m := lengthForm.FindStringSubmatch(text)
	if m == nil {
		return 0, true
	}
	return digitsOf(m[1])*3600 + digitsOf(m[2])*60 + digitsOf(m[3]), false
}

// digitsOf is a number; the pattern that found them bounds it.
func digitsOf(digits string) int64 {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
