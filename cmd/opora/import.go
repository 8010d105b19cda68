package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"opora/itsm"
)

// importCommand brings in what another desk has kept.
type importCommand struct {
	History importHistoryCommand `cmd:"" help:"Bring in the log of another desk as it happened; safe beside a running server, and to stop and start again."`
}

type importHistoryCommand struct {
	Config  `embed:""`
	Mapping string `required:"" placeholder:"NAME|FILE" help:"How the log reads: a mapping that ships (servicenow) or the path of a YAML file like it."`
	Until   string `placeholder:"DATE" help:"End the history with this day (2016-03-31), in the zone of the mapping: what was open then stays open."`
	File    string `arg:"" placeholder:"FILE" help:"The log: CSV, plain or compressed by gzip. - is standard input."`
}

// Run prints the summary as JSON, of an import that broke off too.
func (c *importHistoryCommand) Run(ctx context.Context, env environmentFaults) (err error) {
	mapping, err := itsm.LoadMapping(c.Mapping)
	if err != nil {
		return &configError{strings.Split("--"+err.Error(), "\n")}
	}
	if _, err := time.Parse(time.DateOnly, c.Until); c.Until != "" && err != nil {
		return &configError{[]string{fmt.Sprintf("--until: %q is no day; 2016-03-31 would be right", c.Until)}}
	}
	file := os.Stdin
	if c.File != "-" {
		if file, err = os.Open(c.File); err != nil {
			return fmt.Errorf("opening the log: %w", err)
		}
		defer file.Close() //nolint:errcheck // opened to read
	}
	return withDesk(ctx, c.Config, env, func(d *Desk) error {
		shown, done := progress(file)
		log, err := plain(shown)
		if err != nil {
			return err
		}
		summary, err := d.Tickets.ImportHistory(ctx, log, mapping, itsm.HistoryOptions{Until: c.Until})
		done()
		return errors.Join(printCheck(summary, false), err)
	})
}

// progress shows on a person's terminal how far the file was read; done takes the bar away.
func progress(file *os.File) (r io.Reader, done func()) {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return file, func() {}
	}
	size := int64(-1) // a pipe: how much was read, of nobody knows what
	if st, err := file.Stat(); err == nil && st.Mode().IsRegular() {
		size = st.Size()
	}
	bar := progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetDescription("importing"),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish(),
	)
	inner := progressbar.NewReader(file, bar)
	return &inner, func() { _ = bar.Finish() }
}

// plain unpacks what is compressed by gzip, whatever the file is called.
func plain(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	if !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return in, nil
	}
	log, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("unpacking the log: %w", err)
	}
	return log, nil
}
