// Package sla reckons the clocks of service level targets: response, update and resolution. A clock is a fold, a pure
// function of the rules (policies and calendars in all their versions) and of the ticket's moments; a stored clock is
// no more than a cache of it. The same fold explains a due time interval by interval. What does not belong here:
// storage, what an escalation step does, who receives it, and anything that knows what the time is.
//
// The rules of the clocks:
//
//   - Response runs from the opening to the first public answer by staff, at the latest until the ticket is resolved.
//     It never runs again.
//   - Update runs while the ticket is open and waits during every hold. A public answer by staff ends its cycle and
//     begins the next one; resolving ends it too, and reopening begins a new cycle.
//   - Resolution runs from the opening until the ticket is resolved (or closed at once). Reopening resumes the same
//     clock and cycle; the time in between does not count.
//   - Response and resolution wait during the holds that the policy names; it names all of them by naming none.
//   - A cancelled ticket cancels the clocks that have not been met. So does a change to a policy or priority without a
//     target; when a target comes back the clock goes on with the time it had, and the time between does not count.
//   - The version of a policy or calendar that is valid at a moment counts for the time from then on. Time already
//     counted stays as it was counted. The target in force now applies to the sum.
//   - Thus a target that shrinks below the time used is overdue at once: its due instant lies in the past, where the
//     sum came to the new target. A target that grows beyond the time used takes the breach back.
//   - A running clock is breached from its due instant on. One that is met exactly at its due instant is met in time.
//   - A step fires once for each clock and cycle, by its id: a change of policy does not fire it again. Steps fire only
//     while the clock runs.
package sla
