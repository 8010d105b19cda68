package web

import (
	"sync"
	"time"

	"opora/auth"
	"opora/cmdb"
	"opora/itsm"
)

// keepLists is how long the desk's pages may offer what an administrator has just changed.
const keepLists = 3 * time.Second

// lists are what the desk's pages offer to choose from: the same for everybody who works there, asked for on every page and changed a
// few times a year, so they are read once in a few seconds. What somebody chooses is checked by the use case in any case.
type lists struct {
	teams      kept[[]auth.Team]
	categories kept[[]itsm.Category]
	priorities kept[[]itsm.Priority]

	mu       sync.Mutex
	services map[string]*kept[[]cmdb.Item] // by language: they come sorted
}

// servicesIn are the services in the order of a language.
func (l *lists) servicesIn(lang string) *kept[[]cmdb.Item] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.services == nil {
		l.services = map[string]*kept[[]cmdb.Item]{}
	}
	if l.services[lang] == nil {
		l.services[lang] = new(kept[[]cmdb.Item])
	}
	return l.services[lang]
}

// kept is a value that is read again when it is old. Of those who ask at that moment one reads and the others wait.
type kept[T any] struct {
	mu    sync.Mutex
	until time.Time
	value T
}

func (k *kept[T]) get(now time.Time, read func() (T, error)) (T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Before(k.until) {
		return k.value, nil
	}
	v, err := read()
	if err == nil {
		k.value, k.until = v, now.Add(keepLists)
	}
	return v, err
}
