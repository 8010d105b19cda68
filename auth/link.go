package auth

import (
	"context"
	"errors"
	"strings"
	"time"

	"opora/internal/audit"
	"opora/internal/fault"

	"github.com/jmoiron/sqlx"
)

// LinkPath is where a link of AdminLink leads, with the token as the parameter "token". Its page shows a button and does not use
// the link by itself: mail programs and previews open links too.
const LinkPath = "/sign-in/link"

// AdminLink makes a link that opens, once and within 15 minutes, a session of an hour as the local administrator: the way in
// when the directory does not answer or is not set up yet. Whoever may run commands on the server may have it.
func (s *Service) AdminLink(ctx context.Context, baseURL string) (string, error) {
	now, token := s.now(), newToken()
	hash, _ := digest(token)
	by := Actor{System: true, Channel: Command}
	err := s.db.InTx(ctx, func(tx *sqlx.Tx) error {
		person, err := localAdministrator(ctx, tx)
		if err != nil {
			return err
		}
		if err := s.replaceRoles(ctx, tx, by, person, fromHand, []Role{Administrator}, now); err != nil {
			return err
		}
		if err := addLink(ctx, tx, hash, person, now.Add(linkLife)); err != nil {
			return err
		}
		return s.log.Add(ctx, tx, audit.Access, entry(by, now, "link.made", personSubject(person)))
	})
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(baseURL, "/") + LinkPath + "?token=" + token, nil
}

// UseLink opens the session that a link is for. Used, out of date and never made are refused alike.
func (s *Service) UseLink(ctx context.Context, token string, from Visit) (session string, actor Actor, err error) {
	began := time.Now()
	session, err = s.useLink(ctx, token, from, s.now())
	return s.opened(ctx, session, err, began)
}

func (s *Service) useLink(ctx context.Context, token string, from Visit, now time.Time) (string, error) {
	try, wait, err := s.begin(ctx, now, s.addressLimit(from.Address))
	if err != nil {
		return "", err
	}
	if wait > 0 {
		return "", errors.Join(limited(wait), s.log.Write(ctx, audit.Access, from.entry(now, "signin.limited")))
	}
	var session string
	hash, ok := digest(token)
	if ok {
		err = s.db.InTx(ctx, func(tx *sqlx.Tx) error {
			person, err := takeLink(ctx, tx, hash, now)
			if err != nil || person == 0 {
				return err
			}
			if session, err = s.openSession(ctx, tx, person, viaLink, linkSessionLife, from, now); err != nil {
				return err
			}
			if err := removeFailures(ctx, tx, try.ids); err != nil {
				return err
			}
			e := from.entry(now, "link.used")
			e.ActorID = person
			return s.log.Add(ctx, tx, audit.Access, e)
		})
	}
	if err != nil {
		return "", err
	}
	if session == "" {
		ctx = context.WithoutCancel(ctx)
		return "", errors.Join(fault.New(fault.Unauthenticated, "auth.link_refused"), s.log.Write(ctx, audit.Access, from.entry(now, "link.refused")))
	}
	return session, nil
}
