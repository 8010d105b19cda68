package demodir

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"opora/auth/directory"
)

// maxPacket bounds one request, in bytes.
const maxPacket = 1 << 20

// Server is a running demo directory.
type Server struct {
	store    *store
	listener net.Listener
	secret   string // password of the service account: new with each start, in memory only

	mu     sync.Mutex
	open   map[net.Conn]bool
	closed bool
	wg     sync.WaitGroup
}

// Start opens the directory kept in dir, or fills it with the demo company when there is none, and listens on addr, an
// address on loopback; "" takes any free port.
func Start(dir, addr string) (*Server, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("the demo directory's address: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("the demo directory listens on loopback only, not on %q", host)
	}
	st, err := openStore(dir)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("starting the demo directory: %w", err)
	}
	s := &Server{store: st, listener: l, secret: rand.Text(), open: map[net.Conn]bool{}}
	s.wg.Go(s.accept)
	return s, nil
}

// URL is where it listens, ldap://127.0.0.1:port.
func (s *Server) URL() string { return "ldap://" + s.listener.Addr().String() }

// Config is what a client needs to use the directory. The service account's password holds until Close.
func (s *Server) Config() directory.Config {
	return directory.Config{
		URLs: []string{s.URL()}, BindDN: serviceDN, BindPassword: s.secret, BaseDN: baseDN,
		GroupBase: groupsDN, Kind: directory.OpenLDAP, Domain: "KESTREL", UPNSuffix: mailDomain,
	}
}

// Close ends every connection and waits for what is being answered.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	err := s.listener.Close()
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return err
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return // closed
		}
		if s.enter(c) {
			s.wg.Go(func() {
				defer s.leave(c)
				s.serve(c)
			})
		}
	}
}

func (s *Server) enter(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = c.Close()
		return false
	}
	s.open[c] = true
	return true
}

func (s *Server) leave(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	_ = c.Close()
}

// session is one connection: who is bound on it. The zero value is anonymous.
type session struct {
	server  *Server
	out     *bufio.Writer
	bound   string // key of the DN; "" is anonymous
	service bool
}

// errUnbind ends a connection in good order.
var errUnbind = errors.New("unbind")

func (s *Server) serve(c net.Conn) {
	limited := &io.LimitedReader{R: c}
	in := bufio.NewReader(limited)
	ses := &session{server: s, out: bufio.NewWriter(c)}
	for {
		limited.N = maxPacket
		packet, err := ber.ReadPacket(in)
		if err != nil {
			return
		}
		if err := ses.answer(packet); err != nil {
			return
		}
		if err := ses.out.Flush(); err != nil {
			return
		}
	}
}

// request is one message (RFC 4511 §4.1.1).
type request struct {
	id       int64
	op       *ber.Packet
	controls []ldap.Control
}

func readRequest(p *ber.Packet) (request, error) {
	id, ok := child(p, 0).Value.(int64)
	if !ok || len(p.Children) < 2 {
		return request{}, errors.New("not an LDAP message")
	}
	r := request{id: id, op: p.Children[1]}
	for _, c := range child(p, 2).Children {
		// go-ldap reads answers: it wants a value in the password policy control, which a request has none in.
		if oid := text(child(c, 0)); oid != ldap.ControlTypePaging {
			r.controls = append(r.controls, ldap.NewControlString(oid, false, ""))
			continue
		}
		control, err := ldap.DecodeControl(c)
		if err != nil {
			return request{}, fmt.Errorf("reading a control: %w", err)
		}
		r.controls = append(r.controls, control)
	}
	return r, nil
}

func (s *session) answer(p *ber.Packet) error {
	r, err := readRequest(p)
	if err != nil {
		return err
	}
	switch r.op.Tag {
	case ldap.ApplicationBindRequest:
		return s.bind(r)
	case ldap.ApplicationUnbindRequest:
		return errUnbind
	case ldap.ApplicationSearchRequest:
		return s.search(r)
	case ldap.ApplicationModifyRequest:
		return s.reply(r, ldap.ApplicationModifyResponse, s.modify(r.op))
	case ldap.ApplicationExtendedRequest:
		return s.extended(r)
	case ldap.ApplicationAbandonRequest:
		return nil // requests are answered one after the other: it has been
	}
	// Every other request's answer has the tag that follows its own.
	return s.reply(r, r.op.Tag+1, refusal{ldap.LDAPResultUnwillingToPerform, "the demo directory does not do this"})
}

// refusal is a result that is not success; its zero value is success.
type refusal struct {
	code uint16
	text string
}

func (s *session) reply(r request, tag ber.Tag, result refusal, controls ...*ber.Packet) error {
	return s.send(r, resultPacket(tag, result), controls...)
}

func resultPacket(tag ber.Tag, result refusal) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(result.code), ""))
	p.AppendChild(octets(""))
	p.AppendChild(octets(result.text))
	return p
}

func (s *session) send(r request, op *ber.Packet, controls ...*ber.Packet) error {
	p := ber.NewSequence("")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, r.id, ""))
	p.AppendChild(op)
	if len(controls) > 0 {
		list := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "")
		for _, c := range controls {
			list.AppendChild(c)
		}
		p.AppendChild(list)
	}
	_, err := s.out.Write(p.Bytes())
	return err
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

// child is the n-th part of a packet, an empty one when it lacks.
func child(p *ber.Packet, n int) *ber.Packet {
	if n < len(p.Children) {
		return p.Children[n]
	}
	return ber.NewSequence("")
}

func text(p *ber.Packet) string { return p.Data.String() }
