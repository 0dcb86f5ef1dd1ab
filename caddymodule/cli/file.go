package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// replace writes a file under another name first, so that there is never half of
// it. Its errors are about the file that was asked for.
func replace(name string, data []byte) error {
	err := writeThenRename(name, data)
	if err == nil {
		return nil
	}
	folder, cause := filepath.Dir(name), err
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		cause = failed.Err // its path is one that nobody asked for
	}
	if failed, ok := errors.AsType[*os.LinkError](err); ok {
		cause = failed.Err
	}
	out := &failure{code: ExitError, err: fmt.Errorf("--output %q cannot be written: %w", name, cause)}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		out.err = fmt.Errorf("--output %q cannot be written: there is no folder %s", name, folder)
		out.hint = "make it (mkdir -p), or name a file elsewhere"
	case errors.Is(err, fs.ErrPermission):
		out.hint = "name a file in a folder that you may write to"
	default:
		out.hint = "name another file"
	}
	return out
}

func writeThenRename(name string, data []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(data)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	if err = os.Chmod(file.Name(), 0o644); err != nil { //nolint:gosec // a report is to be read, and holds no value in clear that the table does not allow
		return err
	}
	return os.Rename(file.Name(), name)
}
