// Package opora_test holds tests about the code itself: which package may import which, where SQL and the big libraries
// stand, and the habits that docs/architecture.md asks for. A rule that is changed here is changed there in the same
// commit.
package opora_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "opora/"

// all stands for every package of ours but cmd and testkit.
const all = "*"

// arrows says what a package may import of ours. An entry that ends in "/" stands for everything below it, as a rule
// for packages and as a permission. The longest rule counts, and a package without one fails the test.
var arrows = map[string][]string{
	"cmd/":   {all},
	"tools/": {all},
	"web":    {"web/static", "channels/", "reports/", "itsm/", "cmdb", "auth/", "workflows/", "templates", "internal/"},

	"web/static": {},
	"templates":  {"internal/locale", "internal/db"},

	"channels/": {"itsm/", "cmdb", "auth/", "workflows/", "templates", "internal/"},
	"reports/":  {"itsm/", "cmdb", "auth/", "workflows/", "templates", "internal/"},

	"itsm":            {"itsm/", "cmdb", "auth/", "workflows/", "internal/"},
	"itsm/":           {"cmdb", "auth/", "workflows/", "internal/"}, // parts that stand alone: not back into itsm
	"itsm/lifecycles": {"workflows/lifecycle"},

	"cmdb":            {"auth/", "workflows/", "internal/"},
	"auth":            {"auth/directory", "workflows/", "internal/"},
	"auth/directory/": {"auth/directory", "internal/"}, // knows nothing of roles and sessions
	"workflows/":      {"internal/"},
	"migrations":      {"internal/locale", "internal/db", "internal/jobs"},

	"internal/db":       {"internal/fault"},
	"internal/fault":    {},
	"internal/locale":   {},
	"internal/localpg":  {},
	"internal/audit":    {"internal/db", "internal/fault"},
	"internal/files":    {"internal/db", "internal/fault"},
	"internal/jobs":     {"internal/db", "internal/fault"},
	"internal/settings": {"internal/db", "internal/fault", "internal/audit"},
	"internal/testkit":  {all},
}

// onlyIn says which packages may import a library; tests, and testkit for them, use what they like.
var onlyIn = map[string][]string{
	"github.com/gin-gonic/":     {"web"},
	"github.com/gin-contrib/":   {"web"},
	"github.com/go-ldap/":       {"auth/directory", "auth/directory/"},
	"github.com/robfig/cron/":   {"workflows/schedule"},
	"github.com/riverqueue/":    {"internal/jobs"},
	"github.com/pressly/goose/": {"migrations"},
	"github.com/alecthomas/":    {"cmd/"},
	"github.com/evanw/esbuild/": {"tools/"},
}

// withSQL are the packages that hold SQL in any file; everywhere else it stands in store_*.go.
var withSQL = []string{"internal/db", "internal/audit", "internal/jobs", "internal/localpg", "internal/testkit", "migrations"}

// sqlText is what a statement begins with, in the capitals that the house writes them in.
var sqlText = regexp.MustCompile(`^\s*(SELECT\s|INSERT INTO\s|UPDATE \w+\s+(AS \w+\s+)?SET\s|DELETE FROM\s|WITH (RECURSIVE )?\w+\s*(\([^)]*\))?\s*AS\s|MERGE INTO\s|(CREATE|ALTER|DROP) (TABLE|INDEX|ROLE|DATABASE|SCHEMA|VIEW|FUNCTION)\s|TRUNCATE\s|LISTEN\s|NOTIFY\s)`)

// longFile is where a file is asked whether it has two subjects.
const longFile = 500

// source is one Go file of ours.
type source struct {
	path  string // from the root, with slashes
	dir   string // its package, from the root
	test  bool
	lines int
	ast   *ast.File
}

var fileSet = token.NewFileSet()

