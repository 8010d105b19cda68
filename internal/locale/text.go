package locale

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
)

// Text is a name that an administrator gives, in the languages he gave it in. It is stored as jsonb.
type Text struct {
	En string `json:"en,omitempty" yaml:"en"`
	Ru string `json:"ru,omitempty" yaml:"ru"`
	Uk string `json:"uk,omitempty" yaml:"uk"`
}

// In returns the text in the language, falling back to English and then to any language that has it.
func (t Text) In(lang string) string {
	order := []string{t.En, t.Ru, t.Uk}
	switch lang {
	case "ru":
		order = []string{t.Ru, t.En, t.Uk}
	case "uk":
		order = []string{t.Uk, t.En, t.Ru}
	}
	for _, s := range order {
		if s != "" {
			return s
		}
	}
	return ""
}

// Empty tells that no language has the text.
func (t Text) Empty() bool { return t.En == "" && t.Ru == "" && t.Uk == "" }

// Trim returns the text without outer white space.
func (t Text) Trim() Text {
	return Text{strings.TrimSpace(t.En), strings.TrimSpace(t.Ru), strings.TrimSpace(t.Uk)}
}

// Plain is a text that reads the same in every language: a host name, a name out of an import.
func Plain(s string) Text { return Text{En: s} }

// Value stores the text as jsonb; lib/pq wants a string there, never bytes.
func (t Text) Value() (driver.Value, error) {
	b, err := json.Marshal(t)
	return string(b), err
}

// Scan reads jsonb.
func (t *Text) Scan(src any) error {
	*t = Text{}
	switch v := src.(type) {
	case nil:
		return nil
	case []byte:
		return json.Unmarshal(v, t)
	case string:
		return json.Unmarshal([]byte(v), t)
	}
	return fmt.Errorf("locale.Text: cannot read %T", src)
}
