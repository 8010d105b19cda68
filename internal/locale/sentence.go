package locale

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// sentence is a message without plural forms, cut at its places for values. Most words of a page are such, and writing one this
// way takes a tenth of what the bundle needs, which stays for the plurals.
type sentence []piece

// piece is a text and the name of the value that follows it; "" for none.
type piece struct{ text, name string }

var place = regexp.MustCompile(`{{\s*\.(\w+)\s*}}`)

// keepPlain takes the messages of a file that are a sentence.
func keepPlain(lang string, raw []byte) error {
	var file map[string]any
	if err := yaml.Unmarshal(raw, &file); err != nil {
		return err
	}
	if plain[lang] == nil {
		plain[lang] = map[string]sentence{}
	}
	for id, v := range file {
		text, ok := v.(string)
		if !ok {
			continue
		}
		m, err := cut(text)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		plain[lang][id] = m
	}
	return nil
}

// cut cuts a message at its places. Anything in braces but a value's name is refused: words hold no rules.
func cut(text string) (sentence, error) {
	var m sentence
	end := 0
	for _, at := range place.FindAllStringSubmatchIndex(text, -1) {
		m = append(m, piece{text[end:at[0]], text[at[2]:at[3]]})
		end = at[1]
	}
	m = append(m, piece{text: text[end:]})
	for _, p := range m {
		if strings.Contains(p.text, "{{") {
			return nil, fmt.Errorf("%q has more in braces than the name of a value", text)
		}
	}
	return m, nil
}

// with writes the sentence with its values, given as pairs name, value.
func (m sentence) with(lang string, args []any) string {
	if len(m) == 1 {
		return m[0].text
	}
	var b strings.Builder
	for _, p := range m {
		b.WriteString(p.text)
		if p.name != "" {
			b.WriteString(value(lang, p.name, args))
		}
	}
	return b.String()
}

func value(lang, name string, args []any) string {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] != name {
			continue
		}
		switch v := args[i+1].(type) {
		case string:
			return v
		case Text:
			return v.In(lang)
		default:
			return fmt.Sprint(v)
		}
	}
	return "<no value>" // as text/template says it
}
