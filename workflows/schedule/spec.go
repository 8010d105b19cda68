package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

const maxSpec = 200 // bytes

var parser = cron.NewParser(cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// ParseSpec tells what is wrong with a spec: six fields (second, minute, hour, day of month, month, day of week), in UTC,
// as in "*/15 * * * * *". Zones and "@every" are refused, since ticks must be the same wall-clock moments on every
// replica, and so are moments that never come (31 February).
func ParseSpec(spec string) error {
	_, err := parse(spec)
	return err
}

func parse(spec string) (times cron.Schedule, err error) {
	defer func() { // robfig/cron 3.0.1 panics on some
		if r := recover(); r != nil {
			times, err = nil, fmt.Errorf("spec %q: %v", spec, r)
		}
	}()
	switch {
	case len(spec) > maxSpec:
		return nil, fmt.Errorf("spec: longer than %d bytes", maxSpec)
	case strings.Contains(spec, "TZ="):
		return nil, fmt.Errorf("spec %q: names a zone; specs are in UTC", spec)
	}
	if times, err = parser.Parse(spec); err != nil {
		return nil, fmt.Errorf("spec %q: %w", spec, err)
	}
	// The four years from here hold every date that is; cron itself gives up after five.
	if times.Next(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, fmt.Errorf("spec %q: %w", spec, errNever)
	}
	return times, nil
}

var errNever = errors.New("this moment never comes")
