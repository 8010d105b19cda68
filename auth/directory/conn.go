package directory

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// conn is one connection; raw stands beside it because go-ldap knows no context: a past deadline on it is what ends a
// request that waits.
type conn struct {
	*ldap.Conn
	raw    net.Conn
	server string  // its URL
	from   *dialer // learns from it which servers hang
	idleAt time.Time
}

func (c *conn) kill() {
	_ = c.raw.Close() // go-ldap's reader sees it and ends its goroutines
	_ = c.Close()
}

// run calls f and ends it when ctx ends; the connection is then dead.
func (c *conn) run(ctx context.Context, f func(*conn) error) error {
	stop := context.AfterFunc(ctx, func() { _ = c.raw.SetDeadline(time.Unix(1, 0)) })
	err := f(c)
	if !stop() {
		c.kill()
		if err != nil {
			return errors.Join(ctx.Err(), err)
		}
	}
	return err
}

// step is run within the time of one step. A server that lets it pass is tried last for a while.
func (c *conn) step(ctx context.Context, limit time.Duration, f func(*conn) error) (err error, late bool) {
	step, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = c.run(step, f)
	if late = err != nil && step.Err() != nil && ctx.Err() == nil; late {
		c.from.note(c.server, err)
	}
	return err, late
}

// broken tells that err says something about the connection and not about the request.
func (c *conn) broken(err error) bool {
	var l *ldap.Error
	return c.IsClosing() || err != nil && (!errors.As(err, &l) || l.ResultCode == ldap.ErrorNetwork ||
		l.ResultCode == ldap.ErrorUnexpectedMessage || l.ResultCode == ldap.ErrorUnexpectedResponse)
}

// How long a server that failed is tried only after the others, and how long a connection may lie unused: firewalls
// forget quiet ones after some minutes without telling either side.
const (
	serverBackoff = 30 * time.Second
	maxIdle       = 3 * time.Minute
)

// dialer connects to the first server that answers.
type dialer struct {
	urls     []string
	startTLS bool
	roots    *x509.CertPool
	timeout  time.Duration // for one server, with TLS
	step     time.Duration // for one request later

	mu     sync.Mutex
	failed map[string]time.Time
}

// order is the configured one, with the servers that failed a moment ago behind the others.
func (d *dialer) order() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	urls := slices.Clone(d.urls)
	slices.SortStableFunc(urls, func(a, b string) int {
		return d.penalty(a) - d.penalty(b)
	})
	return urls
}

func (d *dialer) penalty(u string) int {
	if at, ok := d.failed[u]; ok && time.Since(at) < serverBackoff {
		return 1
	}
	return 0
}

func (d *dialer) note(u string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		delete(d.failed, u)
		return
	}
	d.failed[u] = time.Now()
}

// dial returns a connection that is encrypted as configured and not bound.
func (d *dialer) dial(ctx context.Context) (*conn, error) {
	var errs []error
	urls := d.order()
	for i, u := range urls {
		limit := d.timeout
		if deadline, ok := ctx.Deadline(); ok { // leave time for the servers that follow
			limit = min(limit, time.Until(deadline)/time.Duration(len(urls)-i))
		}
		one, cancel := context.WithTimeout(ctx, limit)
		c, err := d.dialOne(one, u)
		cancel()
		if err == nil {
			d.note(u, nil)
			return c, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", u, err))
		if ctx.Err() != nil { // the caller gave up: that says nothing about the server
			break
		}
		d.note(u, err)
	}
	return nil, fmt.Errorf("connecting: %w", errors.Join(errs...))
}

func (d *dialer) dialOne(ctx context.Context, server string) (*conn, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: d.roots, ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	port := u.Port()
	if port == "" {
		port = map[string]string{"ldap": ldap.DefaultLdapPort, "ldaps": ldap.DefaultLdapsPort}[u.Scheme]
	}
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, err
	}
	c := &conn{raw: raw, server: server, from: d}
	if u.Scheme == "ldaps" {
		secure := tls.Client(raw, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, err
		}
		c.Conn = ldap.NewConn(secure, true)
	} else {
		c.Conn = ldap.NewConn(raw, false)
	}
	// Only so that go-ldap's Close cannot wait for ever; it must not fire before the step's own end, which knows more.
	c.SetTimeout(2 * d.step)
	c.Start()
	if d.startTLS {
		if err := c.run(ctx, func(c *conn) error { return c.StartTLS(config) }); err != nil {
			c.kill()
			return nil, err
		}
	}
	return c, nil
}

// isCertificateError tells a certificate that was refused from a server that does not answer. go-ldap's StartTLS keeps
// of the cause only its text.
func isCertificateError(err error) bool {
	var verify *tls.CertificateVerificationError
	return errors.As(err, &verify) || err != nil && strings.Contains(err.Error(), "tls: failed to verify certificate")
}

// pool lends connections of one use. There are two: one for searching, whose connections are bound as the service
// account when they are opened and never again, and one for binding as people, whose connections are never searched on.
type pool struct {
	open  func(context.Context) (*conn, error)
	step  time.Duration
	slots chan struct{}

	mu     sync.Mutex
	idle   []*conn // the youngest last
	closed bool
}

// errClosed is what a client that was closed answers.
var errClosed = errors.New("the directory client is closed")

func newPool(size int, step time.Duration, open func(context.Context) (*conn, error)) *pool {
	return &pool{open: open, step: step, slots: make(chan struct{}, size)}
}

// do lends a connection to f. When one that lay idle turns out to be broken, f runs once more on a new one, so f must
// set its results anew each time. f returns only errors of go-ldap.
func (p *pool) do(ctx context.Context, f func(*conn) error) error {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if p.isClosed() {
		return errClosed
	}
	if c := p.take(); c != nil {
		err, stale := p.use(ctx, c, f)
		if !stale || ctx.Err() != nil {
			return err
		}
		p.drain() // its neighbours went through the same restart
	}
	c, err := p.open(ctx)
	if err != nil {
		return err
	}
	err, _ = p.use(ctx, c, f)
	return err
}

// use runs f within the time of one step and puts the connection back when it is still good. stale tells that the
// connection was gone, which for an idle one is no sign that the server is.
func (p *pool) use(ctx context.Context, c *conn, f func(*conn) error) (err error, stale bool) {
	err, late := c.step(ctx, p.step, f)
	if !c.broken(err) {
		p.put(c)
		return err, false
	}
	c.kill()
	return err, err != nil && !late
}

func (p *pool) take() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if !c.IsClosing() && time.Since(c.idleAt) < maxIdle {
			return c
		}
		c.kill()
	}
	return nil
}

func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.kill()
		return
	}
	c.idleAt = time.Now()
	p.idle = append(p.idle, c)
}

func (p *pool) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

func (p *pool) drain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		c.kill()
	}
	p.idle = nil
}

func (p *pool) close() {
	p.drain()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}
