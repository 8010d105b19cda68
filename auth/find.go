package auth

import (
	"context"
	"strconv"
	"strings"
	"time"

	"opora/auth/directory"
	"opora/internal/fault"

	"github.com/jmoiron/sqlx"
)

// PersonHit is somebody who may be meant by what was typed.
type PersonHit struct {
	Ref        string // for Adopt: the id of a person of Opora's, or directory:external-id of one who is only there
	ID         int64  // 0 for one who is only in a directory
	Name       string
	Login      string
	Mail       string
	Title      string
	Department string
}

const (
	maxHits       = 50
	directoryWait = 2 * time.Second // a picker does not wait longer for a directory
)

// Find finds people by the beginnings and parts of name, login and mail, forgiving a slip of the pen: those Opora knows first, and
// behind them those that the directories know. Everybody may look; nobody who is switched off, local or history is found. A
// directory that does not answer adds nobody.
func (s *Service) Find(ctx context.Context, actor Actor, text string, limit int) ([]PersonHit, error) {
	if err := actor.must(SearchPeople); err != nil {
		return nil, err
	}
	limit = min(max(limit, 1), maxHits)
	typed := words(text)
	if len(typed) == 0 {
		return nil, nil
	}
	hits, err := findPeople(ctx, s.db, strings.TrimSpace(clip(text, 200)), typed, limit)
	if err != nil {
		return nil, err
	}
	for _, d := range *s.directories.Load() {
		if len(hits) >= limit {
			break
		}
		more, err := s.findBehind(ctx, d, clip(text, 200), limit)
		if err != nil {
			return nil, err
		}
		hits = append(hits, more[:min(len(more), limit-len(hits))]...)
	}
	if len(hits) == 0 {
		return findSimilar(ctx, s.db, clip(text, 200), limit)
	}
	return hits, nil
}

// findBehind finds those of the directory who have no row here, active or not.
func (s *Service) findBehind(ctx context.Context, d Directory, text string, limit int) ([]PersonHit, error) {
	wait, cancel := context.WithTimeout(ctx, directoryWait)
	defer cancel()
	people, err := d.Client.Search(wait, text, limit)
	if err != nil {
		return nil, ctx.Err()
	}
	ids := make([]string, len(people))
	for i, p := range people {
		ids[i] = p.ID
	}
	known, err := knownExternals(ctx, s.db, d.Name, ids)
	if err != nil {
		return nil, err
	}
	var hits []PersonHit
	for _, p := range people {
		if !known[p.ID] {
			hits = append(hits, PersonHit{
				Ref: d.Name + ":" + p.ID, Name: p.Name, Login: p.Login, Mail: p.Mail, Title: p.Title, Department: p.Department,
			})
		}
	}
	return hits, nil
}

// Adopt is the id of the person that a picker's Ref names, and makes the row of somebody who was only in a directory. A
// NotFound fault for what names nobody active.
func (s *Service) Adopt(ctx context.Context, actor Actor, ref string) (int64, error) {
	if err := actor.must(SearchPeople); err != nil {
		return 0, err
	}
	unknown := fault.New(fault.NotFound, "auth.person_not_found")
	if id, err := strconv.ParseInt(ref, 10, 64); err == nil {
		ok, err := isActivePerson(ctx, s.db, id)
		if err != nil {
			return 0, err
		}
		if !ok {
			return 0, unknown
		}
		return id, nil
	}
	name, external, _ := strings.Cut(ref, ":")
	d, ok := s.directory(name)
	if !ok || external == "" || len(external) > maxField || clip(external, maxField) != external {
		return 0, unknown
	}
	p, err := d.Client.ByID(ctx, external)
	if err != nil {
		return 0, err
	}
	if p.Disabled {
		return 0, unknown
	}
	return s.adopt(ctx, actor, d, p)
}

func (s *Service) adopt(ctx context.Context, actor Actor, d Directory, p directory.Person) (int64, error) {
	var id int64
	err := s.bring(ctx, actor, d, p, s.now(), func(_ *sqlx.Tx, person int64) error {
		id = person
		return nil
	})
	return id, err
}

// EnsurePerson is the id of the person with the login, taken out of a directory when Opora does not know them yet: for commands
// that set a desk up.
func (s *Service) EnsurePerson(ctx context.Context, actor Actor, login string) (int64, error) {
	if err := actor.must(ManagePeople); err != nil {
		return 0, err
	}
	id, err := activeByLogin(ctx, s.db, clip(login, maxField))
	if err != nil || id != 0 {
		return id, err
	}
	for _, d := range *s.directories.Load() {
		people, err := d.Client.Search(ctx, login, directory.MaxFound)
		if err != nil {
			return 0, err
		}
		for _, p := range people {
			if !strings.EqualFold(p.Login, login) {
				continue
			}
			if p, err = d.Client.ByID(ctx, p.ID); err != nil {
				return 0, err
			}
			return s.adopt(ctx, actor, d, p)
		}
	}
	return 0, fault.New(fault.NotFound, "auth.person_not_found")
}
