package auth

import (
	"context"
	"errors"
	"strings"
	"time"

	"opora/auth/directory"
	"opora/internal/audit"
	"opora/internal/fault"

	"github.com/jmoiron/sqlx"
)

// SignIn lets the directories judge login and password, brings the person up to date with what the directory says, and opens
// a session: its token is for the cookie. The fault of a refusal says only what is safe to say; unknown and wrong are told apart
// by neither text nor time. After too many refusals the cause is a *LimitError.
func (s *Service) SignIn(ctx context.Context, login, password string, from Visit) (token string, actor Actor, err error) {
	began := time.Now()
	token, err = s.signIn(ctx, login, password, from, s.now())
	return s.opened(ctx, token, err, began)
}

// opened is the end of every way in: the actor behind a new session, or a refusal in its own time.
func (s *Service) opened(ctx context.Context, token string, err error, began time.Time) (string, Actor, error) {
	if err != nil {
		s.hold(ctx, began)
		return "", Actor{}, err
	}
	actor, err := s.Peek(ctx, token)
	if err != nil {
		return "", Actor{}, err
	}
	return token, actor, nil
}

// hold ends at the next whole multiple of the time that refusals take.
func (s *Service) hold(ctx context.Context, began time.Time) {
	step := s.config.Limits.Refusal
	t := time.NewTimer(step - time.Since(began)%step)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (s *Service) signIn(ctx context.Context, login, password string, from Visit, now time.Time) (string, error) {
	limits := []limit{s.addressLimit(from.Address)}
	canonical, unreadable := directory.CanonicalLogin(login)
	if unreadable == nil {
		limits = append(limits, s.loginLimit(canonical))
	}
	try, wait, err := s.begin(ctx, now, limits...)
	if err != nil {
		return "", err
	}
	if wait > 0 {
		return "", errors.Join(limited(wait), s.log.Write(ctx, audit.Access, from.entry(now, "signin.limited")))
	}
	d, p, refusal := s.ask(ctx, login, password)
	ctx = context.WithoutCancel(ctx) // who hangs up now is counted and logged all the same
	external := p.ID
	if refusal != nil {
		external = refusal.PersonID
	}
	if external != "" {
		_, reached, err := reachedUntil(ctx, s.db, s.personLimit(d.Name, external), now.Add(-s.config.Limits.Window))
		if err != nil {
			return "", err
		}
		if reached { // even with the right password: the answer must not tell a guesser that it was
			refused := (&directory.SignInError{Reason: directory.WrongPassword, PersonID: external}).Fault()
			return "", errors.Join(refused, s.logRefusal(ctx, d, external, from, now, "limited"))
		}
	}
	if refusal != nil {
		return "", s.refuse(ctx, d, refusal, try, from, now)
	}
	return s.welcome(ctx, d, p, try, from, now, limits)
}

// ask goes through the directories to the first that knows the login. One that does not answer may be the one that does, so
// its refusal outlives an "unknown" of the others.
func (s *Service) ask(ctx context.Context, login, password string) (Directory, directory.Person, *directory.SignInError) {
	var from Directory
	refusal := &directory.SignInError{Reason: directory.Misconfigured, Err: errors.New("no directory is set up")}
	for i, d := range *s.directories.Load() {
		p, err := d.Client.SignIn(ctx, login, password)
		if err == nil {
			return d, p, nil
		}
		var e *directory.SignInError
		if !errors.As(err, &e) {
			e = &directory.SignInError{Reason: directory.NoAnswer, Err: err}
		}
		switch {
		case e.Reason != directory.UnknownPerson && e.Reason != directory.NoAnswer && e.Reason != directory.Misconfigured:
			return d, directory.Person{}, e
		case i == 0 || e.Reason != directory.UnknownPerson:
			from, refusal = d, e
		}
	}
	return from, directory.Person{}, refusal
}

// refuse counts and logs a refusal, and gives what may be said of it.
func (s *Service) refuse(ctx context.Context, d Directory, e *directory.SignInError, try attempt, from Visit, now time.Time) error {
	var err error
	switch {
	case e.Reason.PasswordProven() || e.Reason == directory.NoAnswer || e.Reason == directory.Misconfigured:
		err = s.forgive(ctx, try)
	case e.PersonID != "":
		_, err = addFailure(ctx, s.db, s.personLimit(d.Name, e.PersonID).key, now)
	}
	return errors.Join(e.Fault(), err, s.logRefusal(ctx, d, e.PersonID, from, now, strings.ReplaceAll(string(e.Reason), " ", "_")))
}

// logRefusal names the person where there is one; what was typed is never logged.
func (s *Service) logRefusal(ctx context.Context, d Directory, external string, from Visit, now time.Time, reason string) error {
	e := from.entry(now, "signin."+reason)
	if d.Name != "" {
		e.Details = map[string]string{"directory": d.Name}
	}
	if external != "" {
		id, err := personByExternal(ctx, s.db, d.Name, external)
		if err != nil {
			return err
		}
		if id != 0 {
			e.Subject = personSubject(id)
		} else {
			e.Details["external"] = external
		}
	}
	return s.log.Write(ctx, audit.Access, e)
}

// welcome brings the person up to date and opens the session, all in one transaction.
func (s *Service) welcome(ctx context.Context, d Directory, p directory.Person, try attempt, from Visit, now time.Time, limits []limit) (string, error) {
	var token string
	by := Actor{System: true, Channel: Machine, RequestID: from.RequestID}
	err := s.bring(ctx, by, d, p, now, func(tx *sqlx.Tx, person int64) (err error) {
		if token, err = s.openSession(ctx, tx, person, viaDirectory, s.config.Max, from, now); err != nil {
			return err
		}
		if err = removeFailures(ctx, tx, try.ids); err != nil {
			return err
		}
		forget := []string{s.personLimit(d.Name, p.ID).key}
		for _, l := range limits {
			if l.key != s.addressLimit(from.Address).key { // else one's own account would free an address for guessing
				forget = append(forget, l.key)
			}
		}
		if err = forgetFailures(ctx, tx, forget...); err != nil {
			return err
		}
		if err = seen(ctx, tx, person, now); err != nil {
			return err
		}
		e := from.entry(now, "signin.ok")
		e.ActorID = person
		e.Details = map[string]string{"directory": d.Name}
		return s.log.Add(ctx, tx, audit.Access, e)
	})
	if errors.Is(err, errInactive) {
		refused := (&directory.SignInError{Reason: directory.Disabled, PersonID: p.ID, Err: err}).Fault()
		return "", errors.Join(refused, s.forgive(ctx, try), s.logRefusal(ctx, d, p.ID, from, now, "inactive"))
	}
	if err != nil {
		return "", err
	}
	return token, nil
}

// errInactive: an administrator has switched the person off in Opora, whatever the directory says.
var errInactive = fault.New(fault.Conflict, "auth.person_inactive")
