package engine

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

// maxTable is the largest route table that is read, in bytes, and the largest
// that routes.Parse takes; 100,000 routes are about 12 MiB.
const maxTable = 32 << 20

// largeTable is from how many bytes on memory is given back after a load: the
// nodes of the document take five times as much as the table, and a server
// without traffic would hold them for minutes.
const largeTable = 1 << 20

// Parsed is a good route table, with the content it was made of. Reading a large
// one takes long: who checks a table before there is an engine gives it on, in
// Options.Parsed.
type Parsed struct {
	sum      [sha256.Size]byte
	path     string
	table    *routes.Table
	problems routes.Problems // warnings
}

// Parse reads the route table in a file; now tells which of its rules have ended. The error is a *RefusedError when
// there is something wrong with the table, and what is wrong with the file else.
func Parse(path string, now time.Time) (*Parsed, error) {
	data, err := readTable(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	parsed := parse(path, data, now)
	if parsed.problems.Err() != nil {
		return nil, &RefusedError{Problems: parsed.problems}
	}
	return parsed, nil
}

// Check finds what the table needs to know of who requests are from and the
// identity, nil for none, does not say, as an engine with it would; of the identity
// only Ring, Attributes, CSRFCookie, LoginURL and TrustedOrigins are looked at. The
// error is a *RefusedError, or says what is wrong with the identity.
func (p *Parsed) Check(i *Identity) error {
	who, err := newWhois(i, time.Now)
	if err != nil {
		return err
	}
	if problems := newOffice(who).unknown(p.path, p.table); problems.Err() != nil {
		return &RefusedError{Problems: problems}
	}
	return nil
}

func parse(path string, data []byte, now time.Time) *Parsed {
	parsed := &Parsed{sum: sha256.Sum256(data), path: path}
	parsed.table, parsed.problems = LoadTable(path, data, now)
	return parsed
}

// parsedOf is what is in the file with that content, from Options.Parsed if it
// has it. That is given up then: the first table may be replaced soon.
func (e *Engine) parsedOf(path string, sum [sha256.Size]byte, data []byte) *Parsed {
	given := e.options.Parsed
	e.options.Parsed = nil
	if given != nil && given.path == path && given.sum == sum {
		return given
	}
	return parse(path, data, e.now())
}

func readTable(path string) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("the file is gone")
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var data bytes.Buffer
	if info, err := file.Stat(); err == nil {
		data.Grow(int(min(info.Size(), maxTable)) + bytes.MinRead) // grown by doubling it would take three times the size
	}
	_, err = data.ReadFrom(io.LimitReader(file, maxTable+1))
	if err == nil && data.Len() > maxTable {
		err = fmt.Errorf("the file is larger than %d MiB", maxTable>>20)
	}
	return data.Bytes(), err
}
