package testkit

import (
	"net"
	"testing"
)

// FreeAddress is an address on loopback that nobody listens on at the moment.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // nothing was said on it
	return l.Addr().String()
}

// FreePort is a port on loopback that nobody listens on at the moment.
func FreePort(t testing.TB) int {
	t.Helper()
	addr, err := net.ResolveTCPAddr("tcp", FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	return addr.Port
}
