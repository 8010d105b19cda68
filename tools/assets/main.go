// Command assets builds what the pages need: it bundles the sources of web/assets with the packages of npm into
// web/static/dist under names that carry a digest, makes one sprite of the icons, and writes manifest.json. It prints
// what everything weighs and fails when a page would weigh more than its budget. Run it from the root, after npm ci.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

const (
	source = "web/assets"
	target = "web/static/dist"
	tabler = "node_modules/@tabler"
	onest  = "node_modules/@fontsource-variable/onest"
	kib    = 1024
)

// budgets say how much of each kind a face may weigh, compressed with gzip; fonts are compressed already and each
// counts by itself.
var budgets = map[string]int{"portal.js": 60 * kib, "desk.js": 110 * kib, "app.css": 30 * kib, "font": 50 * kib}

// fonts are the subsets of Onest that our three languages and their neighbours' names need.
var fonts = []string{"latin", "latin-ext", "cyrillic", "cyrillic-ext"}

// licences are shipped beside what they cover.
var licences = []string{
	tabler + "/icons/LICENSE", onest + "/LICENSE",
	"node_modules/htmx.org/LICENSE", "node_modules/@hotwired/stimulus/LICENSE.md",
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "assets:", err)
		os.Exit(1)
	}
}

func run() error {
	if _, err := os.Stat("node_modules"); err != nil {
		return errors.New("node_modules is missing: run npm ci --ignore-scripts first")
	}
	if err := clean(); err != nil {
		return err
	}
	b := &builder{manifest: map[string]string{}, weight: map[string]int{}}
	for _, step := range []func() error{b.fonts, b.sprite, b.mark, b.licences, b.bundle} {
		if err := step(); err != nil {
			return err
		}
	}
	raw, err := json.MarshalIndent(b.manifest, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(target, "manifest.json"), raw, 0o644); err != nil {
		return err
	}
	return b.report()
}

// clean empties the target but for the placeholder that is kept in the repository.
func clean() error {
	entries, err := os.ReadDir(target)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == "placeholder.txt" {
			continue
		}
		if err := os.RemoveAll(filepath.Join(target, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// builder collects what was built: manifest from source name to file, weight in bytes by source name.
type builder struct {
	manifest map[string]string
	weight   map[string]int
}

// put writes a file under a name with a digest and notes it.
func (b *builder) put(name string, content []byte) (string, error) {
	sum := sha256.Sum256(content)
	ext := filepath.Ext(name)
	built := strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:4]) + ext
	b.manifest[name] = built
	return built, os.WriteFile(filepath.Join(target, built), content, 0o644)
}

// fonts copies the subsets; their names must be known to the layouts, which preload them.
func (b *builder) fonts() error {
	for _, subset := range fonts {
		raw, err := os.ReadFile(filepath.Join(onest, "files", "onest-"+subset+"-wght-normal.woff2"))
		if err != nil {
			return err
		}
		name := "onest-" + subset + ".woff2"
		b.weight[name] = len(raw)
		if _, err := b.put(name, raw); err != nil {
			return err
		}
	}
	return nil
}

// ranges finds the unicode-range of each subset in the package's own style sheet.
var ranges = regexp.MustCompile(`/\* onest-([a-z-]+)-wght-normal \*/[^}]*unicode-range: ([^;]+);`)

// fontFaces writes the @font-face rules with the built names.
func (b *builder) fontFaces() (string, error) {
	raw, err := os.ReadFile(filepath.Join(onest, "index.css"))
	if err != nil {
		return "", err
	}
	var css strings.Builder
	for _, m := range ranges.FindAllStringSubmatch(string(raw), -1) {
		built, ok := b.manifest["onest-"+m[1]+".woff2"]
		if !ok {
			continue
		}
		fmt.Fprintf(&css, "@font-face{font-family:Onest;font-style:normal;font-display:swap;font-weight:100 900;src:url(./%s) format(\"woff2\");unicode-range:%s}\n", built, m[2])
	}
	return css.String(), nil
}

// drawing is what is inside an icon's <svg>.
var drawing = regexp.MustCompile(`(?s)<svg[^>]*>(.*)</svg>`)

// sprite makes one file of the icons that web/assets/icons.txt names, and of our own mark.
func (b *builder) sprite() error {
	list, err := os.ReadFile(filepath.Join(source, "icons.txt"))
	if err != nil {
		return err
	}
	var svg strings.Builder
	svg.WriteString(`<svg xmlns="http://www.w3.org/2000/svg">`)
	add := func(id, file string) error {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		m := drawing.FindSubmatch(raw)
		if m == nil {
			return fmt.Errorf("%s is not an icon", file)
		}
		inner := strings.Join(strings.Fields(string(m[1])), " ")
		inner = strings.ReplaceAll(inner, `<path stroke="none" d="M0 0h24v24H0z" fill="none"/>`, "")
		fmt.Fprintf(&svg, `<symbol id="%s" viewBox="0 0 24 24">%s</symbol>`, id, inner)
		return nil
	}
	if err := add("opora", filepath.Join(source, "mark.svg")); err != nil {
		return err
	}
	for line := range strings.Lines(string(list)) {
		name := strings.TrimSpace(line)
		if name == "" || strings.HasPrefix(name, "#") {
			continue
		}
		if err := add(name, filepath.Join(tabler, "icons/icons/outline", name+".svg")); err != nil {
			return err
		}
	}
	svg.WriteString("</svg>")
	_, err = b.put("sprite.svg", []byte(svg.String()))
	return err
}

func (b *builder) mark() error {
	raw, err := os.ReadFile(filepath.Join(source, "mark.svg"))
	if err != nil {
		return err
	}
	_, err = b.put("mark.svg", raw)
	return err
}

func (b *builder) licences() error {
	var all bytes.Buffer
	for _, file := range licences {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		fmt.Fprintf(&all, "==== %s\n\n%s\n\n", strings.TrimPrefix(filepath.Dir(file), "node_modules/"), raw)
	}
	return os.WriteFile(filepath.Join(target, "third-party-licences.txt"), all.Bytes(), 0o644)
}

// purge leaves of Tabler what our templates and scripts use.
func purge() (string, error) {
	cmd := exec.Command("node", "tools/assets/purge.mjs")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("purging Tabler: %w", err)
	}
	return string(out), nil
}

