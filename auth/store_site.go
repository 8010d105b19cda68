package auth

import (
	"context"
	"fmt"

	"opora/internal/db"

	"github.com/jmoiron/sqlx"
)

const (
	sqlSiteList   = `SELECT id, code, name, timezone, active, version FROM sites ORDER BY code`
	sqlSiteLock   = `SELECT id, code, name, timezone, active, version FROM sites WHERE id = $1 FOR UPDATE`
	sqlSiteAdd    = `INSERT INTO sites (code, name, timezone, active) VALUES (:code, :name, :timezone, :active) RETURNING id`
	sqlSiteChange = `UPDATE sites SET code = :code, name = :name, timezone = :timezone, active = :active, version = version + 1
WHERE id = :id AND version = :version`
)

func listSites(ctx context.Context, q db.Q) ([]Site, error) {
	var sites []Site
	if err := q.SelectContext(ctx, &sites, sqlSiteList); err != nil {
		return nil, fmt.Errorf("listing sites: %w", err)
	}
	return sites, nil
}

func lockSite(ctx context.Context, tx *sqlx.Tx, id int64) (Site, error) {
	var v Site
	if err := tx.GetContext(ctx, &v, sqlSiteLock, id); err != nil {
		return Site{}, fmt.Errorf("locking a site: %w", db.One(err, "auth.site_not_found"))
	}
	return v, nil
}

func addSite(ctx context.Context, tx *sqlx.Tx, v Site) (int64, error) {
	query, args, err := tx.BindNamed(sqlSiteAdd, v)
	if err != nil {
		return 0, fmt.Errorf("making a site: %w", err)
	}
	var id int64
	err = tx.GetContext(ctx, &id, query, args...)
	return id, codeFault(err, "sites_code_key", "making a site")
}

func changeSite(ctx context.Context, tx *sqlx.Tx, v Site) error {
	res, err := tx.NamedExecContext(ctx, sqlSiteChange, v)
	return codeFault(db.Affected(res, err, errStale()), "sites_code_key", "changing a site")
}
