// Package templates renders the pages: layouts, partials and one file a page, all parsed and checked when the program
// starts. README.md tells how to make a page. What does not belong here: rules, permissions, SQL and words; a page is
// handed what it shows, and its words come from the catalogue (internal/locale).
package templates

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
)

//go:embed */*.html
var files embed.FS

// layoutOf says which layout the pages of a folder stand in. A folder that is not here has no pages.
var layoutOf = map[string]string{
	"portal": "portal",
	"desk":   "desk", "manage": "desk", "admin": "desk",
	"auth": "bare", "setup": "bare", "errors": "bare",
}

// Assets says where built assets are served; web/static fills it.
type Assets struct {
	URL   func(name string) string // address of an asset by its source name
	Built bool                     // false: the pages say that their style is missing
}

// Renderer renders pages by name. It is safe for concurrent use.
type Renderer struct{ pages map[string]*template.Template }

// New parses every template and lets each be checked for its place in HTML, so that a fault in any shows at start.
func New(assets Assets) (*Renderer, error) { return parse(files, assets) }

func parse(from fs.FS, assets Assets) (*Renderer, error) {
	base, err := template.New("base").Funcs(funcs(assets)).ParseFS(from, "partials/*.html")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	names, err := fs.Glob(from, "*/*.html")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	r := &Renderer{pages: map[string]*template.Template{}}
	for _, file := range names {
		folder := path.Dir(file)
		if folder == "partials" || folder == "layouts" {
			continue
		}
		layout, ok := layoutOf[folder]
		if !ok {
			return nil, fmt.Errorf("templates: %s: no layout for this folder", file)
		}
		page, err := template.Must(base.Clone()).ParseFS(from, "layouts/"+layout+".html", file)
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		if err := check(page); err != nil {
			return nil, fmt.Errorf("templates: %s: %w", file, err)
		}
		r.pages[strings.TrimSuffix(file, ".html")] = page
	}
	return r, nil
}

// check escapes the page. html/template does that at the first execution only; what executing without data complains
// about later is of no interest here.
func check(page *template.Template) error {
	for _, name := range []string{"layout", "content"} {
		t := page.Lookup(name)
		if t == nil {
			return fmt.Errorf("does not define %q", name)
		}
		var escaping *template.Error
		if err := t.Execute(io.Discard, nil); errors.As(err, &escaping) {
			return escaping
		}
	}
	return nil
}

// fragmented is met by whatever embeds Page.
type fragmented interface{ fragment() bool }

// Render writes the page called "folder/file", inside its layout; only its content when Page.Fragment is set. Nothing is
// written when the page fails.
func (r *Renderer) Render(w io.Writer, name string, page any) error {
	block := "layout"
	if f, ok := page.(fragmented); ok && f.fragment() {
		block = "content"
	}
	return r.Block(w, name, block, page)
}

// buffers are used again: a list is over 100 kB, and growing to that anew for each page is most of what a page leaves to clean up.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxBuffer is the largest one that is kept, in bytes.
const maxBuffer = 1 << 20

// Block writes one {{define}}d block of a page or a partial, for htmx. data is what the block takes, mostly the page.
func (r *Renderer) Block(w io.Writer, name, block string, data any) error {
	t, ok := r.pages[name]
	if !ok {
		return fmt.Errorf("templates: no page %q", name)
	}
	b, _ := buffers.Get().(*bytes.Buffer)
	defer func() {
		if b.Cap() <= maxBuffer {
			b.Reset()
			buffers.Put(b)
		}
	}()
	if err := t.ExecuteTemplate(b, block, data); err != nil {
		return fmt.Errorf("templates: %s: %w", name, err)
	}
	if _, err := b.WriteTo(w); err != nil {
		return fmt.Errorf("templates: writing %s: %w", name, err)
	}
	return nil
}
