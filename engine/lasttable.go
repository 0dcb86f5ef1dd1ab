package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// lastTable is the first line of Options.LastTable, as JSON; the content of the
// table's file follows.
type lastTable struct {
	// Path is the file that the table was read from.
	Path string `json:"path"`
	// SHA256 is of the content, in hex: half a file is no table.
	SHA256 string `json:"sha256"`
	// Taken is when it was put in force.
	Taken time.Time `json:"taken"`

	data []byte
}

// HasLastTable says whether kept, a file as Options.LastTable names it, holds
// the last good table of path.
func HasLastTable(kept, path string) bool {
	_, err := readLastTable(kept, path)
	return err == nil
}

func readLastTable(kept, path string) (*lastTable, error) {
	data, err := readTable(kept)
	if err != nil {
		return nil, err
	}
	header, content, _ := bytes.Cut(data, []byte("\n"))
	last := &lastTable{data: content}
	if err := json.Unmarshal(header, last); err != nil {
		return nil, fmt.Errorf("%s: %w", kept, err)
	}
	sum := sha256.Sum256(content)
	switch {
	case last.SHA256 != hex.EncodeToString(sum[:]):
		return nil, fmt.Errorf("%s: the content is not what was written", kept)
	case last.Path != path:
		return nil, fmt.Errorf("%s: it is the table of %s", kept, last.Path)
	}
	return last, nil
}

// kept is a table as it is kept.
type kept struct {
	path string
	sum  [sha256.Size]byte
	data []byte
}

// KeepTables tells that a configuration with this engine has started: the
// running table and all that follow it are kept in Options.LastTable, and evidence
// is judged as they say. A configuration that is refused in the end must not replace
// what is there.
func (e *Engine) KeepTables() {
	e.loading.Lock()
	defer e.loading.Unlock()
	e.configureBook(e.running())
	e.keeps = true
	if e.unkept.data != nil {
		e.keepLast(e.unkept)
		e.unkept = kept{}
	}
}

// keepLast keeps a table that was put in force for the next start. loading is
// held.
func (e *Engine) keepLast(k kept) {
	file := e.options.LastTable
	if file == "" {
		return
	}
	if !e.keeps {
		e.unkept = k
		return
	}
	text := hex.EncodeToString(k.sum[:])
	if last, err := readLastTable(file, k.path); err == nil && last.SHA256 == text {
		return
	}
	header, err := json.Marshal(lastTable{Path: k.path, SHA256: text, Taken: e.now().UTC().Round(0)})
	if err == nil {
		err = replaceFile(file, append(header, '\n'), k.data)
	}
	if err != nil {
		e.log.Warn("the route table is in force, but is not kept for a start with a bad one", "error", err)
	}
}

// replaceFile writes a file, readable by its owner only, durably and whole.
func replaceFile(path string, parts ...[]byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // with mode 0600
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err == nil {
			_, err = file.Write(part)
		}
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// startWithLast puts the last good table of path in force, whose file was
// refused, and reports whether it could. loading is held.
func (e *Engine) startWithLast(path string) bool {
	if e.options.LastTable == "" || e.running() != nil {
		return false
	}
	last, err := readLastTable(e.options.LastTable, path)
	if err != nil {
		e.log.Warn("there is no last good route table to start with", "error", err)
		return false
	}
	parsed := parse(path, last.data, e.now())
	if parsed.problems.Err() != nil || e.unoffered(path, parsed.table).Err() != nil {
		return false
	}
	next, problems := e.prepare(path, parsed.table, parsed.problems, newOffice(e.identity))
	if next == nil {
		e.log.Warn("the last good route table cannot be put in force", "error", problems.Err())
		return false
	}
	next.taken = last.Taken
	refusal := e.refusal()
	e.install(next)
	e.setRefusal(refusal)
	e.log.Error("the route table is refused, so the server starts with the last good one; correct the file: it is watched",
		"file", path, "taken", last.Taken, "version", next.table.Version())
	return true
}
