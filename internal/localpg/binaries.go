package localpg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// oldest is the first major version that Opora's migrations run on.
const oldest = 15

// ErrNoPostgres says that the machine has no PostgreSQL server that would do.
var ErrNoPostgres = errors.New("no PostgreSQL server found")

// binaries is a folder with the server's programs, all of one major version.
type binaries struct {
	dir   string
	major int
}

// find looks for the server's programs: in the named folder and nowhere else when one is named, then on PATH, then where
// Debian, the PostgreSQL project's packages and Homebrew put them. major is the version that the data needs; 0 takes
// the newest.
func find(ctx context.Context, named string, major int) (binaries, error) {
	dirs := []string{named}
	if named == "" {
		dirs = places()
	}
	var found []binaries
	for _, dir := range dirs {
		if b, ok := inspect(ctx, dir); ok {
			found = append(found, b)
		}
	}
	if len(found) == 0 && named != "" {
		return binaries{}, fmt.Errorf("%w: OPORA_PG_BIN names %s, and there are no initdb and postgres that start", ErrNoPostgres, named)
	}
	if len(found) == 0 {
		return binaries{}, fmt.Errorf("%w: install it (Debian: apt-get install postgresql), or name the folder of its programs in OPORA_PG_BIN, "+
			"or name a running server in OPORA_DATABASE_URL", ErrNoPostgres)
	}
	newest := slices.MaxFunc(found, func(a, b binaries) int { return cmp.Compare(a.major, b.major) })
	if major == 0 {
		if newest.major < oldest {
			return binaries{}, fmt.Errorf("%w: %s is version %d, Opora needs %d or newer", ErrNoPostgres, newest.dir, newest.major, oldest)
		}
		return newest, nil
	}
	if i := slices.IndexFunc(found, func(b binaries) bool { return b.major == major }); i >= 0 {
		return found[i], nil
	}
	return binaries{}, fmt.Errorf("the data was written by PostgreSQL %d, and only version %d was found (%s); two ways out: "+
		"install PostgreSQL %d beside it (Debian: apt-get install postgresql-%d) or name its programs' folder in OPORA_PG_BIN; "+
		"or, where version %d still runs, `opora backup FILE`, and then `opora restore FILE` into an empty OPORA_DATA",
		major, newest.major, newest.dir, major, major, major)
}

// places lists the folders where server programs usually stand.
func places() []string {
	var dirs []string
	if p, err := exec.LookPath("postgres"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			dirs = append(dirs, filepath.Dir(p))
		}
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql@*/bin"} {
		if match, err := filepath.Glob(pattern); err == nil { // the only error is a bad pattern
			dirs = append(dirs, match...)
		}
	}
	return dirs
}

var versionLine = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// inspect asks the programs in dir for their version; false when they are not there or do not start.
func inspect(ctx context.Context, dir string) (binaries, bool) {
	if _, err := exec.LookPath(filepath.Join(dir, "initdb")); err != nil {
		return binaries{}, false
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return binaries{}, false
	}
	m := versionLine.FindStringSubmatch(string(out))
	if m == nil {
		return binaries{}, false
	}
	major, err := strconv.Atoi(m[1])
	return binaries{dir, major}, err == nil
}

// Program finds a client program (pg_dump, pg_restore), the newest there is, since it must not be older than the server.
// named is OPORA_PG_BIN or empty.
func Program(name, named string) (string, error) {
	dirs := []string{named}
	if named == "" {
		dirs = places()
		slices.SortStableFunc(dirs, func(a, b string) int { return cmp.Compare(majorOf(b), majorOf(a)) })
	}
	for _, dir := range dirs {
		if p, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return p, nil
		}
	}
	if p, err := exec.LookPath(name); err == nil {
		return p, nil
	}
	return "", fmt.Errorf("%s is not installed (Debian: apt-get install postgresql-client), or name its folder in OPORA_PG_BIN", name)
}

// majorOf reads the version out of a folder's name (/usr/lib/postgresql/15/bin); 0 when it says none.
func majorOf(dir string) int {
	for part := range strings.SplitSeq(dir, "/") {
		if n, err := strconv.Atoi(strings.TrimLeft(part, "abcdefghijklmnopqrstuvwxyz-@")); err == nil {
			return n
		}
	}
	return 0
}
