package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"opora/auth"
	"opora/internal/audit"
	"opora/internal/fault"
	"opora/internal/locale"
	"opora/templates"
)

// statuses is the only table from what went wrong to what HTTP calls it.
var statuses = map[fault.Kind]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Invalid:         http.StatusUnprocessableEntity,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Forbidden:       http.StatusForbidden,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Unavailable:     http.StatusServiceUnavailable,
}

// asFault gives the fault in err; what is none becomes one: a body over the limit, a request that was given up.
func asFault(err error) *fault.Error {
	var f *fault.Error
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &large):
		return &fault.Error{Kind: fault.Invalid, Message: fault.Message{ID: "fault.too_large"}, Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &fault.Error{Kind: fault.Unavailable, Message: fault.Message{ID: "fault.too_slow"}, Err: err}
	}
	return &fault.Error{Kind: fault.Internal, Err: err}
}

// statusOf is the HTTP status of an error.
func statusOf(err error) int {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return http.StatusRequestEntityTooLarge
	}
	var limited *auth.LimitError
	if errors.As(err, &limited) {
		return http.StatusTooManyRequests
	}
	var bad *unreadable
	if errors.As(err, &bad) {
		return http.StatusBadRequest
	}
	return statuses[asFault(err).Kind]
}

// words says a fault's message to the reader.
func words(p *locale.Printer, m fault.Message) string { return p.T(m.ID, m.Args...) }

// fieldErrors are the faults of a form in the reader's language; one without fields is about the form as a whole.
func fieldErrors(p *locale.Printer, err error) templates.FieldErrors {
	f := asFault(err)
	if len(f.Fields) == 0 {
		return templates.FieldErrors{{Text: words(p, f.Message)}}
	}
	out := make(templates.FieldErrors, len(f.Fields))
	for i, x := range f.Fields {
		out[i] = templates.FieldError{Name: x.Name, Text: words(p, x.Message)}
	}
	return out
}

// fail answers with the page of an error that no form shows, and logs it: once, here.
func (r *req) fail(err error) {
	status := statusOf(err)
	f := asFault(err)
	log := slog.With("request", r.id, "method", r.Request.Method, "route", r.FullPath(), "status", status, "actor", r.Actor.ID)
	switch {
	case r.Request.Context().Err() != nil && status >= 500:
		log.InfoContext(r.Ctx(), "request given up by the browser", "error", err)
	case status >= 500:
		log.ErrorContext(r.Ctx(), "request failed", "error", err)
	case status == http.StatusForbidden:
		log.WarnContext(r.Ctx(), "request refused", "error", err)
		r.s.noteRefusal(r)
	}
	if r.Writer.Written() {
		return
	}
	if status == http.StatusUnauthorized && r.Request.Method == http.MethodGet && !r.fragment() {
		r.Redirect(http.StatusSeeOther, "/sign-in?back="+queryEscape(r.Request.URL.RequestURI()))
		return
	}
	page := templates.NewErrorPage(r.Page("", ""), status, r.id)
	if f.Message.ID != "" && f.Message.ID != "fault.forbidden" && f.Kind != fault.Internal {
		page.Text = words(r.P, f.Message)
	}
	for _, x := range f.Fields {
		page.Text += " " + words(r.P, x.Message)
	}
	page.Kept = r.typed()
	if err := r.HTML(status, "errors/error", page); err != nil {
		slog.ErrorContext(r.Ctx(), "error page failed", "request", r.id, "error", err)
		r.String(status, http.StatusText(status))
	}
}

// noteRefusal writes into the audit log that somebody tried what he may not.
func (s *Server) noteRefusal(r *req) {
	err := s.log.Write(context.WithoutCancel(r.Ctx()), audit.Access, audit.Entry{
		At: r.Now, ActorID: r.Actor.ID, Action: "refused", Subject: r.Request.Method + " " + r.FullPath(), Channel: string(r.Actor.Channel),
		RequestID: r.id, Address: r.ClientIP(),
	})
	if err != nil {
		slog.ErrorContext(r.Ctx(), "refusal not noted", "request", r.id, "error", err)
	}
}
