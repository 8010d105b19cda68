package jobs

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
)

// Driver is River's driver for database/sql with LISTEN by lib/pq added: without it a new job waits for the next poll,
// and a running one cannot be cancelled from another process. River does not promise to keep this interface, so its
// version is pinned in go.mod and tests watch over the rest.
type Driver struct {
	*riverdatabasesql.Driver
	dsn string
}

// NewDriver makes a driver over the pool; dsn is for the listener's own connection.
func NewDriver(pool *sql.DB, dsn string) *Driver { return &Driver{riverdatabasesql.New(pool), dsn} }

// SupportsListener says that GetListener works.
func (d *Driver) SupportsListener() bool { return true }

// GetListener makes a listener that is not connected yet.
func (d *Driver) GetListener(p *riverdriver.GetListenenerParams) riverdriver.Listener {
	return &listener{dsn: d.dsn, schema: p.Schema}
}

const (
	reconnectMin = time.Second
	reconnectMax = time.Minute
)

var errNotConnected = errors.New("listener is not connected")

// listener is one LISTEN connection in the form that River's notifier wants: it says when the connection is lost, and
// the notifier closes it and connects anew.
type listener struct {
	dsn    string
	schema string

	mu   sync.Mutex
	conn *pq.Listener // nil when closed
	lost chan error
}

// Connect opens the connection and waits until it stands.
func (l *listener) Connect(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		return errors.New("listener is connected already")
	}
	up, lost := make(chan error, 1), make(chan error, 1)
	conn := pq.NewListener(l.dsn, reconnectMin, reconnectMax, func(event pq.ListenerEventType, err error) {
		switch event {
		case pq.ListenerEventConnected:
			offer(up, nil)
		case pq.ListenerEventConnectionAttemptFailed:
			offer(up, err)
		case pq.ListenerEventDisconnected:
			offer(lost, err)
		}
	})
	var err error
	select {
	case err = <-up:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return err
	}
	l.conn, l.lost = conn, lost
	return nil
}

// offer sends without waiting: only the first event counts.
func offer(c chan error, err error) {
	select {
	case c <- err:
	default:
	}
}

// Close ends the connection; closing a closed one is no error.
func (l *listener) Close(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return nil
	}
	err := l.conn.Close()
	l.conn = nil
	return err
}

func (l *listener) current() (*pq.Listener, chan error, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return nil, nil, errNotConnected
	}
	return l.conn, l.lost, nil
}

// channel is the name in PostgreSQL of one of River's topics.
func (l *listener) channel(topic string) string {
	if l.schema == "" {
		return topic
	}
	return l.schema + "." + topic
}

// Listen starts to listen on the topic.
func (l *listener) Listen(_ context.Context, topic string) error {
	conn, _, err := l.current()
	if err != nil {
		return err
	}
	if err := conn.Listen(l.channel(topic)); err != nil && !errors.Is(err, pq.ErrChannelAlreadyOpen) {
		return err
	}
	return nil
}

// Unlisten stops to listen on the topic.
func (l *listener) Unlisten(_ context.Context, topic string) error {
	conn, _, err := l.current()
	if err != nil {
		return err
	}
	return conn.Unlisten(l.channel(topic))
}

// Ping tells whether the connection still answers.
func (l *listener) Ping(context.Context) error {
	conn, _, err := l.current()
	if err != nil {
		return err
	}
	return conn.Ping()
}

// Schema is the schema that prefixes each channel.
func (l *listener) Schema() string { return l.schema }

// SetAfterConnectExec is for River's own tests.
func (l *listener) SetAfterConnectExec(string) {}

// WaitForNotification returns the next notification, or an error when ctx ends or the connection is lost.
func (l *listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	conn, lost, err := l.current()
	if err != nil {
		return nil, err
	}
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case err := <-lost:
			return nil, err
		case n, open := <-conn.Notify:
			if !open {
				return nil, errNotConnected
			}
			if n == nil { // lib/pq connected anew by itself; what came meanwhile the poll finds
				continue
			}
			return &riverdriver.Notification{Topic: strings.TrimPrefix(n.Channel, l.channel("")), Payload: n.Extra}, nil
		}
	}
}
