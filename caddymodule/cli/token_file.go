package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/strangler-proxy/strangler/identity/token"
)

// developmentKeys is what a file of development keys begins with: nothing else is
// taken for one.
const developmentKeys = "strangler development keys"

// keyFile keeps one development issuer's keys in a file that only its owner can
// read. It implements token.Store for one process at a time.
type keyFile struct{ path string }

type keyFileContent struct {
	Kind    string          `json:"kind"`
	Issuer  string          `json:"issuer"`
	Version uint64          `json:"version"`
	Keys    json.RawMessage `json:"keys"`
}

// KeySet implements token.Store.
func (f keyFile) KeySet(_ context.Context, issuer string) (version uint64, keys []byte, err error) {
	info, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil, nil
	case err != nil:
		return 0, nil, err
	case info.Mode().Perm()&0o077 != 0:
		return 0, nil, fmt.Errorf("%s can be read by others than its owner; write: chmod 600 %s", f.path, f.path)
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return 0, nil, err
	}
	var content keyFileContent
	if json.Unmarshal(text, &content) != nil || content.Kind != developmentKeys {
		return 0, nil, fmt.Errorf("%s is no file of development keys; name one that is not there yet", f.path)
	}
	if content.Issuer != issuer {
		return 0, nil, fmt.Errorf("%s has the keys of %s, not of %s; name another file", f.path, content.Issuer, issuer)
	}
	return content.Version, content.Keys, nil
}

// SwapKeySet implements token.Store.
func (f keyFile) SwapKeySet(_ context.Context, issuer string, version uint64, keys []byte) error {
	text, err := json.Marshal(keyFileContent{developmentKeys, issuer, version + 1, keys})
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(f.path), ".keys-*") // 0600
	if err != nil {
		return err
	}
	_, err = next.Write(text)
	if err = errors.Join(err, next.Close()); err == nil {
		err = os.Rename(next.Name(), f.path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(next.Name()))
	}
	return err
}

var _ token.Store = keyFile{}