// sources reads every Go file of the tree.
func sources(t *testing.T) []source {
	t.Helper()
	var list []source
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != "." && (slices.Contains([]string{"node_modules", "testdata", "var", "bin"}, d.Name()) || strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(p) != ".go" {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(fileSet, p, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		slashed := filepath.ToSlash(p)
		list = append(list, source{slashed, path.Dir(slashed), strings.HasSuffix(p, "_test.go"), bytes.Count(text, []byte{'\n'}), parsed})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 10 {
		t.Fatalf("only %d Go files found: the test does not run at the root", len(list))
	}
	return list
}

// imports are the paths that a file imports.
func (s source) imports() []string {
	var list []string
	for _, i := range s.ast.Imports {
		if name, err := strconv.Unquote(i.Path.Value); err == nil {
			list = append(list, name)
		}
	}
	return list
}

// within tells whether a package is the pattern or, where that ends in "/", below it (itsm/ covers itsm too).
func within(pkg, pattern string) bool {
	return pkg == strings.TrimSuffix(pattern, "/") || strings.HasSuffix(pattern, "/") && strings.HasPrefix(pkg, pattern)
}

// rule is the longest entry of arrows that covers the package; an exact one wins over one for everything below.
func rule(pkg string) (allowed []string, found bool) {
	best := ""
	for pattern := range arrows {
		if within(pkg, pattern) && (len(pattern) > len(best) || pattern == pkg) && best != pkg {
			best = pattern
		}
	}
	allowed, found = arrows[best]
	return allowed, found
}

func TestArrowsRunOneWay(t *testing.T) {
	for _, s := range sources(t) {
		if s.dir == "." {
			continue
		}
		allowed, found := rule(s.dir)
		if !found {
			t.Errorf("%s: the package stands in no rule; give it one in arrows and in docs/architecture.md", s.path)
			continue
		}
		for _, name := range s.imports() {
			target, ours := strings.CutPrefix(name, module)
			if !ours || s.test {
				continue
			}
			if target == "internal/testkit" {
				t.Errorf("%s imports internal/testkit, which is for tests alone", s.path)
				continue
			}
			permitted := slices.ContainsFunc(allowed, func(p string) bool {
				return p == all && !within(target, "cmd/") || p != all && within(target, p)
			})
			if !permitted && target != s.dir {
				t.Errorf("%s imports %s: %s may import %s", s.path, target, s.dir, strings.Join(allowed, ", "))
			}
		}
	}
}

func TestLibrariesStandWhereTheyBelong(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.dir == "internal/testkit" {
			continue
		}
		for _, name := range s.imports() {
			for library, homes := range onlyIn {
				if strings.HasPrefix(name, library) && !slices.ContainsFunc(homes, func(p string) bool { return within(s.dir, p) }) {
					t.Errorf("%s imports %s, which belongs to %s", s.path, name, strings.Join(homes, ", "))
				}
			}
		}
	}
}

func TestPackagesSayWhatTheyAreFor(t *testing.T) {
	documented := map[string]int{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		n := documented[s.dir] // so that a package without any is listed too
		if s.ast.Doc != nil {
			n++
			want := "Package " + s.ast.Name.Name + " "
			if s.ast.Name.Name == "main" {
				want = "Command " + path.Base(s.dir) + " "
			}
			if !strings.HasPrefix(s.ast.Doc.Text(), want) {
				t.Errorf("%s: the package comment does not begin with %q", s.path, want)
			}
		}
		documented[s.dir] = n
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "models", "managers", "controllers", "dto", "misc"}, path.Base(s.dir)) {
			t.Errorf("%s: a package is named after what it holds", s.dir)
		}
	}
	for dir, n := range documented {
		if n != 1 {
			t.Errorf("%s: %d package comments; one says what belongs there and what does not", dir, n)
		}
	}
}

func TestSQLStandsInStores(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || slices.Contains(withSQL, s.dir) || strings.HasPrefix(path.Base(s.path), "store_") {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && sqlText.MatchString(text) {
					t.Errorf("%s: SQL belongs into a store_*.go", fileSet.Position(lit.Pos()))
				}
			}
			return true
		})
	}
}

func TestContextsAndPageData(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		root := within(s.dir, "cmd/") || within(s.dir, "tools/") || s.dir == "internal/testkit"
		page := s.dir == "web" || s.dir == "templates"
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				name := qualified(n)
				if !root && (name == "context.Background" || name == "context.TODO") {
					t.Errorf("%s: a context is passed down from main", fileSet.Position(n.Pos()))
				}
				if page && name == "gin.H" {
					t.Errorf("%s: page data and API answers are structs", fileSet.Position(n.Pos()))
				}
			case *ast.CompositeLit:
				if page && anyMap(n.Type) {
					t.Errorf("%s: page data and API answers are structs", fileSet.Position(n.Pos()))
				}
			}
			return true
		})
	}
}

func TestTestsNeitherSleepNorSkip(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test && s.dir != "internal/testkit" {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if selector, ok := call.Fun.(*ast.SelectorExpr); ok {
				switch name := qualified(selector); name {
				case "time.Sleep", "t.Skip", "t.Skipf", "t.SkipNow", "tb.Skip", "tb.Skipf", "tb.SkipNow":
					t.Errorf("%s: %s: a test waits for what it wants to see, and fails where it cannot run", fileSet.Position(n.Pos()), name)
				}
			}
			return true
		})
	}
}

// TestLongFiles only tells: go test -v -run LongFiles .
func TestLongFiles(t *testing.T) {
	for _, s := range sources(t) {
		if s.lines > longFile {
			t.Logf("%s has %d lines: one subject, or two?", s.path, s.lines)
		}
	}
}

// qualified is pkg.Name of a selector on a plain name; "" for any other.
func qualified(s *ast.SelectorExpr) string {
	if from, ok := s.X.(*ast.Ident); ok {
		return from.Name + "." + s.Sel.Name
	}
	return ""
}

// anyMap tells whether a type is map[string]any in either spelling.
func anyMap(e ast.Expr) bool {
	m, ok := e.(*ast.MapType)
	if !ok {
		return false
	}
	switch v := m.Value.(type) {
	case *ast.Ident:
		return v.Name == "any"
	case *ast.InterfaceType:
		return len(v.Methods.List) == 0
	}
	return false
}
