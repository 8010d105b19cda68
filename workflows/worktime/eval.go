package worktime

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// row is what a question needs: a calendar, and the instants or amounts that go with the kind.
type row struct {
	Calendar json.RawMessage `json:"calendar"`
	Start    *time.Time      `json:"start"`
	End      *time.Time      `json:"end"`
	At       *time.Time      `json:"at"`
	Date     string          `json:"date"`
	Work     *float64        `json:"work_seconds"`
	Pauses   []pause         `json:"pauses"`
}

// pause is a stretch in which the clock does not run; one without To lasts for ever.
type pause struct {
	From time.Time  `json:"from"`
	To   *time.Time `json:"to"`
}

// answer is the line for a row: its result or its error.
type answer struct {
	ID     json.RawMessage `json:"id"`
	Result any             `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// Eval answers rows of JSON, one a line, by one line of JSON each: {"id":…,"result":…} or {"id":…,"error":…}. Instants
// are RFC 3339 in UTC, durations are seconds. The kinds: due, elapsed, is_open, is_workday, next_open, prev_open,
// next_close, next_opening_after, and invalid_input, whose calendar or amount (a target, greater than zero) has to be
// refused. A line that cannot be read is answered with its number. The error is that of reading or writing, or of ctx.
func Eval(ctx context.Context, r io.Reader, w io.Writer) error {
	in, out := bufio.NewReader(r), bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	var calendars lastCalendar
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("reading line %d: %w", n, err)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			if err := enc.Encode(evalLine(&calendars, n, line)); err != nil {
				return fmt.Errorf("writing the answer to line %d: %w", n, err)
			}
		}
		// Whoever sends a row and waits for its answer gets it.
		if err != nil || in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return fmt.Errorf("writing the answers: %w", err)
			}
		}
		if err != nil {
			return nil
		}
	}
}

func evalLine(calendars *lastCalendar, n int, line []byte) answer {
	var head struct {
		ID   json.RawMessage `json:"id"`
		Kind string          `json:"kind"`
	}
	var q row
	err := json.Unmarshal(line, &head)
	ask, known := kinds[head.Kind]
	switch {
	case err == nil && !known: // its other fields may be of any form
		return answer{ID: head.ID, Error: "unsupported"}
	case err == nil:
		err = json.Unmarshal(line, &q)
	}
	a := answer{ID: head.ID}
	if err != nil {
		a.Error = fmt.Sprintf("line %d: %v", n, err)
		return a
	}
	result, err := q.eval(calendars, ask)
	if err != nil {
		a.Error = err.Error()
		return a
	}
	if t, ok := result.(time.Time); ok {
		result = t.Format(time.RFC3339Nano)
	}
	a.Result = result
	return a
}

func (q row) eval(calendars *lastCalendar, ask question) (any, error) {
	c, err := calendars.parse(q.Calendar)
	if err != nil {
		return nil, err
	}
	return ask(q, c)
}

// question is a kind of row: its answer from the calendar.
type question func(row, *Calendar) (any, error)

var kinds = map[string]question{
	"due": func(q row, c *Calendar) (any, error) {
		d, err := q.amount()
		if err != nil {
			return nil, err
		}
		return instantOf("start", q.Start, func(t time.Time) (time.Time, error) { return q.due(c, t, d) })
	},
	"invalid_input": func(q row, c *Calendar) (any, error) {
		d, err := q.amount()
		if err != nil {
			return nil, err
		}
		if d <= 0 {
			return nil, errors.New("work_seconds: a target is greater than zero")
		}
		return instantOf("start", q.Start, func(t time.Time) (time.Time, error) { return q.due(c, t, d) })
	},
	"elapsed": func(q row, c *Calendar) (any, error) {
		if q.Start == nil || q.End == nil {
			return nil, errors.New("start or end is missing")
		}
		return seconds(q.elapsed(c, *q.Start, *q.End)), nil
	},
	"is_open": func(q row, c *Calendar) (any, error) {
		if q.At == nil {
			return nil, errors.New("at is missing")
		}
		return c.IsOpen(*q.At), nil
	},
	"is_workday": func(q row, c *Calendar) (any, error) {
		d, err := readDate(q.Date)
		if err != nil {
			return nil, fmt.Errorf("date: %w", err)
		}
		return len(c.hours.of(d)) > 0, nil
	},
	"next_open": func(q row, c *Calendar) (any, error) { return instantOf("at", q.At, c.NextOpen) },
	"prev_open": func(q row, c *Calendar) (any, error) { return instantOf("at", q.At, c.PrevOpen) },
	"next_close": func(q row, c *Calendar) (any, error) {
		return instantOf("at", q.At, c.NextClose)
	},
	"next_opening_after": func(q row, c *Calendar) (any, error) {
		return instantOf("at", q.At, c.NextOpeningAfter)
	},
}

func instantOf(name string, t *time.Time, ask func(time.Time) (time.Time, error)) (any, error) {
	if t == nil {
		return nil, errors.New(name + " is missing")
	}
	return ask(*t)
}

// amount is work_seconds as a duration: a whole number that fits one.
func (q row) amount() (time.Duration, error) {
	switch {
	case q.Work == nil:
		return 0, errors.New("work_seconds is missing")
	case *q.Work != math.Trunc(*q.Work) || math.Abs(*q.Work) > float64(math.MaxInt64/int64(time.Second)-1):
		return 0, fmt.Errorf("work_seconds: not a number of seconds within 292 years: %v", *q.Work)
	}
	return time.Duration(*q.Work) * time.Second, nil
}

// seconds is a whole number where it can be one.
func seconds(d time.Duration) any {
	if d%time.Second == 0 {
		return int64(d / time.Second)
	}
	return d.Seconds()
}

// stretches are the parts between two instants in which no pause holds, in order.
func (q row) stretches(from, to time.Time) []Interval {
	pauses := slices.Clone(q.Pauses)
	slices.SortStableFunc(pauses, func(a, b pause) int { return a.From.Compare(b.From) })
	var out []Interval
	for _, p := range pauses {
		if p.To != nil && !p.From.Before(*p.To) {
			continue
		}
		if end := earlier(p.From, to); from.Before(end) {
			out = append(out, Interval{from, end})
		}
		if p.To == nil {
			return out
		}
		if from.Before(*p.To) {
			from = *p.To
		}
	}
	if from.Before(to) {
		out = append(out, Interval{from, to})
	}
	return out
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (q row) elapsed(c *Calendar, start, end time.Time) (sum time.Duration) {
	for _, s := range q.stretches(start, end) {
		sum += c.Elapsed(s.From, s.To)
	}
	return sum
}

func (q row) due(c *Calendar, start time.Time, d time.Duration) (time.Time, error) {
	if len(q.Pauses) == 0 || d == 0 {
		return c.Due(start, d)
	}
	if d > 0 {
		for _, s := range q.stretches(start, instant(lastInstant)) {
			has := c.Elapsed(s.From, s.To)
			if d <= has {
				return c.Due(s.From, d)
			}
			d -= has
		}
		return time.Time{}, ErrNotFound
	}
	back := q.stretches(instant(firstInstant), start)
	for _, s := range slices.Backward(back) {
		has := c.Elapsed(s.From, s.To)
		if -d <= has {
			return c.Due(s.To, d)
		}
		d += has
	}
	return time.Time{}, ErrNotFound
}

// lastCalendar keeps the calendar of the row before, since rows come in runs of one.
type lastCalendar struct {
	text     []byte
	calendar *Calendar
	err      error
}

func (l *lastCalendar) parse(text []byte) (*Calendar, error) {
	if l.text == nil || !bytes.Equal(l.text, text) {
		l.text = bytes.Clone(text)
		l.calendar, l.err = Parse(text)
	}
	return l.calendar, l.err
}
