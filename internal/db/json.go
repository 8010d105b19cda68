package db

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
)

// JSON stores V as jsonb. With binary_parameters lib/pq would send bytes as bytea: a jsonb wants a string.
type JSON[T any] struct{ V T }

// Value gives the document as a string.
func (j JSON[T]) Value() (driver.Value, error) {
	b, err := json.Marshal(j.V)
	return string(b), err
}

// Scan reads the document; NULL gives the zero value.
func (j *JSON[T]) Scan(src any) error {
	var zero T
	j.V = zero
	switch v := src.(type) {
	case nil:
		return nil
	case []byte:
		return json.Unmarshal(v, &j.V)
	case string:
		return json.Unmarshal([]byte(v), &j.V)
	}
	return fmt.Errorf("db.JSON: cannot read %T", src)
}
