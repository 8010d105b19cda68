package sla

import (
	"fmt"
	"time"

	"opora/workflows/worktime"
)

// Calendar is the calendar of a policy that is valid at an instant, in the policy's zone or its own: for what counts working days
// but is no clock.
func (r *Rules) Calendar(id int64, at time.Time) (*worktime.Calendar, error) {
	list := r.policies[id]
	if len(list) == 0 {
		return nil, fmt.Errorf("no policy %d", id)
	}
	def := list[valid(list, at, func(p *policy) time.Time { return p.from })].def
	versions := r.calendars[def.Calendar]
	return versions[valid(versions, at, func(c *CalendarVersion) time.Time { return c.ValidFrom })].Calendar.In(def.Zone)
}
