package itsm

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of a log. What is over them is rejected with its line, so that a file that is no log at all costs no memory.
const (
	maxLogLine  = 64 << 10 // bytes
	maxLogField = 200      // characters
	maxLogRows  = 10_000   // of one incident
)

// The years that a log may speak of.
var (
	firstLogged = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	lastLogged  = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// loggedRow is one row of the log in our words. Names of people and things are the log's own; "" is missing.
type loggedRow struct {
	line                                        int // of the file, from 1
	number, state                               string
	at, openedAt                                time.Time
	by, openedBy, requester, assignee, team     string
	channel, category, subcategory, item        string
	impact, urgency, priority                   int
	reopened, reassigned                        int
	closingCode, resolvedBy, title, description string
	kept, outcome                               []string // values of the columns of these names in the mapping
	written                                     string   // the updated_at of the log, as written
	raw                                         string   // the whole line
}

// loggedIncident is an incident's rows, in the order of the file.
type loggedIncident struct {
	number string
	rows   []loggedRow
}

// RejectedRow is a row that could not be taken.
type RejectedRow struct {
	Line   int    `json:"line"` // of the file, from 1; the header is line 1
	Reason string `json:"reason"`
}

// logReader reads a log incident by incident. It holds one incident's rows and the numbers that it has seen.
type logReader struct {
	m      *Mapping
	in     *bufio.Reader
	line   int
	buffer *bufio.Reader  // what the parser reads a line from
	names  []string       // of the columns
	place  map[string]int // of each column
	rows   int            // data rows read, the rejected ones too
	bad    []RejectedRow

	open *loggedIncident
	seen map[string]struct{}
}

// newLogReader reads the header. Its error says which columns lack.
func newLogReader(r io.Reader, m *Mapping) (*logReader, error) {
	h := &logReader{m: m, in: bufio.NewReaderSize(r, maxLogLine), buffer: bufio.NewReader(strings.NewReader("")), place: map[string]int{}, seen: map[string]struct{}{}}
	line, reason, err := h.readLine()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("line 1: the file is empty")
	}
	if err != nil {
		return nil, err
	}
	line = strings.TrimPrefix(line, "\ufeff")
	var names []string
	if reason == "" {
		names, reason = h.split(line)
	}
	if reason != "" {
		return nil, fmt.Errorf("line 1: the header: %s", reason)
	}
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
		if _, twice := h.place[names[i]]; twice {
			return nil, fmt.Errorf("line 1: the header names column %q twice", name)
		}
		h.place[names[i]] = i
	}
	h.names = names
	var lacking []string
	for _, name := range m.columnNames() {
		if _, ok := h.place[name]; !ok {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) > 0 {
		return nil, fmt.Errorf("line 1: the header lacks the columns %s: not a log of %s, or another delimiter", strings.Join(lacking, ", "), m.Source)
	}
	return h, nil
}

// next returns the next incident, or io.EOF. After another error the rows of the incident that was being read are not returned:
// nobody knows whether they are all.
func (h *logReader) next() (*loggedIncident, error) {
	for {
		row, reason, err := h.row()
		if errors.Is(err, io.EOF) {
			last := h.open
			if h.open = nil; last == nil {
				return nil, io.EOF
			}
			return last, nil
		}
		if err != nil {
			return nil, err
		}
		if reason == "" && (h.open == nil || h.open.number != row.number) {
			if _, again := h.seen[row.number]; again {
				reason = "the rows of " + row.number + " do not stand together"
			}
		}
		if reason == "" && h.open != nil && h.open.number == row.number && len(h.open.rows) == maxLogRows {
			reason = fmt.Sprintf("%s has more than %d rows", row.number, maxLogRows)
		}
		if reason != "" {
			h.bad = append(h.bad, RejectedRow{h.line, reason})
			continue
		}
		if h.open != nil && h.open.number == row.number {
			h.open.rows = append(h.open.rows, row)
			continue
		}
		h.seen[row.number] = struct{}{}
		done := h.open
		h.open = &loggedIncident{row.number, []loggedRow{row}}
		if done != nil {
			return done, nil
		}
	}
}

// row reads one row; reason says why it cannot be taken. Empty lines are no rows.
func (h *logReader) row() (r loggedRow, reason string, err error) {
	for {
		line, reason, err := h.readLine()
		if err != nil {
			return r, "", err
		}
		if reason == "" && line == "" {
			continue
		}
		h.rows++
		if reason != "" {
			return r, reason, nil
		}
		fields, reason := h.split(line)
		if reason != "" {
			return r, reason, nil
		}
		r, reason = h.understand(fields)
		r.raw = line
		return r, reason, nil
	}
}

// readLine reads one line without its end. A line that is too long is passed over with a reason.
func (h *logReader) readLine() (line, reason string, err error) {
	h.line++
	text, err := h.in.ReadSlice('\n')
	for errors.Is(err, bufio.ErrBufferFull) {
		reason = fmt.Sprintf("longer than %d bytes", maxLogLine)
		text, err = h.in.ReadSlice('\n')
	}
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return "", "", fmt.Errorf("line %d: %w", h.line, err)
	case reason != "":
		return "", reason, nil
	case err != nil && len(text) == 0:
		return "", "", io.EOF
	}
	return string(bytes.TrimRight(text, "\r\n")), "", nil
}

