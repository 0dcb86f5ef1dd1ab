package flags

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
)

// filePoll is how often a flag file is looked at. Looking costs one stat call,
// works on every file system and sees through symbolic links that are swapped,
// as Kubernetes does; a file is read when it was left alone between two looks.
const filePoll = 200 * time.Millisecond

// maxFile is the largest flag file that is read, in bytes.
const maxFile = 16 << 20

// FlagdFile takes flags from a file of flagd's flag definitions
// (https://flagd.dev/reference/flag-definitions/), as JSON. An edit is in force
// within a second; one that is bad is refused whole, and the old flags stay. New
// fails when the file cannot be read or is bad.
func FlagdFile(path string) Source {
	return Source{
		Name:   "flagd_file " + path,
		traits: traits{local: true, tells: true},
		make: func(_ context.Context, report func(error)) (openfeature.FeatureProvider, error) {
			absolute, err := filepath.Abs(path)
			if err != nil {
				return nil, err
			}
			f := &fileFeed{path: absolute, report: report}
			f.last = f.sight()
			text, err := f.read()
			if err != nil {
				return nil, err
			}
			r, err := newRules(f)
			if err != nil {
				return nil, err
			}
			return r, r.apply(text)
		},
	}
}

type fileFeed struct {
	path   string
	report func(error)
	last   os.FileInfo // of what was read last; nil when it was not there
}

func (f *fileFeed) sight() os.FileInfo {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil
	}
	return info
}

// same reports whether a file was left alone.
func same(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func (f *fileFeed) follow(ctx context.Context, to *rules) {
	look := time.NewTicker(filePoll)
	defer look.Stop()
	before := f.last
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		now := f.sight()
		if same(now, before) && !same(now, f.last) {
			f.last = now
			f.report(f.load(to))
		}
		before = now
	}
}

func (f *fileFeed) load(to *rules) error {
	text, err := f.read()
	if err != nil {
		return err
	}
	return to.apply(text)
}

// read returns the file's content, checked.
func (f *fileFeed) read() (string, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return "", err
	}
	if info.Size() > maxFile {
		return "", fmt.Errorf("%d bytes; a flag file may have %d", info.Size(), maxFile)
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return "", err
	}
	return string(data), Check(data)
}
