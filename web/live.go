package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/lib/pq"

	"opora/auth"
	"opora/internal/fault"
	"opora/itsm"
)

// hub hands what one LISTEN hears to all open pages. What a page may be told is asked of the database for its person: the
// notification itself carries ids only.
type hub struct {
	dsn    string
	desk   *itsm.Service
	mu     sync.Mutex
	subs   map[*subscriber]struct{}
	closed bool
}

type subscriber struct {
	actor   auth.Actor
	wake    chan struct{} // 1 deep: there is something in pending
	end     chan struct{}
	mu      sync.Mutex
	pending itsm.Live
}

func newHub(dsn string, desk *itsm.Service) *hub {
	return &hub{dsn: dsn, desk: desk, subs: map[*subscriber]struct{}{}}
}

// run listens until ctx ends. After a lost connection pages are told to look at everything anew, since something may have been missed.
func (h *hub) run(ctx context.Context) error {
	l := pq.NewListener(h.dsn, 200*time.Millisecond, 10*time.Second, func(ev pq.ListenerEventType, err error) {
		if err != nil {
			slog.WarnContext(ctx, "live updates: connection", "event", ev, "error", err)
		}
	})
	defer l.Close()
	if err := l.Listen(itsm.LiveChannel); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	check := time.NewTicker(time.Minute)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case n := <-l.Notify:
			if n == nil { // connected again
				h.tell(itsm.Live{AllTickets: true})
				continue
			}
			h.tell(itsm.ParseLive(n.Extra))
		case <-check.C:
			go l.Ping() //nolint:errcheck // a failed ping makes the listener connect again
		}
	}
}

// tell notes the news for every page that it may concern.
func (h *hub) tell(news itsm.Live) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		s.mu.Lock()
		s.pending.AllTickets = s.pending.AllTickets || news.AllTickets
		for _, id := range news.Tickets {
			if !slices.Contains(s.pending.Tickets, id) {
				s.pending.Tickets = append(s.pending.Tickets, id)
			}
		}
		if len(s.pending.Tickets) > liveMost { // the page is slow: it looks at everything anew when it comes to it
			s.pending.Tickets, s.pending.AllTickets = nil, true
		}
		if news.AllTickets || slices.Contains(news.People, s.actor.ID) {
			s.pending.People = []int64{s.actor.ID}
		}
		s.mu.Unlock()
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// add takes a page of the actor's in, unless he has too many: each costs questions at every change.
func (h *hub) add(a auth.Actor) (*subscriber, error) {
	s := &subscriber{actor: a, wake: make(chan struct{}, 1), end: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		close(s.end)
		return s, nil
	}
	own := 0
	for other := range h.subs {
		if other.actor.ID == a.ID {
			own++
		}
	}
	if own >= MaxStreams {
		return nil, fault.New(fault.Unavailable, "fault.unavailable")
	}
	h.subs[s] = struct{}{}
	return s, nil
}

func (h *hub) remove(s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.subs, s)
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.subs {
		close(s.end)
		delete(h.subs, s)
	}
}

func (s *subscriber) take() itsm.Live {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.pending
	s.pending = itsm.Live{}
	return n
}

// MaxStreams is how many live streams one person may have; a browser has one for all its pages.
const MaxStreams = 24

const (
	liveBeat    = 25 * time.Second       // proxies cut what is silent for a minute
	liveGather  = 150 * time.Millisecond // news of one moment come as one
	liveRecheck = time.Minute            // a session that has ended ends its silent streams; before news it is always looked at
	liveWrite   = 20 * time.Second       // who takes nothing for so long is gone
	liveMost    = 200                    // tickets that wait for one page
)

// live is GET /live: server-sent events "ticket" {id, number, version}, "bell" {unread} and "refresh" for all of one's open pages.
func (s *Server) live(r *req) error {
	sub, err := s.hub.add(r.Actor)
	if err != nil {
		return err
	}
	defer s.hub.remove(sub)
	r.Header("Content-Type", "text/event-stream")
	r.Header("X-Accel-Buffering", "no")
	out := http.NewResponseController(r.Writer)
	write := func(text string) error {
		if err := out.SetWriteDeadline(time.Now().Add(liveWrite)); err != nil {
			return err
		}
		if _, err := io.WriteString(r.Writer, text); err != nil {
			return err
		}
		return out.Flush()
	}
	send := func(event string, data any) error {
		raw, err := json.Marshal(data)
		if err != nil {
			return err
		}
		return write("event: " + event + "\ndata: " + string(raw) + "\n\n")
	}
	if err := write("retry: 3000\n\n"); err != nil {
		return nil //nolint:nilerr // the browser is gone
	}
	beat, recheck := time.NewTicker(liveBeat), time.NewTicker(liveRecheck)
	defer beat.Stop()
	defer recheck.Stop()
	for {
		err = nil
		select {
		case <-r.Ctx().Done():
			return nil
		case <-sub.end:
			return nil
		case <-beat.C:
			err = write(": \n\n")
		case <-recheck.C:
			if !s.stillIn(r, sub) {
				return nil
			}
		case <-sub.wake:
			if !s.stillIn(r, sub) {
				return nil
			}
			err = s.tellPage(r, sub, send)
		}
		if err != nil {
			if r.Ctx().Err() == nil {
				slog.InfoContext(r.Ctx(), "live stream ended", "error", err)
			}
			return nil
		}
	}
}

// stillIn tells whether the session of the stream goes on, and brings what its person may do up to date.
func (s *Server) stillIn(r *req, sub *subscriber) bool {
	return s.signedIn(r) == nil && r.Actor.ID == sub.actor.ID
}

func (s *Server) tellPage(r *req, sub *subscriber, send func(string, any) error) error {
	select { // gather what comes together
	case <-time.After(liveGather):
	case <-r.Ctx().Done():
		return nil
	}
	news := sub.take()
	if news.AllTickets {
		if err := send("refresh", struct{}{}); err != nil {
			return err
		}
	}
	// The bell first: a page that shows the ticket renews itself at once, and has then seen what the bell was about.
	if len(news.People) > 0 {
		n, err := s.desk.Unread(r.Ctx(), r.Actor)
		if err != nil {
			return err
		}
		if err := send("bell", bell{n}); err != nil {
			return err
		}
	}
	if len(news.Tickets) == 0 {
		return nil
	}
	seen, err := s.desk.VisibleOf(r.Ctx(), r.Actor, news.Tickets)
	if err != nil {
		return err
	}
	for _, t := range seen {
		if err := send("ticket", t); err != nil {
			return err
		}
	}
	return nil
}

type bell struct {
	Unread int `json:"unread"`
}
