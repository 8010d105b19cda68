package files_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opora/internal/fault"
	"opora/internal/files"
)

func TestStore(t *testing.T) {
	dir := t.TempDir()
	s, err := files.Open(dir, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	png := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), make([]byte, 100)...)
	m, err := s.Save(t.Context(), bytes.NewReader(png))
	if err != nil {
		t.Fatal(err)
	}
	if m.MIME != "image/png" || m.Size != int64(len(png)) || len(m.Token) != 32 {
		t.Fatalf("meta: %+v", m)
	}
	f, err := s.Read(m.Token)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(f)
	f.Close()
	if !bytes.Equal(got, png) {
		t.Fatal("read differs from what was saved")
	}
	if err := os.WriteFile(filepath.Join(dir, "..", filepath.Base(dir)+".secret"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"", "../" + filepath.Base(dir) + ".secret", strings.Repeat("0", 32), m.Token + "/", strings.ToUpper(m.Token[:31]) + "/"} {
		if _, err := s.Read(token); !fault.Is(err, fault.NotFound) {
			t.Errorf("Read(%q): %v, want not found", token, err)
		}
	}
	for _, bad := range []io.Reader{strings.NewReader(""), io.LimitReader(zeros{}, 1<<20+1)} {
		if _, err := s.Save(t.Context(), bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("Save of a bad file: %v, want invalid", err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("after refused files there are %v in the store, want one file", left)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
