package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits of the HTTP server. There is no WriteTimeout: a live stream and a large download last as long as they last;
// each request's context ends its own work.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 5 * time.Minute // an upload over a slow line
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
	drainTimeout      = 20 * time.Second
)

var errDatabaseEnded = errors.New("the private PostgreSQL has ended by itself; its log stands in OPORA_DATA/pg/postgres.log")

// httpServer is the server as it stands between OPORA_LISTEN and a handler.
type httpServer struct {
	listener net.Listener
	log      *slog.Logger
	delay    time.Duration   // from the signal to the closing of the listener
	draining chan struct{}   // closed at the signal: /readyz says no and live streams end
	ended    <-chan struct{} // closed when the database of ours has ended; nil when it is not ours
}

// listen opens OPORA_LISTEN.
func (a *App) listen(ctx context.Context) (*httpServer, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", a.Config.Web.Listen)
	if err != nil {
		return nil, fmt.Errorf("OPORA_LISTEN: %w", err)
	}
	return &httpServer{
		listener: l, log: a.Log, delay: a.Config.Web.DrainDelay,
		draining: make(chan struct{}), ended: a.place.ended(),
	}, nil
}

// Draining is closed when the server is about to stop.
func (s *httpServer) Draining() <-chan struct{} { return s.draining }

// serve answers with h until ctx ends, and then drains: it says so by Draining, goes on for the delay, takes no new
// connection and waits for the requests that are under way. Those keep their contexts till they are done or the wait
// is over.
func (s *httpServer) serve(ctx context.Context, h http.Handler) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(s.listener) }()
	select {
	case err := <-failed:
		close(s.draining)
		return fmt.Errorf("serving: %w", err)
	case <-s.ended:
		close(s.draining)
		return errors.Join(errDatabaseEnded, server.Close())
	case <-ctx.Done():
	}
	s.log.Info("draining", "delay", s.delay)
	close(s.draining)
	select {
	case <-time.After(s.delay):
	case <-s.ended:
	}
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := server.Shutdown(wait); err != nil {
		return errors.Join(fmt.Errorf("requests still ran after %s: %w", drainTimeout, err), server.Close())
	}
	return nil
}
