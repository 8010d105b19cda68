package static_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"opora/web/static"
)

func TestHandler(t *testing.T) {
	if !static.Built() {
		t.Fatal("the assets are not built: npm ci --ignore-scripts && go run ./tools/assets")
	}
	for name, kind := range map[string]string{
		"app.css": "text/css", "portal.js": "text/javascript", "desk.js": "text/javascript", "live-worker.js": "text/javascript",
		"sprite.svg": "image/svg+xml", "mark.svg": "image/svg+xml", "onest-latin.woff2": "font/woff2", "onest-cyrillic.woff2": "font/woff2",
	} {
		w := httptest.NewRecorder()
		static.Handler().ServeHTTP(w, httptest.NewRequest("GET", static.URL(name), nil))
		if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), kind) || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", static.URL(name), w.Code, w.Header())
		}
	}
	for _, path := range []string{"/static/", "/static/nothing.js", "/static/app.css", "/static/../embed.go"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/static/", nil)
		r.URL.Path = path
		static.Handler().ServeHTTP(w, r)
		if w.Code != 404 || w.Header().Get("Cache-Control") != "" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
}
