package web

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"opora/auth"
	"opora/internal/audit"
	"opora/internal/fault"
	"opora/internal/locale"
	"opora/templates"
)

const (
	auditRows  = 100
	auditBatch = 500
	auditMost  = 10 * auditBatch // entries that one page with a filter looks through
)

type auditPage struct {
	adminPage
	Stream templates.Field
	Text   string
	From   string // a day: entries up to its end
	Rows   []auditLine
	Pager  templates.Pager
	None   templates.Empty
}

// auditLine is an entry of the log, as far as it can be in words.
type auditLine struct {
	templates.Reader
	Seq                              int64
	At                               time.Time
	Stream, Who, What, Action        string
	Subject, Channel, Address, Where string
	Details                          []templates.Change
}

func (s *Server) auditPage(r *req) error {
	p := auditPage{adminPage: r.adminList("audit"), Text: strings.TrimSpace(r.Query("q")), From: r.Query("until")}
	stream := r.Query("stream")
	p.Stream = p.Choice("stream", "admin.audit.stream", stream, r.P.T("admin.any"), r.words("admin.audit.stream.", audit.Access, audit.Settings)).Required()
	p.None = templates.Empty{Icon: "history", Title: r.P.T("admin.audit.none"), Text: r.P.T("admin.audit.none_text")}
	before, err := auditBefore(r)
	status := p.wrong(err)
	if err == nil {
		list, next, failed := s.auditEntries(r.Ctx(), stream, p.Text, before)
		if failed != nil {
			return failed
		}
		if p.Rows, failed = s.auditLines(r, list); failed != nil {
			return failed
		}
		p.pager(r, next)
	}
	return r.HTML(status, "admin/audit", p)
}

// pager leads back to the newest entries, and on to those before next when there are any.
func (p *auditPage) pager(r *req, next time.Time) {
	newest, older := "", ""
	if r.Query("before") != "" {
		newest = auditAddress(r, time.Time{})
	}
	if !next.IsZero() {
		older = auditAddress(r, next)
	}
	p.Pager = p.Reader.Pager(newest, older, "")
	p.Pager.Words.Previous, p.Pager.Words.Next = r.P.T("admin.audit.newest"), r.P.T("admin.audit.older")
}

// auditBefore is where the page begins: ?before in nanoseconds since 1970, the end of the day ?until, or now.
func auditBefore(r *req) (time.Time, error) {
	if text := r.Query("before"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return time.Time{}, fault.New(fault.NotFound, "fault.not_found")
		}
		return time.Unix(0, n).UTC(), nil
	}
	if text := r.Query("until"); text != "" {
		day, err := time.ParseInLocation(time.DateOnly, text, r.P.Zone)
		if err != nil {
			var f fault.Fields
			f.Add("until", "admin.bad_date")
			return time.Time{}, f.Err()
		}
		return day.AddDate(0, 0, 1), nil
	}
	return r.Now.Add(time.Hour), nil
}

// auditAddress is the page as it is filtered, from a moment on; the zero moment is the newest entry.
func auditAddress(r *req, before time.Time) string {
	q := url.Values{}
	for _, name := range []string{"stream", "q", "until"} {
		if v := r.Query(name); v != "" {
			q.Set(name, v)
		}
	}
	if !before.IsZero() {
		q.Set("before", strconv.FormatInt(before.UnixNano(), 10))
	}
	return "/audit?" + q.Encode()
}

// auditEntries are the entries older than before that the text is found in, and from where the next page goes on: zero at the end.
// Entries of one moment stay on one page, since the next begins at a moment.
func (s *Server) auditEntries(ctx context.Context, stream, text string, before time.Time) (out []audit.Listed, next time.Time, err error) {
	text = strings.ToLower(text)
	for seen := 0; seen < auditMost; {
		list, err := s.log.List(ctx, stream, before, auditBatch)
		if err != nil {
			return nil, time.Time{}, err
		}
		seen += len(list)
		for i, e := range list {
			if len(out) >= auditRows && i > 0 && !e.At.Equal(list[i-1].At) {
				return out, list[i-1].At, nil
			}
			if text == "" || auditHas(e, text) {
				out = append(out, e)
			}
		}
		if len(list) < auditBatch {
			return out, time.Time{}, nil
		}
		before = list[len(list)-1].At
	}
	return out, before, nil
}

func auditHas(e audit.Listed, text string) bool {
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	if has(e.Action) || has(e.Subject) || has(e.Address) || has(e.RequestID) {
		return true
	}
	for field, change := range e.Details {
		if has(field) || has(change) {
			return true
		}
	}
	return false
}

func (s *Server) auditLines(r *req, list []audit.Listed) ([]auditLine, error) {
	names := map[int64]string{}
	out := make([]auditLine, len(list))
	for i, e := range list {
		who, err := s.auditName(r, names, e.ActorID)
		if err != nil {
			return nil, err
		}
		line := auditLine{
			Reader: templates.Reader{P: r.P, Now: r.Now}, Seq: e.Seq, At: e.At, Stream: r.P.T("admin.audit.stream." + e.Stream), Who: who, Action: e.Action,
			What: e.Action, Subject: e.Subject, Address: e.Address, Where: e.RequestID,
		}
		if id := "admin.did." + e.Action; locale.Has(id) {
			line.What = r.P.T(id)
		}
		if kind, id, ok := strings.Cut(e.Subject, ":"); ok && kind == "person" {
			if name, err := s.auditName(r, names, r.parseID(id)); err != nil {
				return nil, err
			} else if name != "" {
				line.Subject = name
			}
		}
		for _, field := range slices.Sorted(maps.Keys(e.Details)) {
			line.Details = append(line.Details, auditChange(field, e.Details[field]))
		}
		out[i] = line
	}
	return out, nil
}

// auditChange parts "from → to".
func auditChange(field, text string) templates.Change {
	if from, to, ok := strings.Cut(text, " → "); ok {
		return templates.Change{Label: field, From: from, To: to}
	}
	return templates.Change{Label: field, To: text}
}

func (r *req) parseID(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// auditName is who has the id. Whoever reads the log may know names, though he may not see people otherwise.
func (s *Server) auditName(r *req, known map[int64]string, id int64) (string, error) {
	if id == 0 {
		return r.P.T("admin.by_opora"), nil
	}
	if name, ok := known[id]; ok {
		return name, nil
	}
	who, err := s.auth.Person(r.Ctx(), auth.MachineActor(), id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", err
	}
	known[id] = who.Name
	if known[id] == "" {
		known[id] = "#" + strconv.FormatInt(id, 10)
	}
	return known[id], nil
}
