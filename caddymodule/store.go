package caddymodule

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
)

// Store says where the state of the rollouts is kept; exactly one kind is set.
type Store struct {
	// SQLite is the file of an SQLite database; it is made when it is not
	// there. One running server per file. A relative path is looked up in the
	// server's working directory. Global placeholders are replaced.
	SQLite string `json:"sqlite,omitempty"`
}

// path is the database's file, by its one name: two names of one file must not
// become two states.
func (s *Store) path() (string, error) {
	if s == nil {
		folder := caddy.AppDataDir()
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return "", err
		}
		s = &Store{SQLite: filepath.Join(folder, "strangler.db")}
	}
	if s.SQLite == "" {
		return "", errors.New("the kind is missing; it knows: sqlite")
	}
	path, err := absolute(s.SQLite)
	if err != nil {
		return "", err
	}
	if whole, err := filepath.EvalSymlinks(path); err == nil {
		return whole, nil
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, filepath.Base(path)), nil
}
