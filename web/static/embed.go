// Package static holds the built style sheets, scripts, fonts and icons of the pages, and says where they are served.
// tools/assets builds them from web/assets into dist/; a clone that has not built them still compiles, and Built says so.
// What does not belong here: sources of assets, and files that people upload.
package static

import (
	"embed"
	"encoding/json"
	"io/fs"
	"net/http"
	"strings"
)

// Policy is the Content-Security-Policy that every page is served with. Nothing inline is allowed, no eval and no other
// origin; the browser test of package templates runs under it.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Prefix is where Handler is mounted.
const Prefix = "/static/"

//go:embed all:dist
var files embed.FS

var dist, manifest = load()

// load reads the manifest that tools/assets wrote. A manifest that cannot be read is a fault of the build: panic.
func load() (fs.FS, map[string]string) {
	sub, err := fs.Sub(files, "dist")
	if err != nil {
		panic(err)
	}
	raw, err := fs.ReadFile(sub, "manifest.json")
	if err != nil {
		return sub, nil
	}
	var m map[string]string
	if err := json.Unmarshal(raw, &m); err != nil {
		panic("web/static/dist/manifest.json: " + err.Error())
	}
	return sub, m
}

// FS is the folder of built files.
func FS() fs.FS { return dist }

// Built tells whether the assets were there when the program was compiled.
func Built() bool { return manifest != nil }

// Has tells whether the asset of that source name was built.
func Has(name string) bool { return manifest[name] != "" }

// URL is the address of a built file by the name of its source: URL("desk.js") = "/static/desk-4XG2.js". The address
// changes with the content. A name that was not built gets an address that answers 404.
func URL(name string) string {
	if built, ok := manifest[name]; ok {
		return Prefix + built
	}
	return Prefix + name
}

// Handler serves the files under Prefix. Their names carry a digest, so browsers may keep them for a year; what is not
// there is not kept.
func Handler() http.Handler {
	serve := http.StripPrefix(Prefix, http.FileServerFS(dist))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, err := fs.Stat(dist, strings.TrimPrefix(r.URL.Path, Prefix))
		if err != nil || file.IsDir() {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		serve.ServeHTTP(w, r)
	})
}
