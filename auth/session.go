package auth

import (
	"context"
	"time"
	"unicode/utf8"

	"opora/internal/audit"
	"opora/internal/fault"
	"opora/internal/locale"

	"github.com/jmoiron/sqlx"
)

// Visit is where somebody comes from.
type Visit struct {
	Address   string // of the client, after trusted proxies
	Agent     string // User-Agent
	Language  string // Accept-Language
	RequestID string
	Previous  string // token that the browser still holds: its session ends with the sign-in
}

// Session is a sign-in as a person sees it in the list of their own.
type Session struct {
	ID        string    `db:"id"`
	Via       string    `db:"via"` // directory or link
	CreatedAt time.Time `db:"created_at"`
	SeenAt    time.Time `db:"seen_at"` // to the minute
	ExpiresAt time.Time `db:"expires_at"`
	Address   string    `db:"address"`
	Agent     string    `db:"agent"`
	Current   bool      `db:"-"`
}

// The ways to a session.
const (
	viaDirectory = "directory"
	viaLink      = "link"
)

const maxAgent = 400 // characters of a User-Agent that are kept

// Resolve is the actor whose session the token opens, and notes that they were here. An Unauthenticated fault when it opens
// none, whatever the reason: unknown, ended, revoked, or the person is no longer active. The channel is the caller's to set.
func (s *Service) Resolve(ctx context.Context, token string) (Actor, error) {
	return s.resolve(ctx, token, true)
}

// Peek is Resolve for what happens without the person, as a live stream that asks whether it may go on: it does not keep the
// session alive.
func (s *Service) Peek(ctx context.Context, token string) (Actor, error) {
	return s.resolve(ctx, token, false)
}

func (s *Service) resolve(ctx context.Context, token string, touch bool) (Actor, error) {
	hash, ok := digest(token)
	if !ok {
		return Actor{}, fault.New(fault.Unauthenticated, "auth.no_session")
	}
	now := s.now()
	row, ok, err := findSession(ctx, s.db, hash, now, now.Add(-s.config.Idle))
	if err != nil {
		return Actor{}, err
	}
	if !ok {
		return Actor{}, fault.New(fault.Unauthenticated, "auth.no_session")
	}
	if touch && now.Sub(row.SeenAt) >= touchEvery {
		if err := touchSession(ctx, s.db, hash, now); err != nil {
			return Actor{}, err
		}
	}
	return s.actor(row), nil
}

func (s *Service) actor(row actorRow) Actor {
	a := Actor{
		ID: row.ID, Login: row.Login, Name: row.Name, Teams: row.Teams, Session: row.Session,
		Language: first(row.Language, row.DirectoryLanguage, row.BrowserLanguage, s.config.Language),
		Zone:     s.zone(row.Timezone, row.SiteTimezone), Theme: row.Theme,
	}
	for _, r := range row.Roles {
		a.Roles = append(a.Roles, Role(r))
	}
	return a
}

// zone is the first of the names that is a zone, else the configured one.
func (s *Service) zone(names ...string) *time.Location {
	for _, name := range names {
		if name == "" {
			continue
		}
		if z, err := time.LoadLocation(name); err == nil {
			return z
		}
	}
	return s.config.Zone
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// openSession makes a session within tx, under a token that nobody had before, and ends the one the browser came with.
func (s *Service) openSession(ctx context.Context, tx *sqlx.Tx, person int64, via string, life time.Duration, from Visit, now time.Time) (string, error) {
	if old, ok := digest(from.Previous); ok {
		if _, err := endSession(ctx, tx, old); err != nil {
			return "", err
		}
	}
	token := newToken()
	hash, _ := digest(token)
	return token, addSession(ctx, tx, sessionRow{
		TokenHash: hash, ID: publicID(), PersonID: person, Via: via, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(life),
		Address: clip(from.Address, 100), Agent: clip(from.Agent, maxAgent), Language: locale.Match(from.Language),
	})
}

// SignOut ends the session of the token; one that has ended already is no error.
func (s *Service) SignOut(ctx context.Context, token string, from Visit) error {
	hash, ok := digest(token)
	if !ok {
		return nil
	}
	now := s.now()
	return s.db.InTx(ctx, func(tx *sqlx.Tx) error {
		person, err := endSession(ctx, tx, hash)
		if err != nil || person == 0 {
			return err
		}
		e := from.entry(now, "signout")
		e.ActorID = person
		return s.log.Add(ctx, tx, audit.Access, e)
	})
}

// Sessions lists the sessions of a person, the latest seen first: one's own, or with the right to manage people anybody's.
func (s *Service) Sessions(ctx context.Context, actor Actor, person int64) ([]Session, error) {
	if err := actor.mayManage(person); err != nil {
		return nil, err
	}
	now := s.now()
	list, err := listSessions(ctx, s.db, person, now, now.Add(-s.config.Idle))
	for i := range list {
		list[i].Current = list[i].ID == actor.Session
	}
	return list, err
}

// mayManage allows what concerns oneself, and managers of people the rest.
func (a Actor) mayManage(person int64) error {
	if a.ID != 0 && a.ID == person {
		return nil
	}
	if err := a.Need(ManagePeople); fault.Is(err, fault.Forbidden) {
		return fault.New(fault.NotFound, "auth.person_not_found")
	} else if err != nil {
		return err
	}
	return nil
}

// Revoke ends the session with the public id: one's own, or with the right to manage people anybody's. Others do not exist.
func (s *Service) Revoke(ctx context.Context, actor Actor, id string) error {
	if actor.ID == 0 {
		return fault.New(fault.Unauthenticated, "fault.unauthenticated")
	}
	now := s.now()
	return s.db.InTx(ctx, func(tx *sqlx.Tx) error {
		owner := actor.ID
		if actor.Can(ManagePeople) {
			owner = 0
		}
		person, err := revokeSession(ctx, tx, id, owner)
		if err != nil {
			return err
		}
		if person == 0 {
			return fault.New(fault.NotFound, "auth.session_not_found")
		}
		return s.log.Add(ctx, tx, audit.Access, entry(actor, now, "session.revoked", personSubject(person)))
	})
}

// RevokeAll ends every session of the person but the actor's present one, and says how many those were.
func (s *Service) RevokeAll(ctx context.Context, actor Actor, person int64) (int, error) {
	if err := actor.mayManage(person); err != nil {
		return 0, err
	}
	now := s.now()
	n := 0
	err := s.db.InTx(ctx, func(tx *sqlx.Tx) (err error) {
		if n, err = revokeSessions(ctx, tx, person, actor.Session); err != nil || n == 0 {
			return err
		}
		return s.log.Add(ctx, tx, audit.Access, entry(actor, now, "session.revoked", personSubject(person)))
	})
	return n, err
}

// Sweep removes what has no effect any more: sessions that ended, attempts and links that no longer count. It says how many
// rows went.
func (s *Service) Sweep(ctx context.Context, now time.Time) (int, error) {
	return sweep(ctx, s.db, now, now.Add(-s.config.Idle), now.Add(-s.config.Limits.Window))
}

func (v Visit) entry(now time.Time, action string) audit.Entry {
	return audit.Entry{At: now, Action: action, RequestID: v.RequestID, Address: v.Address}
}

// clip makes a text fit to be stored: valid, without NUL, and at most n characters.
func clip(s string, n int) string {
	out := make([]rune, 0, min(len(s), n))
	for _, r := range s {
		if len(out) == n {
			break
		}
		if r != 0 && r != utf8.RuneError {
			out = append(out, r)
		}
	}
	return string(out)
}
