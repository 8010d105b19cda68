package templates_test

import (
	"strings"
	"testing"
	"time"

	"opora/internal/locale"
	"opora/templates"
	"opora/web/static"
)

func renderer(t *testing.T) *templates.Renderer {
	t.Helper()
	r, err := templates.New(templates.Assets{URL: static.URL, Built: static.Built()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func page(lang string) templates.Page {
	kyiv, _ := time.LoadLocation("Europe/Kyiv")
	return templates.Page{
		Reader: templates.Reader{P: locale.For(lang, kyiv), Now: time.Date(2026, 11, 3, 9, 30, 0, 0, time.UTC)},
		Path:   "/sign-in",
	}
}

func TestSignIn(t *testing.T) {
	p := page("uk")
	p.Errors = templates.FieldErrors{{Name: "login", Text: "«<b>» не знаємо"}}
	var b strings.Builder
	if err := renderer(t).Render(&b, "auth/signin", templates.SignIn{Page: p, Login: `"><script>`, Back: "/tickets"}); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	for _, want := range []string{`<html lang="uk"`, `href="#field-login"`, `aria-invalid="true"`, `value="/tickets"`, `value="&#34;&gt;&lt;script&gt;"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %s:\n%s", want, got)
		}
	}
}
