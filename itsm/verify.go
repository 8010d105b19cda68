package itsm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"opora/internal/audit"
	"opora/itsm/sla"
)

// verifyBatch is how many tickets a check reads at a time.
const verifyBatch = 500

// AuditReport is what a check of the audit found.
type AuditReport struct {
	Tickets  int64           `json:"tickets"`
	Events   int64           `json:"events"`
	Log      int64           `json:"log"` // rows of sign-ins and settings
	Findings []audit.Finding `json:"findings"`
}

// VerifyAudit reads every event of every ticket, the ledger and the log of sign-ins and settings, and reports each row that is not as
// Opora wrote it: changed, removed, cut off at the end, put in, a text that does not fit its digest, a ticket that is gone, and a ticket
// whose fields differ from what its events say.
func (s *Service) VerifyAudit(ctx context.Context) (AuditReport, error) {
	var r AuditReport
	found, n, err := s.log.Verify(ctx)
	if err != nil {
		return r, err
	}
	r.Findings, r.Log = found, n
	members := newMembership(s.key)
	after := int64(0)
	for {
		rows, err := ledgerAfter(ctx, s.db, after, verifyBatch)
		if err != nil {
			return r, err
		}
		if len(rows) == 0 {
			break
		}
		after = rows[len(rows)-1].TicketID
		if err := s.verifyBatch(ctx, rows, &r); err != nil {
			return r, err
		}
		for _, l := range rows {
			members.add(l.Number)
		}
	}
	strays, err := strayTickets(ctx, s.db)
	if err != nil {
		return r, err
	}
	for _, number := range strays {
		r.Findings = append(r.Findings, audit.Finding{Stream: number, What: "ledger row removed"})
		members.add(number)
	}
	shards, err := readShards(ctx, s.db)
	if err != nil {
		return r, err
	}
	last, err := lastNumber(ctx, s.db)
	if err != nil {
		return r, err
	}
	r.Findings = append(r.Findings, members.compare(shards, last)...)
	if begun, err := s.log.Begun(ctx); err != nil {
		return r, err
	} else if !begun && r.Tickets > 0 {
		r.Findings = append(r.Findings, audit.Finding{Stream: audit.Settings, What: "the mark of the log's beginning was removed"})
	}
	return r, nil
}

// verifyBatch checks the tickets of some ledger rows.
func (s *Service) verifyBatch(ctx context.Context, rows []ledgerRow, r *AuditReport) error {
	ids := make([]int64, len(rows))
	for i := range rows {
		ids[i] = rows[i].TicketID
	}
	events, err := sealedEvents(ctx, s.db, ids)
	if err != nil {
		return err
	}
	tickets, err := ticketsByID(ctx, s.db, ids)
	if err != nil {
		return err
	}
	for _, l := range rows {
		r.Tickets++
		v := audit.NewVerifier(s.key, l.Number)
		fields := map[string]string{}
		version, readable := 0, true
		for _, row := range events[l.TicketID] {
			r.Events++
			e, err := decodeEvent(row.eventRow)
			same := err == nil && e.eventBody.Seq == row.Seq && e.eventBody.At.Equal(row.At) && e.eventBody.Type == EventType(row.Type) &&
				e.Actor == row.ActorID && e.eventBody.Public == row.Public && e.Ticket == l.Number
			v.Row(int64(row.Seq), row.Body, row.Mac, same)
			if err != nil {
				readable = false
				continue
			}
			if what := row.textFault(e.Digest); what != "" {
				v.Findings = append(v.Findings, audit.Finding{Stream: l.Number, Seq: int64(row.Seq), What: what})
			}
			for _, c := range e.Changes {
				fields[c.Field] = c.To
			}
			version = max(version, e.Version)
		}
		v.End(l.Count, l.Head, l.Mac)
		t, ok := tickets[l.TicketID]
		switch {
		case !ok:
			v.Findings = append(v.Findings, audit.Finding{Stream: l.Number, What: "ticket removed"})
		case t.Number != l.Number:
			v.Findings = append(v.Findings, audit.Finding{Stream: l.Number, What: "ticket has another number: " + t.Number})
		case len(v.Findings) == 0 && readable:
			v.Findings = append(v.Findings, differing(t, fields, version)...)
		}
		r.Findings = append(r.Findings, v.Findings...)
	}
	return nil
}