// split takes a line apart and refuses what no column may hold.
func (h *logReader) split(line string) (fields []string, reason string) {
	switch {
	case !utf8.ValidString(line):
		return nil, "not UTF-8"
	case strings.ContainsRune(line, 0):
		return nil, "holds a NUL character"
	}
	h.buffer.Reset(strings.NewReader(line))
	parser := csv.NewReader(h.buffer)
	parser.Comma, _ = utf8.DecodeRuneInString(h.m.Delimiter)
	parser.FieldsPerRecord = -1
	fields, err := parser.Read()
	if err != nil {
		var p *csv.ParseError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, "not CSV: " + err.Error()
	}
	if h.names != nil && len(fields) != len(h.names) {
		return nil, fmt.Sprintf("%d fields where the header has %d", len(fields), len(h.names))
	}
	return fields, ""
}

// understand reads the fields of a row.
func (h *logReader) understand(fields []string) (r loggedRow, reason string) {
	m := h.m
	say := func(format string, args ...any) {
		if reason == "" {
			reason = fmt.Sprintf(format, args...)
		}
	}
	for i, v := range fields {
		if len(v) > maxLogField && utf8.RuneCountInString(v) > maxLogField {
			return r, fmt.Sprintf("%s: longer than %d characters", h.names[i], maxLogField)
		}
		if fields[i] = tidy(v); fields[i] == m.Missing {
			fields[i] = ""
		}
	}
	theirs := func(column string) string { return fields[h.place[column]] }
	word := func(ours string) string {
		if column := m.Columns[ours]; column != "" {
			return theirs(column)
		}
		return ""
	}
	needed := func(ours string) string {
		v := word(ours)
		if v == "" {
			say("%s: missing", m.Columns[ours])
		}
		return v
	}
	date := func(ours string) time.Time {
		v := needed(ours)
		if v == "" {
			return time.Time{}
		}
		at, err := time.ParseInLocation(m.Dates.Layout, v, m.zone)
		if err != nil || at.Before(firstLogged) || !at.Before(lastLogged) {
			say("%s: %q is not a date of the form %q", m.Columns[ours], v, m.Dates.Layout)
		}
		return at.UTC().Truncate(time.Microsecond)
	}
	level := func(ours string, levels map[string]int) int {
		v := needed(ours)
		n, ok := levels[v]
		if !ok && v != "" {
			say("%s: unknown value %q", m.Columns[ours], v)
		}
		return n
	}
	count := func(ours string) int {
		v := word(ours)
		if v == "" {
			return 0
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n > 1_000_000 {
			say("%s: %q is not a count", m.Columns[ours], v)
		}
		return n
	}
	all := func(columns []string) []string {
		out := make([]string, len(columns))
		for i, c := range columns {
			out[i] = theirs(c)
		}
		return out
	}
	r = loggedRow{
		line: h.line, number: needed("number"), state: needed("state"), at: date("updated_at"), openedAt: date("opened_at"),
		by: word("updated_by"), openedBy: word("opened_by"), requester: word("requester"), assignee: word("assignee"), team: word("team"),
		channel: m.Channels.of(word("channel")), category: word("category"), subcategory: word("subcategory"), item: word("item"),
		impact: level("impact", m.Impact), urgency: level("urgency", m.Urgency), priority: level("priority", m.Priority),
		reopened: count("reopened"), reassigned: count("reassigned"), closingCode: word("closing_code"), resolvedBy: word("resolved_by"),
		kept: all(m.Kept), outcome: all(m.Outcome), written: word("updated_at"),
	}
	r.title, r.description = titleOf(m, r.number, theirs), descriptionOf(m, theirs)
	return r, reason
}

// tidy makes runs of white space one space; most values have none.
func tidy(v string) string {
	if strings.TrimSpace(v) == v && !strings.Contains(v, "  ") && !strings.ContainsAny(v, "\t\r\n\v\f") {
		return v
	}
	return strings.Join(strings.Fields(v), " ")
}

// titleOf joins what the row says into a title: the log has no texts.
func titleOf(m *Mapping, number string, theirs func(column string) string) string {
	var parts []string
	for _, c := range m.Title {
		if v := theirs(c); v != "" {
			parts = append(parts, v)
		}
	}
	if len(parts) == 0 {
		return number
	}
	title := []rune(strings.Join(parts, " · "))
	return string(title[:min(len(title), MaxTitle)])
}

func descriptionOf(m *Mapping, theirs func(column string) string) string {
	var lines []string
	for _, d := range m.Description {
		if v := theirs(d.Column); v != "" {
			lines = append(lines, d.Label+": "+v)
		}
	}
	return strings.Join(lines, "\n")
}
