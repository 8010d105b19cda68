package auth

import (
	"context"
	"strconv"
	"strings"

	"opora/internal/audit"
	"opora/internal/fault"
	"opora/internal/locale"

	"github.com/jmoiron/sqlx"
)

// Site is a place where people work. A person gets the site whose code or name, in any language, is their location in the
// directory.
type Site struct {
	ID       int64       `db:"id"`
	Code     string      `db:"code"`
	Name     locale.Text `db:"name"`
	Timezone string      `db:"timezone"` // of the IANA list
	Active   bool        `db:"active"`
	Version  int         `db:"version"`
}

// Sites lists all sites by code.
func (s *Service) Sites(ctx context.Context) ([]Site, error) { return listSites(ctx, s.db) }

// SaveSite makes a site (ID 0) or changes the one that still has the version. People get a new site's zone with their next
// sign-in.
func (s *Service) SaveSite(ctx context.Context, actor Actor, v Site) (Site, error) {
	if err := actor.must(ManageSettings); err != nil {
		return Site{}, err
	}
	var f fault.Fields
	v.Code, v.Timezone, v.Name = strings.TrimSpace(v.Code), strings.TrimSpace(v.Timezone), checkName(&f, v.Name)
	if !code.MatchString(v.Code) {
		f.Add("code", "auth.bad_code")
	}
	if !isZone(v.Timezone) {
		f.Add("timezone", "auth.unknown_zone")
	}
	if err := f.Err(); err != nil {
		return Site{}, err
	}
	now := s.now()
	err := s.db.InTx(ctx, func(tx *sqlx.Tx) (err error) {
		var before Site
		if v.ID == 0 {
			v.Active, v.Version = true, 1
			if v.ID, err = addSite(ctx, tx, v); err != nil {
				return err
			}
		} else {
			if before, err = lockSite(ctx, tx, v.ID); err != nil {
				return err
			}
			if before.Version != v.Version {
				return errStale()
			}
			if err = changeSite(ctx, tx, v); err != nil {
				return err
			}
			v.Version++
		}
		e := entry(actor, now, "site.changed", "site:"+strconv.FormatInt(v.ID, 10))
		e.Details = changes(before.fields(), v.fields())
		return s.log.Add(ctx, tx, audit.Settings, e)
	})
	if err != nil {
		return Site{}, err
	}
	return v, nil
}

func (v Site) fields() [][2]string {
	return [][2]string{
		{"code", v.Code},
		{"name.en", v.Name.En},
		{"name.ru", v.Name.Ru},
		{"name.uk", v.Name.Uk},
		{"timezone", v.Timezone},
		{"active", strconv.FormatBool(v.Active)},
	}
}

// EnsureSites makes the sites whose codes do not exist yet; the others stay as they are.
func (s *Service) EnsureSites(ctx context.Context, actor Actor, seeds []Site) error {
	sites, err := s.Sites(ctx)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, v := range sites {
		known[v.Code] = true
	}
	for _, seed := range seeds {
		if known[seed.Code] {
			continue
		}
		if _, err := s.SaveSite(ctx, actor, Site{Code: seed.Code, Name: seed.Name, Timezone: seed.Timezone}); err != nil {
			return err
		}
	}
	return nil
}
