// Package web is the face of Opora: pages, forms, live updates. It decodes requests, calls the use cases and renders what they
// return; it holds no rule and no SQL. routes.go lists every address with the right that it needs. It is the only importer of gin.
package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gin-contrib/gzip"
	"github.com/gin-gonic/gin"

	"opora/auth"
	"opora/cmdb"
	"opora/internal/audit"
	"opora/internal/fault"
	"opora/internal/jobs"
	"opora/internal/locale"
	"opora/itsm"
	"opora/templates"
	"opora/web/static"
)

// Config is what the pages need to know of the set-up.
type Config struct {
	URL            string   // address by which people reach Opora; https makes the cookies secure
	TrustedProxies []string // whose X-Forwarded-For counts
	MaxUpload      int64    // bytes of one file
	Language       string   // for who is not signed in and whose browser says nothing
	Zone           *time.Location
	Version        string
}

// Deps are the packages behind the pages.
type Deps struct {
	Desk    *itsm.Service
	Auth    *auth.Service
	Items   *cmdb.Service
	Jobs    *jobs.Client
	Log     *audit.Log
	Ready   func(ctx context.Context) error // nil error: database and jobs answer
	LiveDSN string                          // for LISTEN
	System  System
}

// Server serves the pages.
type Server struct {
	desk     *itsm.Service
	auth     *auth.Service
	items    *cmdb.Service
	jobs     *jobs.Client
	log      *audit.Log
	ready    func(ctx context.Context) error
	system   System
	render   *templates.Renderer
	hub      *hub
	lists    lists
	config   Config
	version  string
	secure   bool
	origins  *http.CrossOriginProtection
	handler  http.Handler
	draining atomic.Bool
}

// requestTimeout ends the statements of a request that takes too long; a live stream has none.
const requestTimeout = 20 * time.Second

// New makes the server and parses every template.
func New(c Config, d Deps) (*Server, error) {
	render, err := templates.New(templates.Assets{URL: static.URL, Built: static.Built()})
	if err != nil {
		return nil, err
	}
	s := &Server{
		desk: d.Desk, auth: d.Auth, items: d.Items, jobs: d.Jobs, log: d.Log, ready: d.Ready, system: d.System, render: render, config: c, version: c.Version,
		secure: strings.HasPrefix(c.URL, "https://"),
	}
	s.hub = newHub(d.LiveDSN, d.Desk)
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.HandleMethodNotAllowed = true
	g.MaxMultipartMemory = 1 << 20
	if err := g.SetTrustedProxies(c.TrustedProxies); err != nil {
		return nil, fmt.Errorf("trusted proxies: %w", err)
	}
	g.Use(s.identify, s.recover, headers)
	g.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	g.GET("/readyz", s.readyz)
	g.GET(static.Prefix+"*file", gzip.Gzip(gzip.DefaultCompression, gzip.WithExcludedExtensions([]string{".woff2"})), gin.WrapH(static.Handler()))
	pages := g.Group("/", gzip.Gzip(gzip.BestSpeed, gzip.WithExcludedPaths([]string{"/live", "/files/"})))
	for _, rt := range s.routes() {
		pages.Handle(rt.method, rt.path, s.handle(rt))
	}
	g.NoRoute(s.handle(route{need: anybody, handle: func(*req) error { return errNoPage() }}))
	g.NoMethod(s.handle(route{need: anybody, handle: func(r *req) error {
		return r.HTML(http.StatusMethodNotAllowed, "errors/error", templates.NewErrorPage(r.Page("", ""), http.StatusMethodNotAllowed, r.id))
	}}))
	s.origins = http.NewCrossOriginProtection()
	if u, err := url.Parse(c.URL); err == nil && u.Host != "" {
		if err := s.origins.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			return nil, fmt.Errorf("address of Opora: %w", err)
		}
	}
	s.handler = g
	return s, nil
}

// ServeHTTP serves a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Live listens for changes until ctx ends, and tells the open pages.
func (s *Server) Live(ctx context.Context) error { return s.hub.run(ctx) }

// Drain lets /readyz say no and ends the live streams, so that the server can stop.
func (s *Server) Drain() {
	s.draining.Store(true)
	s.hub.close()
}