// differing compares a ticket with what its events say it is.
func differing(t *Ticket, fields map[string]string, version int) []audit.Finding {
	var out []audit.Finding
	actual := map[string]string{}
	for _, c := range diff(nil, t) {
		actual[c.Field] = c.To
	}
	for _, f := range []string{
		"state", "phase", "hold_reason", "channel", "requester", "affected", "category", "closing_category", "service", "team",
		"assignee", "parent", "impact", "urgency", "priority", "policy", "zone", "confidential", "resolution_code",
	} {
		said, is := fields[f], actual[f]
		if f == "confidential" && said == "false" {
			said = ""
		}
		if said != is {
			out = append(out, audit.Finding{Stream: t.Number, What: fmt.Sprintf("ticket changed: %s is %q, its events say %q", f, is, said)})
		}
	}
	if t.Version != version {
		out = append(out, audit.Finding{Stream: t.Number, What: fmt.Sprintf("ticket changed: version is %d, its events say %d", t.Version, version)})
	}
	return out
}

// textFault says what is wrong with the text beside an event; "" when nothing is. An erased text has only its digest left.
func (r sealedRow) textFault(digest string) string {
	switch {
	case digest == "" && r.Salt == nil:
		return ""
	case digest == "":
		return "text put in"
	case r.Salt == nil:
		return "text removed"
	case r.ErasedAt != nil:
		return ""
	}
	sum := sha256.Sum256(append(slices.Clone(r.Salt), r.Text...))
	if hex.EncodeToString(sum[:]) != digest {
		return "text changed"
	}
	return ""
}

// membership sums up the numbers of the tickets that are there, shard by shard.
type membership struct {
	key     audit.Key
	sums    [audit.Shards][]byte
	counts  [audit.Shards]int64
	present map[string]struct{}
}

func newMembership(key audit.Key) *membership {
	return &membership{key: key, present: map[string]struct{}{}}
}

func (m *membership) add(number string) {
	i := audit.Shard(number)
	m.sums[i], m.counts[i] = audit.Sum(m.sums[i], m.key.Member(number)), m.counts[i]+1
	m.present[number] = struct{}{}
}

// compare finds tickets that are gone together with their ledger rows. One missing number of a shard is found by trying those that
// were given out; of more only how many they are.
func (m *membership) compare(stored map[int]shardRow, last int64) []audit.Finding {
	var out []audit.Finding
	for i := range audit.Shards {
		row, ok := stored[i]
		if !ok {
			if m.counts[i] > 0 {
				out = append(out, audit.Finding{Stream: shardName(i), What: "shard row removed"})
			}
			continue
		}
		if !audit.Equal(row.Mac, m.key.ShardMac(i, row.Count, row.Sum)) {
			out = append(out, audit.Finding{Stream: shardName(i), What: "shard row changed"})
			continue
		}
		if row.Count == m.counts[i] && bytes.Equal(audit.Sum(row.Sum, m.sums[i]), audit.Sum(nil, nil)) {
			continue
		}
		gap := audit.Sum(row.Sum, m.sums[i])
		if names := m.missing(i, gap, last); len(names) > 0 {
			for _, n := range names {
				out = append(out, audit.Finding{Stream: n, What: "ticket missing, with all that belongs to it"})
			}
			continue
		}
		out = append(out, audit.Finding{Stream: shardName(i), What: fmt.Sprintf("%d tickets were opened, %d are there", row.Count, m.counts[i])})
	}
	return out
}

// missing names one or two numbers whose members make up the gap.
func (m *membership) missing(shard int, gap []byte, last int64) []string {
	byMember := map[string]string{}
	for n := int64(1); n <= last; n++ {
		number := ticketNumber(n)
		if _, there := m.present[number]; !there && audit.Shard(number) == shard {
			byMember[string(m.key.Member(number))] = number
		}
	}
	if n, ok := byMember[string(gap)]; ok {
		return []string{n}
	}
	for member, n := range byMember {
		if other, ok := byMember[string(audit.Sum(gap, []byte(member)))]; ok {
			return []string{n, other}
		}
	}
	return nil
}

