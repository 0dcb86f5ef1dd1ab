package php

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/lockedfile"
)

var (
	errOwner = session.OwnError("the session's file belongs to somebody else than the monolith: PHP refuses it")
	errAny   = errors.New("everybody can write to the folder of session files: say whose files count (owner)")
	errAge   = errors.New("a session past gc_maxlifetime, which PHP's collector has left")
)

// FilesConfig is session.save_handler = files.
type FilesConfig struct {
	// SavePath is session.save_path: [depth;[mode;]]folder. Needed.
	SavePath string
	// MaxLifetime is session.gc_maxlifetime; 24 minutes.
	MaxLifetime time.Duration
	// Owner is the name or number of the user that PHP runs as: only files of
	// that user and of root count, as for PHP. Empty: all count, unless everybody
	// can write to the folder, as to Debian's /var/lib/php/sessions. Then nothing
	// is read until there is an owner, because any account of the machine could
	// put a session there.
	Owner string
}

// Files reads session files.
type Files struct {
	dir         string
	depth       int
	maxLifetime time.Duration
	owner       int // -1: any
}

// NewFiles makes the store. An error says which setting is wrong.
func NewFiles(config FilesConfig) (*Files, error) {
	f := &Files{dir: config.SavePath, maxLifetime: config.MaxLifetime, owner: -1}
	if depth, rest, ok := strings.Cut(config.SavePath, ";"); ok {
		n, err := strconv.Atoi(depth)
		if err != nil || n < 0 || n > maxID {
			return nil, fmt.Errorf("save_path %q: before the first ; stands a number of levels", config.SavePath)
		}
		f.depth, f.dir = n, rest[strings.LastIndexByte(rest, ';')+1:]
	}
	if f.dir == "" {
		return nil, errors.New("php sessions in files need their folder: save_path")
	}
	if f.maxLifetime == 0 {
		f.maxLifetime = 1440 * time.Second
	}
	if f.maxLifetime < 0 {
		return nil, fmt.Errorf("gc_maxlifetime cannot be %s", config.MaxLifetime)
	}
	if config.Owner != "" {
		var err error
		if f.owner, err = userID(config.Owner); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (*Files) watch() session.Watch { return session.Watch{} }

func (f *Files) load(ctx context.Context, now time.Time, id string) (record, error) {
	if !fileID(id) || len(id) <= f.depth {
		return record{}, nobody(session.BadCookie)
	}
	if err := f.check(); err != nil {
		return record{}, err
	}
	file, err := lockedfile.Read(ctx, f.dir, f.name(id))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return record{}, nobody(session.NoSession)
	case err != nil:
		return record{}, err
	case f.owner >= 0 && file.Owner != f.owner && file.Owner > 0:
		return record{}, unknown(session.StoreFailed, errOwner)
	}
	expires := file.Changed.Add(f.maxLifetime)
	if !expires.After(now) {
		return record{}, unknown(session.Expired, errAge)
	}
	return record{text: file.Text, expires: expires, torn: !file.Locked}, nil
}

// check says whether the folder is there, and one whose files can be trusted.
func (f *Files) check() error {
	info, err := os.Stat(f.dir)
	if err != nil {
		return fmt.Errorf("the folder of session files: %w", err)
	}
	const others = 0o002
	if f.owner < 0 && info.Mode().Perm()&others != 0 {
		return unknown(session.Misconfigured, errAny)
	}
	return nil
}

// name is ps_files_path_create (ext/session/mod_files.c).
func (f *Files) name(id string) string {
	var name strings.Builder
	for _, level := range []byte(id[:f.depth]) {
		name.WriteByte(level)
		name.WriteByte('/')
	}
	name.WriteString("sess_")
	name.WriteString(id)
	return name.String()
}

// maxID is PS_MAX_SID_LENGTH.
const maxID = 256

// fileID is php_session_valid_key.
func fileID(id string) bool {
	if id == "" || len(id) > maxID {
		return false
	}
	for _, c := range []byte(id) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != ',' && c != '-' {
			return false
		}
	}
	return true
}
