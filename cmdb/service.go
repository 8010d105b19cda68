package cmdb

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"

	"opora/auth"
	"opora/internal/audit"
	"opora/internal/db"
	"opora/internal/fault"
)

// Service has the use cases on items; pages, the API and commands call the same ones.
type Service struct {
	db  *db.DB
	log *audit.Log
}

// New makes the service on a migrated database.
func New(pool *db.DB, log *audit.Log) *Service { return &Service{pool, log} }

// Filter says which items are wanted.
type Filter struct {
	Text    string // words of name or tag, in any order and in any language; a typing error is forgiven
	Class   Class  // "" for all
	OwnerID int64  // 0 for anybody's
	Retired bool   // those that are no longer active too
	Limit   int    // at most this many, 1 to MaxList; 0 is 20
}

// MaxList is the most items that one list has.
const MaxList = 200

// List returns the items that the actor may see, the best match first; more tells that there are others beyond the limit.
// Everybody sees the services and what he owns, staff and who manages items see all.
func (s *Service) List(ctx context.Context, actor auth.Actor, filter Filter) (items []Item, more bool, err error) {
	if err := need(actor, auth.UsePortal); err != nil {
		return nil, false, err
	}
	if !storable(filter.Text) || utf8.RuneCountInString(filter.Text) > MaxName {
		return nil, false, nil // no item is called that
	}
	if filter.Limit <= 0 {
		filter.Limit = 20
	}
	filter.Limit = min(filter.Limit, MaxList)
	items, err = list(ctx, s.db, actor, filter)
	if len(items) > filter.Limit {
		return items[:filter.Limit], true, err
	}
	return items, false, err
}

// Search is List for a picker: the active items of a class (or of all, "") that the text finds.
func (s *Service) Search(ctx context.Context, actor auth.Actor, text string, class Class, limit int) ([]Item, error) {
	items, _, err := s.List(ctx, actor, Filter{Text: text, Class: class, Limit: limit})
	return items, err
}

// Services returns the active services by name in the actor's language.
func (s *Service) Services(ctx context.Context, actor auth.Actor) ([]Item, error) {
	if err := need(actor, auth.UsePortal); err != nil {
		return nil, err
	}
	return services(ctx, s.db, actor.Language)
}

// Get returns one item. One that the actor may not see does not exist.
func (s *Service) Get(ctx context.Context, actor auth.Actor, id int64) (Item, error) {
	if err := need(actor, auth.UsePortal); err != nil {
		return Item{}, err
	}
	return get(ctx, s.db, actor, id)
}

// Save stores a new item (ID 0) or changes the one whose version the actor has seen, and writes the change to the audit log.
// Every fault of the input is said at once.
func (s *Service) Save(ctx context.Context, actor auth.Actor, item Item) (Item, error) {
	if err := need(actor, auth.ManageItems); err != nil {
		return Item{}, err
	}
	item.clean()
	now := time.Now().UTC().Truncate(time.Microsecond)
	var out Item
	err := s.db.InTx(ctx, func(tx *sqlx.Tx) error {
		action, record := "item.created", map[string]string(nil)
		var before Item
		if item.ID != 0 {
			var err error
			if before, err = lock(ctx, tx, item.ID); err != nil {
				return err
			}
			if before.Version != item.Version {
				return fault.New(fault.Conflict, "cmdb.stale")
			}
			action, record = "item.changed", before.record()
		}
		var f fault.Fields
		item.check(&f)
		// Tickets name services apart from other items, and keep what they name.
		if item.ID != 0 && (before.Class == ClassService) != (item.Class == ClassService) {
			f.Add("class", "cmdb.class_fixed")
		}
		if storable(item.Tag) {
			if err := checkReferences(ctx, tx, &f, before, item); err != nil {
				return err
			}
		}
		if err := f.Err(); err != nil {
			return err
		}
		saved, err := put(ctx, tx, item)
		if err != nil {
			return err
		}
		if out, err = get(ctx, tx, actor, saved); err != nil {
			return err
		}
		details := audit.Diff(record, out.record())
		if len(details) == 0 {
			return nil
		}
		return s.log.Add(ctx, tx, audit.Settings, audit.Entry{
			At: now, ActorID: actor.ID, Action: action, Subject: "item:" + strconv.FormatInt(out.ID, 10),
			Channel: string(actor.Channel), RequestID: actor.RequestID, Details: details,
		})
	})
	if err != nil {
		return Item{}, err
	}
	return out, nil
}

// need refuses who lacks the permission. Opora itself (the demo's company, an import) is not asked.
func need(actor auth.Actor, p auth.Permission) error {
	if actor.System {
		return nil
	}
	return actor.Need(p)
}

// seesAll tells whether the actor sees more than services and his own items.
func seesAll(actor auth.Actor) bool {
	return actor.System || actor.Can(auth.WorkTickets) || actor.Can(auth.ManageItems) || actor.Can(auth.ReadAllTickets)
}

// words are what a search is for: in lower case, and no more of them than a person would type.
func words(text string) []string {
	list := strings.Fields(strings.ToLower(text))
	return list[:min(len(list), 8)]
}