func shardName(i int) string { return "shard " + strconv.Itoa(i) }

// ClockFault is a stored clock that is not what its ticket's events give.
type ClockFault struct {
	Ticket   string `json:"ticket"`
	Clock    string `json:"clock"`
	Cycle    int    `json:"cycle"`
	Field    string `json:"field"`
	Stored   string `json:"stored"`
	Replayed string `json:"replayed"`
}

// ClockReport is what a replay of all clocks found.
type ClockReport struct {
	Tickets int64        `json:"tickets"`
	Clocks  int64        `json:"clocks"`
	Faults  []ClockFault `json:"differences"`
}

// VerifyClocks replays every ticket and names each stored clock that differs.
func (s *Service) VerifyClocks(ctx context.Context) (ClockReport, error) {
	var r ClockReport
	rules, err := s.currentRules(ctx, s.db)
	if err != nil {
		return r, err
	}
	after := int64(0)
	for {
		tickets, err := ticketsAfter(ctx, s.db, after, verifyBatch)
		if err != nil {
			return r, err
		}
		if len(tickets) == 0 {
			return r, nil
		}
		ids := make([]int64, len(tickets))
		for i := range tickets {
			ids[i] = tickets[i].ID
		}
		after = ids[len(ids)-1]
		events, err := eventsOf(ctx, s.db, ids)
		if err != nil {
			return r, err
		}
		stored, err := storedClocks(ctx, s.db, ids)
		if err != nil {
			return r, err
		}
		for i := range tickets {
			t := &tickets[i]
			clocks := sla.Fold(rules.sla, moments(events[t.ID]))
			r.Tickets, r.Clocks = r.Tickets+1, r.Clocks+int64(len(clocks))
			r.Faults = append(r.Faults, clockFaults(t, clocks, stored[t.ID])...)
		}
	}
}

// clockFaults compares what is stored of a ticket's clocks with their fold.
func clockFaults(t *Ticket, clocks []sla.Clock, stored []clockRow) []ClockFault {
	var out []ClockFault
	say := func(clock string, cycle int, field string, a, b any) {
		if x, y := show(a), show(b); x != y {
			out = append(out, ClockFault{t.Number, clock, cycle, field, x, y})
		}
	}
	have := map[string]clockRow{}
	for _, c := range stored {
		have[c.Clock+strconv.Itoa(c.Cycle)] = c
	}
	for i := range clocks {
		c := &clocks[i]
		key := string(c.Name) + strconv.Itoa(c.Cycle)
		row, ok := have[key]
		if !ok {
			say(string(c.Name), c.Cycle, "row", "missing", "there")
			continue
		}
		delete(have, key)
		for _, f := range []struct {
			name             string
			stored, replayed any
		}{
			{"state", row.State, string(c.State)},
			{"target", row.TargetS, int64(c.Target / time.Second)},
			{"used", row.UsedUs, c.Used.Microseconds()},
			{"started_at", &row.StartedAt, &c.StartedAt},
			{"running_since", row.RunningSince, c.RunningSince},
			{"due_at", row.DueAt, c.DueAt},
			{"met_at", row.MetAt, c.MetAt},
			{"breached_at", row.BreachedAt, c.BreachedAt},
			{"next_at", row.NextAt, c.NextAt},
		} {
			say(string(c.Name), c.Cycle, f.name, f.stored, f.replayed)
		}
	}
	for _, c := range have {
		say(c.Clock, c.Cycle, "row", "there", "missing")
	}
	_, due, risk := soonest(clocks)
	say("", 0, "ticket.due_at", t.DueAt, due)
	say("", 0, "ticket.risk_at", t.RiskAt, risk)
	return out
}

// show writes a value for a comparison: times to the microsecond, as they are stored.
func show(v any) string {
	t, ok := v.(*time.Time)
	if !ok {
		return fmt.Sprint(v)
	}
	if t == nil {
		return "none"
	}
	return t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
}
