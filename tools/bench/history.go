package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// importHistory measures the program's import of a log into an empty desk.
func (b *bench) importHistory(ctx context.Context) error {
	file := b.history
	if file == "" {
		file = filepath.Join(b.dir, "log.csv")
		if err := writeLog(file); err != nil {
			return err
		}
	}
	dir := filepath.Join(b.dir, "import")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	d, err := openData(ctx, dir, 0) // the making of the database is not the import's
	if err != nil {
		return err
	}
	if err := d.close(); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, b.program, "import", "history", "--mapping", "servicenow", "--data", dir, "--log-level", "warn", file)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	from := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, out.String())
	}
	took := time.Since(from)
	var summary struct{ Incidents, Events, Rejected, Rows int }
	if err := json.Unmarshal(out.Bytes(), &summary); err != nil {
		return err
	}
	if b.history == "" && (summary.Incidents != logIncidents || summary.Events != logRows) {
		return fmt.Errorf("the import took %d incidents and %d rows of %d and %d", summary.Incidents, summary.Events, logIncidents, logRows)
	}
	b.print(figure{Name: "history_import", Value: took.Seconds(), Unit: "s", Limit: 300, N: summary.Events, Concurrency: 1, Tickets: summary.Incidents})
	return errors.Join(os.RemoveAll(dir))
}
