package caddymodule

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestGenerationLogFollowsTheNewestGeneration(t *testing.T) {
	t.Parallel()
	var log generationLog
	logger := log.logger().With("engine", "one").WithGroup("table")
	logger.Info("before any generation")

	var first, second bytes.Buffer
	endFirst := log.begin(slog.New(slog.NewTextHandler(&first, nil)))
	logger.Info("a", "n", 1)
	endSecond := log.begin(slog.New(slog.NewTextHandler(&second, nil)))
	logger.Info("b", "n", 2)
	endSecond() // refused: the first runs on
	logger.Info("c", "n", 3)
	endSecond = log.begin(slog.New(slog.NewTextHandler(&second, nil)))
	endFirst() // the old one of a reload ends after the new one began
	logger.Info("d", "n", 4)
	endSecond()

	for buffer, want := range map[*bytes.Buffer]string{
		&first:  "a engine=one table.n=1|c engine=one table.n=3",
		&second: "b engine=one table.n=2|d engine=one table.n=4",
	} {
		var got []string
		for line := range strings.Lines(buffer.String()) {
			_, text, _ := strings.Cut(line, "msg=")
			got = append(got, strings.TrimSpace(text))
		}
		if strings.Join(got, "|") != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
