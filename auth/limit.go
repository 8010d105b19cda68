package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"

	"opora/internal/fault"

	"github.com/jmoiron/sqlx"
)

// LimitError is the cause in the fault of somebody who tried too often: Wait is for the header Retry-After.
type LimitError struct{ Wait time.Duration }

func (e *LimitError) Error() string { return "too many attempts: wait " + e.Wait.String() }

func limited(wait time.Duration) error {
	minutes := int((wait + time.Minute - 1) / time.Minute)
	return fault.Wrap(&LimitError{wait}, fault.Unauthenticated, "auth.limited", "Minutes", max(1, minutes))
}

// limit is a count of refused attempts and how many there may be.
type limit struct {
	key string
	max int
}

func (s *Service) loginLimit(canonical string) limit {
	return limit{failureKey("login", canonical), s.config.Limits.PerLogin}
}

// personLimit holds for all the names of one person together. It is twice as wide, since it is not said: saying it would tell
// that two names are one person.
func (s *Service) personLimit(directory, external string) limit {
	return limit{failureKey("person", directory, external), 2 * s.config.Limits.PerLogin}
}

// addressLimit counts an IPv6 network of one customer (/64) as one address.
func (s *Service) addressLimit(address string) limit {
	if ip, err := netip.ParseAddr(address); err == nil {
		ip = ip.Unmap().WithZone("")
		address = ip.String()
		if p, err := ip.Prefix(64); err == nil && ip.Is6() {
			address = p.String()
		}
	}
	return limit{failureKey("address", address), s.config.Limits.PerAddress}
}

func failureKey(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// attempt is one that has begun: it counts as refused until it is forgiven, so that a hundred at once are not all let through.
type attempt struct{ ids []int64 }

// begin counts an attempt under each limit, unless one of them is reached: then it says how long to wait.
func (s *Service) begin(ctx context.Context, now time.Time, limits ...limit) (attempt, time.Duration, error) {
	var (
		a    attempt
		wait time.Duration
	)
	// One order of the locks, so that two attempts never wait for each other.
	limits = slices.SortedFunc(slices.Values(limits), func(x, y limit) int { return strings.Compare(x.key, y.key) })
	err := s.db.InTx(ctx, func(tx *sqlx.Tx) error {
		a, wait = attempt{}, 0
		for _, l := range limits {
			if err := lockFailures(ctx, tx, l.key); err != nil {
				return err
			}
			until, reached, err := reachedUntil(ctx, tx, l, now.Add(-s.config.Limits.Window))
			if err != nil {
				return err
			}
			if reached {
				wait = max(wait, until.Add(s.config.Limits.Window).Sub(now), time.Second)
			}
		}
		if wait > 0 {
			return nil
		}
		for _, l := range limits {
			id, err := addFailure(ctx, tx, l.key, now)
			if err != nil {
				return err
			}
			a.ids = append(a.ids, id)
		}
		return nil
	})
	return a, wait, err
}

// forgive takes an attempt back that was no guess.
func (s *Service) forgive(ctx context.Context, a attempt) error {
	return removeFailures(ctx, s.db, a.ids)
}