func (s *Server) readyz(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), 2*time.Second)
	defer cancel()
	if s.draining.Load() {
		c.String(http.StatusServiceUnavailable, "stopping\n")
		return
	}
	if err := s.ready(ctx); err != nil {
		slog.WarnContext(ctx, "not ready", "error", err)
		c.String(http.StatusServiceUnavailable, "not ready\n")
		return
	}
	c.String(http.StatusOK, "ready\n")
}

const requestIDKey = "opora.request"

// identify gives the request an id and logs it when it is done.
func (s *Server) identify(c *gin.Context) {
	raw := make([]byte, 8)
	rand.Read(raw)
	id := hex.EncodeToString(raw)
	c.Set(requestIDKey, id)
	c.Header("X-Request-Id", id)
	start := time.Now()
	c.Next()
	slog.DebugContext(c.Request.Context(), "request", "request", id, "method", c.Request.Method, "route", c.FullPath(), "status", c.Writer.Status(),
		"ms", time.Since(start).Milliseconds())
}

// recover turns a panic into an error page.
func (s *Server) recover(c *gin.Context) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(cause)
		}
		slog.ErrorContext(c.Request.Context(), "panic", "request", c.GetString(requestIDKey), "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
		c.Abort()
		if !c.Writer.Written() {
			c.String(http.StatusInternalServerError, "Something went wrong. The request is "+c.GetString(requestIDKey)+".\n")
		}
	}()
	c.Next()
}

// headers are on every answer.
func headers(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", static.Policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
	h.Set("Cache-Control", "no-store") // all is somebody's own; what is everybody's says otherwise itself
	c.Next()
}

// handle runs a route: who is it, may he, do it; an error becomes a page.
func (s *Server) handle(rt route) gin.HandlerFunc {
	return func(c *gin.Context) {
		r := &req{Context: c, s: s, id: c.GetString(requestIDKey), Now: time.Now().UTC().Truncate(time.Microsecond)}
		if !rt.stream {
			ctx, cancel := context.WithTimeout(c.Request.Context(), requestTimeout)
			defer cancel()
			c.Request = c.Request.WithContext(ctx)
		}
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, s.bodyLimit(rt))
		defer func() { removeParts(c.Request) }()
		r.P = locale.For(s.language(c.Request), s.config.Zone)
		r.theme = themeCookie(c.Request)
		err := s.signedIn(r)
		if err == nil && !storable(c.Request.URL.Path) {
			err = errNoPage()
		}
		if err == nil {
			err = s.ownOrigin(c.Request)
		}
		if err == nil {
			err = rt.allow(r.Actor)
		}
		if err == nil && c.Request.Method == http.MethodPost {
			err = parseForm(c.Request)
		}
		if err == nil {
			err = rt.handle(r)
		}
		if err != nil {
			r.fail(err)
		}
	}
}

// storable tells whether the database takes the text: what it cannot hold is the name of nothing.
func storable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

// maxForm is the size of a form without files: the longest text in four-byte letters, percent-encoded, and room for the rest.
const maxForm = 2 << 20

func (s *Server) bodyLimit(rt route) int64 {
	if rt.files {
		return maxFiles*s.config.MaxUpload + maxForm
	}
	return maxForm
}

// maxFiles is how many files one form may bring.
const maxFiles = 10

// parseForm reads the body, so that a fault in it is found before anything is done.
func parseForm(r *http.Request) error {
	var err error
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		err = r.ParseMultipartForm(1 << 20)
	} else {
		err = r.ParseForm()
	}
	if err == nil {
		return nil
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return err
	}
	return errUnreadable(err)
}

// removeParts removes what a form's files took on the disk while they were read. The HTTP server does so for the request that it
// made; ours has another context and is therefore another one.
func removeParts(r *http.Request) {
	if r.MultipartForm == nil {
		return
	}
	if err := r.MultipartForm.RemoveAll(); err != nil {
		slog.WarnContext(r.Context(), "parts of a form stay on the disk", "error", err)
	}
}

// ownOrigin refuses what a page of another site has the browser do.
func (s *Server) ownOrigin(r *http.Request) error {
	if err := s.origins.Check(r); err != nil {
		return fault.Wrap(err, fault.Forbidden, "fault.forbidden")
	}
	return nil
}
