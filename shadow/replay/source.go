package replay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strangler-proxy/strangler/shadow/cases"
	"github.com/strangler-proxy/strangler/shadow/diff"
)

// Source is what was read from a file or folder.
type Source struct {
	Exchanges []Exchange
	// Without counts entries that had no answer, Foreign those that are no HTTP.
	Without, Foreign int
	// Placeholders are the names in the targets of cases that need a value, sorted.
	Placeholders []string
}

// ErrEmpty says that a source has nothing that could be sent.
var ErrEmpty = errors.New("there is nothing to replay")

// Read reads a file or a folder: a HAR file (*.har), cases (*.json, *.jsonl, or a
// folder of them), or a folder of recorded messages (*.request.http). Placeholders
// of cases get values; answersNeeded is false when a second target is asked.
func Read(name string, values map[string]string, answersNeeded bool) (*Source, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	out := new(Source)
	switch {
	case info.IsDir():
		err = out.folder(name, values, answersNeeded)
	case info.Size() > MaxBytes:
		err = fmt.Errorf("it is larger than %d MiB", MaxBytes>>20)
	case strings.EqualFold(filepath.Ext(name), ".har"):
		var file *os.File
		if file, err = os.Open(name); err == nil {
			err = out.har(file)
			_ = file.Close() // it was only read
		}
	default:
		err = out.cases(name, values)
	}
	if err == nil && len(out.Exchanges) == 0 {
		err = ErrEmpty
		if out.Without+out.Foreign > 0 {
			err = fmt.Errorf("%w: %d entries had no answer, %d are no HTTP", err, out.Without, out.Foreign)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

// folder reads what a folder holds, one kind of it.
func (s *Source) folder(name string, values map[string]string, answersNeeded bool) error {
	entries, err := os.ReadDir(name) // sorted
	if err != nil {
		return err
	}
	var files, recorded []string
	var size int64
	for _, entry := range entries {
		switch {
		case strings.HasSuffix(entry.Name(), ".request.http"):
			recorded = append(recorded, entry.Name())
		case slices.Contains([]string{".json", ".jsonl"}, filepath.Ext(entry.Name())):
			files = append(files, entry.Name())
		}
		if info, err := entry.Info(); err == nil {
			size += info.Size()
		}
	}
	switch {
	case size > MaxBytes || len(entries) > 2*MaxExchanges:
		return fmt.Errorf("it holds more than %d MiB or %d exchanges", MaxBytes>>20, MaxExchanges)
	case len(recorded) > 0 && len(files) > 0:
		return errors.New("it holds both cases and recorded messages; keep them apart")
	}
	for _, file := range files {
		if err := s.cases(filepath.Join(name, file), values); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	for _, file := range recorded {
		x, err := readRecorded(name, strings.TrimSuffix(file, ".request.http"), answersNeeded)
		if err != nil {
			return err
		}
		s.Exchanges = append(s.Exchanges, x)
	}
	return nil
}

// cases reads a file of one case, or of one per line.
func (s *Source) cases(name string, values map[string]string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if filepath.Ext(name) != ".jsonl" {
		return s.one(filepath.Base(name), data, values)
	}
	n := 0
	for line := range bytes.Lines(data) {
		if n++; len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if len(s.Exchanges) == MaxExchanges {
			return fmt.Errorf("it has more than %d cases", MaxExchanges)
		}
		if err := s.one(fmt.Sprintf("%s:%d", filepath.Base(name), n), line, values); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}

func (s *Source) one(name string, data []byte, values map[string]string) error {
	c, err := cases.Parse(data)
	if err != nil {
		return err
	}
	x := Exchange{Name: name, Method: c.Request.Method, Header: http.Header{}, BodyLost: c.Request.BodySize > 0, Case: c}
	x.Target, x.Missing = c.Request.Fill(values)
	for _, name := range c.Request.Placeholders() {
		if at, there := slices.BinarySearch(s.Placeholders, name); !there {
			s.Placeholders = slices.Insert(s.Placeholders, at, name)
		}
	}
	for _, h := range c.Request.Header {
		x.Header.Add(h.Name, h.Value)
	}
	s.Exchanges = append(s.Exchanges, x)
	return nil
}

// readRecorded reads a request and its response.
func readRecorded(folder, name string, answerNeeded bool) (x Exchange, err error) {
	file := name + ".request.http"
	data, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		return x, err
	}
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
	if err != nil {
		return x, fmt.Errorf("%s is no HTTP request: %w", file, err)
	}
	x = Exchange{Name: name, Method: request.Method, Target: request.URL.RequestURI(), Host: request.Host, Header: request.Header}
	if x.Body, err = io.ReadAll(request.Body); err != nil {
		return x, fmt.Errorf("the body of %s: %w", file, err)
	}
	file = name + ".response.http"
	data, err = os.ReadFile(filepath.Join(folder, file))
	if errors.Is(err, fs.ErrNotExist) && !answerNeeded {
		return x, nil
	}
	if err != nil {
		return x, err
	}
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(data)), request)
	if err != nil {
		return x, fmt.Errorf("%s is no HTTP response: %w", file, err)
	}
	defer func() { _ = response.Body.Close() }() // it is in memory
	answer := diff.Answer{Status: response.StatusCode, Header: response.Header}
	if answer.Body, err = io.ReadAll(response.Body); err != nil {
		return x, fmt.Errorf("the body of %s: %w", file, err)
	}
	answer.Trailer = response.Trailer
	x.Answer = &answer
	return x, nil
}
