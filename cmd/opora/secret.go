package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// secretFile is the key's name in OPORA_DATA.
const secretFile = "secret.key"

// readSecret is OPORA_SECRET_KEY, or else the content of secret.key; nil when there is neither.
func readSecret(c Place) ([]byte, error) {
	if c.SecretKey != "" {
		return []byte(c.SecretKey), nil
	}
	path := filepath.Join(c.Data, secretFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the secret key: %w", err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the secret key: %w", err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others may read %s (mode %04o): chmod 600 it", path, st.Mode().Perm())
	}
	secret := strings.TrimSpace(string(text))
	if len(secret) < 32 {
		return nil, fmt.Errorf("%s holds %d characters: a key has at least 32", path, len(secret))
	}
	return []byte(secret), nil
}

// makeSecret writes a new key into secret.key. Of two processes that do so at once, one wins and both use its key.
func makeSecret(c Place) ([]byte, error) {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	if err := storeSecret(c, []byte(hex.EncodeToString(key[:]))); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return readSecret(c)
}

// storeSecret writes a key into secret.key, which must not be there.
func storeSecret(c Place, key []byte) error {
	path := filepath.Join(c.Data, secretFile)
	draft, err := os.CreateTemp(c.Data, secretFile+"-") // mode 0600
	if err != nil {
		return fmt.Errorf("writing the secret key: %w", err)
	}
	_, err = draft.Write(append(key, '\n'))
	if err = errors.Join(err, draft.Sync(), draft.Close()); err == nil {
		err = os.Link(draft.Name(), path) // fails where there is one, and never shows a half-written key
	}
	if err = errors.Join(err, os.Remove(draft.Name())); err != nil {
		return fmt.Errorf("writing the secret key: %w", err)
	}
	return nil
}

// fingerprint tells one key from another and nothing about it.
func fingerprint(secret []byte) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("opora secret fingerprint"))
	return hex.EncodeToString(h.Sum(nil)[:16])
}
