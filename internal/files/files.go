// Package files keeps what people attach, under random names in one folder, out of reach of any path that somebody types. Who may
// read a file is decided by the package that owns the row (itsm); this one knows only names of its own making.
package files

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gabriel-vasile/mimetype"

	"opora/internal/fault"
)

// Store is a folder of files.
type Store struct {
	root *os.Root
	max  int64
}

// Open opens the store in dir, which is made when it is not there; max is the largest file in bytes.
func Open(dir string, max int64) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	return &Store{root, max}, nil
}

// Close lets go of the folder.
func (s *Store) Close() error { return s.root.Close() }

// Max is the size of the largest file in bytes.
func (s *Store) Max() int64 { return s.max }

// Meta is what the store found out about a file.
type Meta struct {
	Token  string // random, 128 bits, hexadecimal
	Size   int64
	MIME   string // by content, never by name
	SHA256 []byte
}

// Save stores what r gives, whole or not at all. More than Max bytes is an Invalid fault on the field "files".
func (s *Store) Save(ctx context.Context, r io.Reader) (Meta, error) {
	raw := make([]byte, 16)
	rand.Read(raw)
	m := Meta{Token: hex.EncodeToString(raw)}
	name := path(m.Token)
	if err := s.root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return Meta{}, unavailable(err)
	}
	f, err := s.root.OpenFile(name+".part", os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return Meta{}, unavailable(err)
	}
	defer s.root.Remove(name + ".part") //nolint:errcheck // gone after the rename
	defer f.Close()                     //nolint:errcheck // closed below, with its error
	sum := sha256.New()
	m.Size, err = io.Copy(io.MultiWriter(f, sum), io.LimitReader(contextReader{ctx, r}, s.max+1))
	switch {
	case err != nil:
		return Meta{}, unavailable(err)
	case m.Size > s.max:
		var ff fault.Fields
		ff.Add("files", "files.too_large", "Max", s.max>>20)
		return Meta{}, ff.Err()
	case m.Size == 0:
		var ff fault.Fields
		ff.Add("files", "files.empty")
		return Meta{}, ff.Err()
	}
	m.SHA256 = sum.Sum(nil)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return Meta{}, unavailable(err)
	}
	kind, err := mimetype.DetectReader(f)
	if err != nil {
		return Meta{}, unavailable(err)
	}
	m.MIME = kind.String()
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return Meta{}, unavailable(err)
	}
	if err := s.root.Rename(name+".part", name); err != nil {
		return Meta{}, unavailable(err)
	}
	return m, nil
}

// Read opens a stored file.
func (s *Store) Read(token string) (*os.File, error) {
	if !valid(token) {
		return nil, fault.New(fault.NotFound, "files.gone")
	}
	f, err := s.root.Open(path(token))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.NotFound, "files.gone")
	}
	return f, err
}

// Remove deletes a stored file; one that is not there is no error.
func (s *Store) Remove(token string) error {
	if !valid(token) {
		return nil
	}
	if err := s.root.Remove(path(token)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("files: %w", err)
	}
	return nil
}

func path(token string) string { return filepath.Join(token[:2], token) }

func valid(token string) bool {
	b, err := hex.DecodeString(token)
	return err == nil && len(b) == 16
}

func unavailable(err error) error { return fault.Wrap(err, fault.Unavailable, "files.unavailable") }

type contextReader struct {
	ctx context.Context //nolint:containedctx // io.Reader has no other way
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
