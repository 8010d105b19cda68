package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is the program under measurement, on a folder of its own.
type server struct {
	cmd     *exec.Cmd
	dir     string
	url     string
	client  *http.Client
	started time.Duration // to the first 200
}

// serve starts the program on the folder and waits until its sign-in page is there.
func serve(ctx context.Context, program, dir string) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	s := &server{dir: dir, url: "http://" + address, client: &http.Client{
		Timeout:       30 * time.Second,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	s.cmd = exec.CommandContext(ctx, program, "serve", "--data", dir, "--listen", address, "--log-level", "warn")
	s.cmd.Stderr = os.Stderr
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	from := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if status, _, err := s.get(ctx, "/sign-in", ""); err == nil && status == http.StatusOK {
			s.started = time.Since(from)
			return s, nil
		}
		if time.Since(from) > time.Minute {
			return nil, errors.Join(errors.New("the server does not come up"), s.stop())
		}
		<-tick.C
	}
}

// get asks for a page as the one whose session the token opens.
func (s *server) get(ctx context.Context, path, token string) (status int, body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return 0, nil, err
	}
	if token != "" {
		r.Header.Set("Cookie", "opora_session="+token)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// highest is the highest resident size of the program so far, in MiB. PostgreSQL is not in it.
func (s *server) highest() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("the system does not say the highest resident size")
}

// dsn is how to reach the server's database beside it.
func (s *server) dsn() (string, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, "opora.json"))
	if err != nil {
		return "", err
	}
	var card struct {
		DSN string `json:"dsn"`
	}
	return card.DSN, json.Unmarshal(text, &card)
}

func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return s.cmd.Wait()
}

// start measures from the start of the program to its first page, private PostgreSQL included.
func (b *bench) start(ctx context.Context) error {
	d, err := b.open(ctx, b.large())
	if err != nil {
		return err
	}
	if err := d.close(); err != nil {
		return err
	}
	const warmup, n = 1, 7
	var starts times
	for i := range warmup + n {
		s, err := serve(ctx, b.program, d.dir)
		if err != nil {
			return err
		}
		if i >= warmup {
			starts = append(starts, s.started)
		}
		if err := s.stop(); err != nil {
			return err
		}
	}
	b.print(figure{Name: "start", Value: starts.p95() / 1000, Median: starts.percentile(50) / 1000, Unit: "s", Limit: 1, N: n, Warmup: warmup, Concurrency: 1, Tickets: d.size})
	return nil
}
