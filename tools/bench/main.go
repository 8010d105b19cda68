// Command bench measures Opora against its limits and prints one JSON line for each figure; it fails when a limit is missed.
//
// It makes its own data: two folders as a server has them, one with 10,000 incidents and one with 1,000,000, on PostgreSQL as it
// ships with Opora, every durability on. Some thousand incidents live through the desk's own use cases there; the rest are copies of
// them under numbers of their own, sealed anew, so that audit and clocks can be verified to the last row. Pages are measured from
// outside, on the real program.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	quick   bool
	verify  bool
	only    string
	keep    string
	history string
	program string
}

// figure is one line of the output. Times are the 95th percentile of n samples that were taken after warmup others, by so many
// clients at once.
type figure struct {
	Name        string  `json:"name"`
	Value       float64 `json:"value"`
	Unit        string  `json:"unit"`
	Limit       float64 `json:"limit,omitempty"`
	Ratio       float64 `json:"ratio,omitempty"` // to the same with 10,000 incidents
	RatioLimit  float64 `json:"ratio_limit,omitempty"`
	Yardstick   float64 `json:"yardstick_ms,omitempty"` // an indexed read of one row by the same client at the same time
	N           int     `json:"n"`
	Warmup      int     `json:"warmup"`
	Concurrency int     `json:"concurrency"`
	Median      float64 `json:"median,omitempty"`
	Tickets     int     `json:"tickets,omitempty"`
}

// bench is one run.
type bench struct {
	options
	dir    string
	missed []string // figures beyond their limits
}

// parts are what -only can name, in the order in which they run. Each needs the data before it, which is kept.
var parts = []struct {
	name string
	run  func(b *bench, ctx context.Context) error
}{
	{"escalation", (*bench).escalation},
	{"start", (*bench).start},
	{"pages", (*bench).pages},
	{"import", (*bench).importHistory},
}

func main() {
	var o options
	flag.BoolVar(&o.quick, "quick", false, "100,000 incidents in place of 1,000,000, to try the bench itself")
	flag.BoolVar(&o.verify, "verify", false, "verify audit and clocks of the large database too, not of the small one alone")
	flag.StringVar(&o.only, "only", "", "these parts alone, by commas: escalation, start, pages, import")
	flag.StringVar(&o.keep, "keep", "", "folder in which the data stays; a second run within the day finds it there")
	flag.StringVar(&o.history, "history", "", "log to import; empty: one of the same shape is made")
	flag.StringVar(&o.program, "program", "bin/opora", "the program to measure")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		slog.Error("bench", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	b := &bench{options: o, dir: o.keep}
	if b.dir == "" {
		if b.dir, err = os.MkdirTemp("", "opora-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	}
	if b.dir, err = filepath.Abs(b.dir); err != nil {
		return err
	}
	// The folder is passed through by PostgreSQL's own account.
	if err := errors.Join(os.MkdirAll(b.dir, 0o755), os.Chmod(b.dir, 0o755)); err != nil {
		return err
	}
	for _, p := range parts {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), p.name) {
			continue
		}
		slog.Info("measuring", "part", p.name)
		if err := p.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if len(b.missed) > 0 {
		return fmt.Errorf("beyond the limit: %s", strings.Join(b.missed, ", "))
	}
	return nil
}

// print writes a figure and notes whether it is within its limits.
func (b *bench) print(f figure) {
	for _, v := range []*float64{&f.Value, &f.Ratio, &f.Yardstick, &f.Median} {
		*v = float64(int64(*v*1000+0.5)) / 1000
	}
	line, err := json.Marshal(f)
	if err != nil { // plain values always marshal
		panic(err)
	}
	fmt.Println(string(line))
	if f.Limit > 0 && f.Value > f.Limit || f.RatioLimit > 0 && f.Ratio > f.RatioLimit {
		b.missed = append(b.missed, f.Name)
	}
}

// times are the samples of a figure.
type times []time.Duration

func (t *times) add(f func() error) error {
	from := time.Now()
	err := f()
	*t = append(*t, time.Since(from))
	return err
}

// percentile is in milliseconds.
func (t times) percentile(p int) float64 {
	if len(t) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(t))
	return float64(s[min(len(s)-1, len(s)*p/100)].Microseconds()) / 1000
}

func (t times) p95() float64 { return t.percentile(95) }
