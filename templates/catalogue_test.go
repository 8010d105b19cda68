package templates_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"opora/internal/locale"
)

const root = ".."

// message is one entry of the catalogue: the text by plural form, "" for a text without forms.
type message map[string]string

// catalogue reads messages/LANG/*.yaml and complains about an id that stands in two areas.
func catalogue(t *testing.T, lang string) map[string]message {
	t.Helper()
	out := map[string]message{}
	names, err := filepath.Glob(filepath.Join(root, "internal/locale/messages", lang, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var area map[string]any
		if err := yaml.Unmarshal(raw, &area); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for id, v := range area {
			if _, twice := out[id]; twice {
				t.Errorf("%s: %s stands in two areas", lang, id)
			}
			m := message{}
			switch v := v.(type) {
			case map[string]any:
				for form, text := range v {
					m[form] = fmt.Sprint(text)
				}
			default:
				m[""] = fmt.Sprint(v)
			}
			out[id] = m
		}
	}
	return out
}

var placeholder = regexp.MustCompile(`\{\{[^}]*\}\}`)

func placeholders(m message) []string {
	var out []string
	for _, text := range m {
		out = append(out, placeholder.FindAllString(text, -1)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestCatalogue: the same ids in all languages, with the same values in them, and every plural form a language has.
func TestCatalogue(t *testing.T) {
	forms := map[string][]string{"en": {"one", "other"}, "ru": {"few", "many", "one", "other"}, "uk": {"few", "many", "one", "other"}}
	english := catalogue(t, "en")
	for _, lang := range locale.Languages {
		mine := catalogue(t, lang)
		for id := range english {
			if mine[id] == nil {
				t.Errorf("%s lacks %s", lang, id)
			}
		}
		for id, m := range mine {
			want, ok := english[id]
			if !ok {
				t.Errorf("%s has %s, English has not", lang, id)
				continue
			}
			if a, b := placeholders(m), placeholders(want); !slices.Equal(a, b) {
				t.Errorf("%s: %s has %v, English has %v", lang, id, a, b)
			}
			var have []string
			for form, text := range m {
				if strings.TrimSpace(text) == "" {
					t.Errorf("%s: %s is empty", lang, id)
				}
				if form != "" {
					have = append(have, form)
				}
			}
			_, plain := want[""]
			slices.Sort(have)
			if plain != (have == nil) || !plain && !slices.Equal(have, forms[lang]) {
				t.Errorf("%s: %s has the forms %v, wants %v", lang, id, have, forms[lang])
			}
		}
	}
}

// use is where an id is named; with prefix the rest of the id is put to it while the program runs.
type use struct {
	id     string
	prefix bool
	where  string
}

// TestEveryMessageExists: each id that a template or the program names as a literal is in the catalogue.
func TestEveryMessageExists(t *testing.T) {
	known := catalogue(t, "en")
	uses := append(usesInTemplates(t), usesInGo(t)...)
	if len(uses) < 50 {
		t.Fatalf("only %d uses found: the search is broken", len(uses))
	}
	for _, u := range uses {
		if u.prefix {
			found := false
			for id := range known {
				found = found || strings.HasPrefix(id, u.id)
			}
			if !found {
				t.Errorf("%s: no message begins with %q", u.where, u.id)
			}
			continue
		}
		if known[u.id] == nil {
			t.Errorf("%s: no message %q", u.where, u.id)
		}
	}
}

var (
	inTemplate = regexp.MustCompile(`\.P\.[TN] "([^"]+)"`)
	fieldLabel = regexp.MustCompile(`\.(?:Field|Files|Picker) (?:"[^"]*"|\.\w+) "([^"]+)"`)
)

func usesInTemplates(t *testing.T) []use {
	t.Helper()
	var uses []use
	for name, text := range templateSources(t) {
		for _, m := range slices.Concat(inTemplate.FindAllStringSubmatch(text, -1), fieldLabel.FindAllStringSubmatch(text, -1)) {
			uses = append(uses, use{id: m[1], where: name})
		}
	}
	return uses
}

func templateSources(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	names, err := filepath.Glob("*/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(raw)
	}
	return out
}

var messageID = regexp.MustCompile(`^[a-z]+(_[a-z]+)*\.[a-z0-9_.]*$`)

// idAt says at which argument a call by that name takes a message id.
var idAt = map[string]int{"T": 0, "N": 0, "New": 1, "Wrap": 2, "Add": 1}

func usesInGo(t *testing.T) []use {
	t.Helper()
	var uses []use
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "var") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if u, ok := usedBy(call); ok {
					u.where = files.Position(call.Pos()).String()
					uses = append(uses, u)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return uses
}

func usedBy(call *ast.CallExpr) (use, bool) {
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return use{}, false
	}
	at, ok := idAt[fun.Sel.Name]
	if !ok || len(call.Args) <= at {
		return use{}, false
	}
	if from, isName := fun.X.(*ast.Ident); (fun.Sel.Name == "New" || fun.Sel.Name == "Wrap") && (!isName || from.Name != "fault") {
		return use{}, false
	}
	u := use{}
	arg := call.Args[at]
	if sum, ok := arg.(*ast.BinaryExpr); ok && sum.Op == token.ADD {
		arg, u.prefix = leftmost(sum), true
	}
	literal, ok := arg.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return use{}, false
	}
	id, err := strconv.Unquote(literal.Value)
	if err != nil || !messageID.MatchString(id) {
		return use{}, false
	}
	u.id = id
	return u, true
}

func leftmost(e ast.Expr) ast.Expr {
	for {
		sum, ok := e.(*ast.BinaryExpr)
		if !ok {
			return e
		}
		e = sum.X
	}
}

// forbidden is what the policy would block, or what could run text as a program.
var forbidden = regexp.MustCompile(`(?i)\sstyle=|<style|\son[a-z]+=|hx-on|hx-vals=['"]js:|hx-headers=['"]js:|javascript:|<script(?:\s[^>]*)?>[^<]|hx-trigger="[^"]*\[|template\.(?:JS|CSS)\b`)

// TestTemplatesKeepThePolicy: nothing inline, no filters that need eval, and only icons that the sprite has.
func TestTemplatesKeepThePolicy(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(root, "web/assets/icons.txt"))
	if err != nil {
		t.Fatal(err)
	}
	icons := strings.Fields(string(raw))
	named := regexp.MustCompile(`\bicon "([^"]+)"`)
	for name, text := range templateSources(t) {
		if bad := forbidden.FindString(text); bad != "" {
			t.Errorf("%s: %q is not allowed", name, bad)
		}
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(icons, m[1]) {
				t.Errorf("%s: icon %q is not in web/assets/icons.txt", name, m[1])
			}
		}
	}
	for _, sample := range []string{`<p style="x">`, `<a onclick="x">`, `<script>alert(1)`, `hx-trigger="click[ctrlKey]"`, `<b hx-on:click="x">`} {
		if !forbidden.MatchString(sample) {
			t.Errorf("the rule lets %q through", sample)
		}
	}
}
