package jobs

import (
	"context"
	"log/slog"
)

// quiet is the logger for River: it counts its jobs into the log every few seconds, which nobody reads.
func quiet(l *slog.Logger) *slog.Logger { return slog.New(warnings{l.Handler()}) }

// warnings passes on what is at least a warning.
type warnings struct{ slog.Handler }

func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
