package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"opora/internal/db"
)

const (
	sqlFingerprintGet = `SELECT value #>> '{}' FROM settings WHERE key = 'secret_fingerprint'`
	sqlFingerprintAdd = `INSERT INTO settings (key, value) VALUES ('secret_fingerprint', to_jsonb(CAST($1 AS text))) ON CONFLICT (key) DO NOTHING`
	sqlTables         = `SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'`
)

// errOtherKey says that the database was sealed with another secret key.
var errOtherKey = errors.New("this is not the secret key of this database")

// storedFingerprint is the fingerprint of the key that the database is sealed with; "" when none is written yet.
func storedFingerprint(ctx context.Context, q db.Q) (string, error) {
	var stored string
	err := q.GetContext(ctx, &stored, sqlFingerprintGet)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("reading the key's fingerprint: %w", err)
	}
	return stored, nil
}

// firstSecret makes the key of a new database. A database that was sealed before needs the key of then.
func firstSecret(ctx context.Context, q db.Q, c Place) ([]byte, error) {
	stored, err := storedFingerprint(ctx, q)
	if err != nil {
		return nil, err
	}
	if stored != "" {
		return nil, fmt.Errorf("the secret key of this database (fingerprint %s) is missing: put it into OPORA_SECRET_KEY or OPORA_DATA/%s", stored, secretFile)
	}
	return makeSecret(c)
}

// checkFingerprint compares the key with the one that the database knows, and writes it down in a new database.
func checkFingerprint(ctx context.Context, q db.Q, secret []byte) error {
	print := fingerprint(secret)
	if _, err := q.ExecContext(ctx, sqlFingerprintAdd, print); err != nil {
		return fmt.Errorf("writing the key's fingerprint: %w", err)
	}
	stored, err := storedFingerprint(ctx, q)
	if err != nil {
		return err
	}
	if stored != print {
		return fmt.Errorf("%w (its fingerprint is %s, ours %s): put the right one into OPORA_SECRET_KEY or OPORA_DATA/%s; "+
			"a replica has the key of the first server", errOtherKey, stored, print, secretFile)
	}
	return nil
}

// tables counts the tables of the database, whosever they are.
func tables(ctx context.Context, q db.Q) (n int, err error) {
	if err := q.GetContext(ctx, &n, sqlTables); err != nil {
		return 0, fmt.Errorf("looking whether the database is empty: %w", err)
	}
	return n, nil
}
