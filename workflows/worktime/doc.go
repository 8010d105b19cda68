// Package worktime reckons in working time: calendars with several spans a day, holidays, half days and IANA zones,
// exact across daylight saving. It answers how much working time lies between two instants, and which instant lies so
// much working time after (or before) another. What does not belong here: targets, clocks and tickets (itsm/sla),
// storage, and anything that knows what the time is.
//
// Products disagree on the edges. Opora's choices, made once:
//
//   - A duration that runs out exactly at closing time is due at the closing instant, not at the next opening. In
//     general a due instant is the first one at which the duration has passed; going backwards it is the last one.
//     A duration of zero is due at once, even while closed.
//   - A span holds its opening instant and not its closing instant: at closing time it is closed.
//   - Spans that touch, in a day or over midnight, are one: nothing closes or opens between them.
//   - Elapsed time with the end before the start is zero.
//   - A span closes after it opens. Hours past midnight are two spans, one to 24:00 and one from 00:00.
//   - Wall clock to instant: real time counts, so a day of 25 hours that is open all day has 25 hours. A wall clock
//     time that happens twice is its first occurrence; one that is skipped is read with the offset from before the
//     change (02:30 is then 03:30). What becomes empty or falls out of its day is dropped, what overlaps is joined.
//   - A day's hours: none on a holiday, whatever else is said of that date; else its override; else its weekday's. Then
//     its breaks are cut out.
//   - AlwaysOpen is 24×7 and stands above every other field.
//   - A calendar that has no open hour at all is refused.
//   - A pause is time in which a clock does not run, whatever the calendar says. Pauses may overlap; one without an end
//     lasts for ever, one that ends before it begins is empty.
//
// A calendar answers for the years FirstYear to LastYear; beyond them everything is closed.
package worktime
