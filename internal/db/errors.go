package db

import (
	"errors"

	"github.com/lib/pq"
)

// Error classes of PostgreSQL (Appendix A of its manual) that we act on.
const (
	codeSerialization = "40001"
	codeDeadlock      = "40P01"
	codeUnique        = "23505"
	codeForeignKey    = "23503"
	codeCheck         = "23514"
)

func retryable(err error) bool {
	var e *pq.Error
	return errors.As(err, &e) && (e.Code == codeSerialization || e.Code == codeDeadlock)
}

// Violated tells whether err is a violation of the named constraint. Constraint names are the interface between the
// schema and the packages' errors.
func Violated(err error, constraint string) bool {
	var e *pq.Error
	return errors.As(err, &e) && e.Constraint == constraint &&
		(e.Code == codeUnique || e.Code == codeForeignKey || e.Code == codeCheck)
}
