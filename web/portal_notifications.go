package web

import (
	"strconv"
	"time"

	"opora/templates"
)

// told is a notification as a line.
type told struct {
	templates.Reader
	Text   string
	Href   string
	At     time.Time
	Unread bool
}

type notificationsPage struct {
	templates.Page
	Heading templates.Heading
	List    []told
	Unread  bool
	Empty   templates.Empty
	Pager   templates.Pager
}

const (
	noticesPage = 30
	noticesMenu = 8
)

func (s *Server) notifications(r *req) error {
	p := notificationsPage{
		Page: r.Page(r.P.T("ui.bell"), "notifications"), Heading: templates.Heading{Title: r.P.T("ui.bell")},
		Empty: templates.Empty{Icon: "bell", Title: r.P.T("portal.notices.empty"), Text: r.P.T("portal.notices.empty_text")},
	}
	before := max(0, r.ID("before"))
	list, last, err := s.notices(r, before, noticesPage)
	if err != nil {
		return err
	}
	p.List, p.Unread = list, p.Viewer.Unread > 0
	previous, next := "", ""
	if before != 0 {
		previous = "/notifications"
	}
	if last != 0 {
		next = "/notifications?before=" + strconv.FormatInt(last, 10)
	}
	p.Pager = p.Page.Pager(previous, next, "")
	return r.Show("portal/notifications", p)
}

// notificationMenu is the newest few, for the bell.
func (s *Server) notificationMenu(r *req) error {
	p := notificationsPage{Page: r.Page(r.P.T("ui.bell"), "notifications")}
	var err error
	if p.List, _, err = s.notices(r, 0, noticesMenu); err != nil {
		return err
	}
	return r.Block("portal/notifications", "menu", p)
}

// notices reads a page; last is where the next one begins, 0 at the end.
func (s *Server) notices(r *req, before int64, limit int) (list []told, last int64, err error) {
	rows, err := s.desk.Notifications(r.Ctx(), r.Actor, before, limit+1)
	if err != nil {
		return nil, 0, err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		last = rows[limit-1].ID
	}
	for _, n := range rows {
		list = append(list, told{templates.Reader{P: r.P, Now: r.Now}, n.Line(r.P), "/notifications/ticket/" + n.Number, n.At, n.ReadAt == nil})
	}
	return list, last, nil
}

func (s *Server) readNotifications(r *req) error {
	if err := s.desk.MarkRead(r.Ctx(), r.Actor, 0); err != nil {
		return err
	}
	return r.See("/notifications")
}
