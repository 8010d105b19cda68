package testkit

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	//go:embed testdata/slapd.ldif
	slapdConfig string
	//go:embed testdata/people.ldif
	slapdPeople []byte
)

const slapdStart = 10 * time.Second

// LDAPServer is a private slapd on loopback, loaded with testdata/people.ldif.
type LDAPServer struct {
	URL    string // ldap://, StartTLS offered
	TLSURL string // ldaps://
	// AliasURL is the same ldaps:// port on an address that the certificate does not name.
	AliasURL string
	CA       *x509.CertPool
	CAFile   string

	BaseDN               string
	BindDN, BindPassword string // the service account: may read all but passwords, ten entries a search that asks for no pages
	RootDN, RootPassword string // for tests that change entries

	dir, program   string
	listen, answer string // what it listens on; the address that shows that it does
	account        *syscall.Credential
	stop           func()
}

// Slapd starts an OpenLDAP server of the test's own; it ends with the test.
func Slapd(t testing.TB) *LDAPServer {
	t.Helper()
	program := slapdProgram(t, "slapd")
	port, tlsPort := FreePort(t), FreePort(t)
	s := &LDAPServer{
		URL:      fmt.Sprintf("ldap://127.0.0.1:%d", port),
		TLSURL:   fmt.Sprintf("ldaps://127.0.0.1:%d", tlsPort),
		AliasURL: fmt.Sprintf("ldaps://127.0.0.2:%d", tlsPort),
		BaseDN:   "dc=hard,dc=test",
		BindDN:   "cn=opora,ou=services,dc=hard,dc=test", BindPassword: "service-secret",
		RootDN: "cn=root,dc=hard,dc=test", RootPassword: "root-secret",
		program: program, answer: fmt.Sprintf("127.0.0.1:%d", port),
	}
	s.listen = s.URL + " " + s.TLSURL + " " + s.AliasURL
	s.dir = slapdFolder(t)
	s.CAFile = filepath.Join(s.dir, "ca.crt")
	s.CA = writeCertificates(t, s.dir)
	s.account = giveAway(t, s.dir)

	config := strings.NewReplacer("{{dir}}", s.dir,
		"{{modules}}", cmp.Or(os.Getenv("LDAP_MODULES"), "/usr/lib/ldap"),
		"{{schema}}", cmp.Or(os.Getenv("LDAP_SCHEMA"), "/etc/ldap/schema")).Replace(slapdConfig)
	s.load(t, "0", []byte(config))
	s.load(t, "1", slapdPeople)
	s.Start(t)
	t.Cleanup(s.Stop)
	return s
}

// slapdProgram finds a program of the package slapd, which Debian does not put on everybody's PATH.
func slapdProgram(t testing.TB, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path := "/usr/sbin/" + name
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is missing and the directory's tests need it: apt-get install slapd", name)
	}
	return path
}

// slapdFolder is below /tmp whatever TMPDIR says: slapd's own account must be able to reach it.
func slapdFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "opora-slapd-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, sub := range []string{"config", "data"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// giveAway hands the folder to nobody when the tests run as root, and returns the account to run slapd as; nil is our own.
func giveAway(t testing.TB, dir string) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(uid), int(gid))
	})
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// load fills database n before the server runs. slapadd runs no overlay, so entries may have any state.
func (s *LDAPServer) load(t testing.TB, n string, ldif []byte) {
	t.Helper()
	cmd := exec.Command(slapdProgram(t, "slapadd"), "-q", "-n", n, "-F", filepath.Join(s.dir, "config"))
	cmd.Dir, cmd.Stdin = s.dir, bytes.NewReader(ldif)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.account}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("loading slapd's database %s: %v\n%s", n, err, out)
	}
}

// Start starts a server that was stopped, on the same ports with the same entries.
func (s *LDAPServer) Start(t testing.TB) {
	t.Helper()
	var said bytes.Buffer
	// With -d slapd stays in the foreground, a child that ends with us.
	cmd := exec.Command(s.program, "-d", "0", "-F", filepath.Join(s.dir, "config"), "-h", s.listen)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, &said, &said
	cmd.SysProcAttr = endWithParent(&syscall.SysProcAttr{Credential: s.account, Setpgid: true})
	started, ended := make(chan error), make(chan struct{})
	go func() {
		// The kernel ends the child when the thread that started it ends: keep the thread.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		t.Fatalf("starting slapd: %v", err)
	}
	s.stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	}
	s.await(t, ended, &said)
}

func (s *LDAPServer) await(t testing.TB, ended <-chan struct{}, said *bytes.Buffer) {
	t.Helper()
	deadline := time.After(slapdStart)
	for {
		if c, err := net.Dial("tcp", s.answer); err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("slapd ended at once: %s", said)
		case <-deadline:
			s.Stop()
			t.Fatalf("slapd does not answer on %s", s.answer)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Stop ends the server; what was written stays for the next Start. Stopping twice does nothing.
func (s *LDAPServer) Stop() {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

// writeCertificates makes an authority and a certificate of its for localhost and 127.0.0.1.
func writeCertificates(t testing.TB, dir string) *x509.CertPool {
	t.Helper()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Opora test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	authorityKey, serverKey := newKey(t), newKey(t)
	authorityDER := sign(t, authority, authority, authorityKey, authorityKey)
	serverDER := sign(t, server, authority, serverKey, authorityKey)
	keyDER, err := x509.MarshalECPrivateKey(serverKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(dir, "ca.crt"), "CERTIFICATE", authorityDER)
	writePEM(t, filepath.Join(dir, "server.crt"), "CERTIFICATE", serverDER)
	writePEM(t, filepath.Join(dir, "server.key"), "EC PRIVATE KEY", keyDER)
	parsed, err := x509.ParseCertificate(authorityDER)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, c, by *x509.Certificate, key, byKey *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, byKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func writePEM(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
