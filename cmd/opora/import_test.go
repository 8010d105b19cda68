package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"testing"
)

// A log is unpacked by what it is, not by its name; one that breaks off says so.
func TestPlain(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte("number,state\n1,New\n")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, in, want string
		err            error
	}{
		{"packed", packed.String(), "number,state\n1,New\n", nil},
		{"plain", "number,state\n", "number,state\n", nil},
		{"empty", "", "", nil},
		{"one byte", "n", "n", nil},
		{"cut off", packed.String()[:packed.Len()-9], "number,state\n1,New\n", io.ErrUnexpectedEOF},
		{"no gzip after all", "\x1f\x8bnumber,state\n", "", gzip.ErrHeader},
	} {
		r, err := plain(bytes.NewReader([]byte(c.in)))
		var got []byte
		if err == nil {
			got, err = io.ReadAll(r)
		}
		if !errors.Is(err, c.err) || err == nil && string(got) != c.want {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}
