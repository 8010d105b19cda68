package itsm

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"opora/internal/db"
	"opora/internal/fault"
	"opora/itsm/sla"
)

const (
	sqlPolicyNewest = `SELECT p.id, p.code, p.name, p.is_default, p.active, v.version, v.valid_from, v.definition
FROM sla_policies p CROSS JOIN LATERAL (SELECT version, valid_from, definition FROM sla_policy_versions WHERE policy_id = p.id ORDER BY version DESC LIMIT 1) v`
	sqlPolicyList   = sqlPolicyNewest + ` ORDER BY p.is_default DESC, p.code`
	sqlPolicyByCode = sqlPolicyNewest + ` WHERE p.code = $1`
	// Statements of their own: what is read in them would be as of before the wait.
	sqlPolicyLock     = `SELECT id FROM sla_policies WHERE code = $1 FOR NO KEY UPDATE`
	sqlPoliciesLock   = `SELECT id, code, name, is_default, active FROM sla_policies ORDER BY id FOR NO KEY UPDATE`
	sqlPolicyExists   = `SELECT EXISTS (SELECT FROM sla_policies WHERE code = $1)`
	sqlPolicyVersions = `SELECT v.version, v.valid_from, v.definition, coalesce(v.set_by, 0) AS set_by, coalesce(p.name, '') AS set_by_name
FROM sla_policy_versions v LEFT JOIN people p ON p.id = v.set_by WHERE v.policy_id = $1 ORDER BY v.version DESC`

	sqlInsertPolicy     = `INSERT INTO sla_policies (code, name, is_default, active) VALUES ($1, $2, $3, $4) RETURNING id`
	sqlUpdatePolicy     = `UPDATE sla_policies SET name = $2, active = $3 WHERE id = $1`
	sqlAddPolicyVersion = `INSERT INTO sla_policy_versions (policy_id, version, valid_from, definition, set_by) VALUES ($1, $2, $3, $4, NULLIF($5, 0))`
	sqlDropDefault      = `UPDATE sla_policies SET is_default = false WHERE is_default`
	sqlSetDefault       = `UPDATE sla_policies SET is_default = true WHERE id = $1`
)

type policyRow struct {
	Policy
	Definition db.JSON[sla.Definition] `db:"definition"`
}

func (r *policyRow) policy() Policy {
	r.Policy.Definition = r.Definition.V
	return r.Policy
}

func readPolicies(ctx context.Context, q db.Q) ([]Policy, error) {
	var rows []policyRow
	if err := q.SelectContext(ctx, &rows, sqlPolicyList); err != nil {
		return nil, fmt.Errorf("read policies: %w", err)
	}
	out := make([]Policy, len(rows))
	for i := range rows {
		out[i] = rows[i].policy()
	}
	return out, nil
}

func readPolicy(ctx context.Context, q db.Q, code string) (Policy, error) {
	if !storable(code) {
		return Policy{}, fault.New(fault.NotFound, "reference.no_policy")
	}
	var row policyRow
	if err := q.GetContext(ctx, &row, sqlPolicyByCode, code); err != nil {
		return Policy{}, db.One(fmt.Errorf("read policy: %w", err), "reference.no_policy")
	}
	return row.policy(), nil
}

func lockPolicy(ctx context.Context, tx *sqlx.Tx, code string) (Policy, error) {
	if !storable(code) {
		return Policy{}, fault.New(fault.NotFound, "reference.no_policy")
	}
	var id int64
	if err := tx.GetContext(ctx, &id, sqlPolicyLock, code); err != nil {
		return Policy{}, db.One(fmt.Errorf("lock policy: %w", err), "reference.no_policy")
	}
	return readPolicy(ctx, tx, code)
}

// lockPolicies locks all of them; versions and definitions are not read.
func lockPolicies(ctx context.Context, tx *sqlx.Tx) ([]Policy, error) {
	var rows []Policy
	if err := tx.SelectContext(ctx, &rows, sqlPoliciesLock); err != nil {
		return nil, fmt.Errorf("lock policies: %w", err)
	}
	return rows, nil
}

func policyVersions(ctx context.Context, q db.Q, policy int64) ([]PolicyVersion, error) {
	var rows []struct {
		PolicyVersion
		Definition db.JSON[sla.Definition] `db:"definition"`
	}
	if err := q.SelectContext(ctx, &rows, sqlPolicyVersions, policy); err != nil {
		return nil, fmt.Errorf("read versions of policy: %w", err)
	}
	out := make([]PolicyVersion, len(rows))
	for i, r := range rows {
		out[i] = r.PolicyVersion
		out[i].Definition = r.Definition.V
	}
	return out, nil
}

func policyExists(ctx context.Context, q db.Q, code string) (bool, error) {
	if !storable(code) {
		return false, nil
	}
	var exists bool
	if err := q.GetContext(ctx, &exists, sqlPolicyExists, code); err != nil {
		return false, fmt.Errorf("look up policy: %w", err)
	}
	return exists, nil
}

func insertPolicy(ctx context.Context, tx *sqlx.Tx, p *Policy) error {
	return mapReferenceError(tx.GetContext(ctx, &p.ID, sqlInsertPolicy, p.Code, p.Name, p.Default, p.Active))
}

func updatePolicy(ctx context.Context, tx *sqlx.Tx, p *Policy) error {
	if _, err := tx.ExecContext(ctx, sqlUpdatePolicy, p.ID, p.Name, p.Active); err != nil {
		return fmt.Errorf("save policy: %w", err)
	}
	return nil
}

func addPolicyVersion(ctx context.Context, tx *sqlx.Tx, p *Policy, by int64) error {
	if _, err := tx.ExecContext(ctx, sqlAddPolicyVersion, p.ID, p.Version, p.ValidFrom, db.JSON[sla.Definition]{V: p.Definition}, by); err != nil {
		return fmt.Errorf("add version of policy: %w", err)
	}
	return nil
}

func moveDefault(ctx context.Context, tx *sqlx.Tx, policy int64) error {
	if _, err := tx.ExecContext(ctx, sqlDropDefault); err != nil {
		return fmt.Errorf("default policy: %w", err)
	}
	if _, err := tx.ExecContext(ctx, sqlSetDefault, policy); err != nil {
		return fmt.Errorf("default policy: %w", err)
	}
	return nil
}