// virtual answers an import of "opora:NAME" with text made here.
func virtual(made map[string]string) api.Plugin {
	return api.Plugin{Name: "virtual", Setup: func(build api.PluginBuild) {
		build.OnResolve(api.OnResolveOptions{Filter: "^opora:"}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
			return api.OnResolveResult{Path: strings.TrimPrefix(a.Path, "opora:"), Namespace: "virtual"}, nil
		})
		build.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: "virtual"}, func(a api.OnLoadArgs) (api.OnLoadResult, error) {
			text, ok := made[a.Path]
			if !ok {
				return api.OnLoadResult{}, fmt.Errorf("nothing makes opora:%s", a.Path)
			}
			return api.OnLoadResult{Contents: &text, Loader: api.LoaderCSS}, nil
		})
		build.OnResolve(api.OnResolveOptions{Filter: `\.woff2$`}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
			return api.OnResolveResult{Path: a.Path, External: true}, nil
		})
	}}
}

// bundle runs esbuild over the entry points.
func (b *builder) bundle() error {
	faces, err := b.fontFaces()
	if err != nil {
		return err
	}
	base, err := purge()
	if err != nil {
		return err
	}
	result := api.Build(api.BuildOptions{
		EntryPoints: []string{source + "/portal.js", source + "/desk.js", source + "/live-worker.js", source + "/app.css"},
		Bundle:      true, Splitting: true, Format: api.FormatESModule, Target: api.ES2022,
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true,
		EntryNames: "[name]-[hash]", ChunkNames: "chunk-[hash]", Outdir: target, Write: true, Metafile: true,
		LegalComments: api.LegalCommentsNone, LogLevel: api.LogLevelWarning,
		Plugins: []api.Plugin{virtual(map[string]string{"fonts": faces, "tabler": base})},
	})
	if len(result.Errors) > 0 {
		return fmt.Errorf("%d errors in the bundle", len(result.Errors))
	}
	return b.weigh(result)
}

// weigh notes each entry point in the manifest, with the compressed size of all that a browser fetches for it.
func (b *builder) weigh(result api.BuildResult) error {
	var meta struct {
		Outputs map[string]struct {
			EntryPoint string
			Imports    []struct{ Path, Kind string }
		}
	}
	if err := json.Unmarshal([]byte(result.Metafile), &meta); err != nil {
		return err
	}
	size := map[string]int{}
	for _, f := range result.OutputFiles {
		size[filepath.Base(f.Path)] = compressed(f.Contents)
	}
	for path, out := range meta.Outputs {
		if out.EntryPoint == "" {
			continue
		}
		name := filepath.Base(out.EntryPoint)
		b.manifest[name] = filepath.Base(path)
		reached := []string{path}
		for i := 0; i < len(reached); i++ {
			for _, im := range meta.Outputs[reached[i]].Imports {
				if im.Kind == "import-statement" && !slices.Contains(reached, im.Path) {
					reached = append(reached, im.Path)
				}
			}
		}
		for _, p := range reached {
			b.weight[name] += size[filepath.Base(p)]
		}
	}
	return nil
}

func compressed(raw []byte) int {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant of the package
	}
	if _, err := w.Write(raw); err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Len()
}

// report prints the weights and fails over budget.
func (b *builder) report() error {
	var names []string
	for name := range b.weight {
		names = append(names, name)
	}
	slices.Sort(names)
	var over []string
	for _, name := range names {
		limit, ok := budgets[name]
		if !ok && strings.HasSuffix(name, ".woff2") {
			limit, ok = budgets["font"], true
		}
		line := fmt.Sprintf("%-22s %6.1f KiB", name, float64(b.weight[name])/kib)
		if ok {
			line += fmt.Sprintf(" of %3d", limit/kib)
			if b.weight[name] > limit {
				over = append(over, name)
			}
		}
		fmt.Println(line)
	}
	if len(over) > 0 {
		return fmt.Errorf("over budget: %s", strings.Join(over, ", "))
	}
	return nil
}
