package django

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/pickle"
)

// Files is django.contrib.sessions.backends.file. The monolith writes a new file
// and renames it, so a read is never half of one.
type Files struct {
	// Dir is SESSION_FILE_PATH.
	Dir string
}

func (f Files) load(_ context.Context, s *Sessions, cookie string) (record, error) {
	if !sessionID(cookie) || strings.ToLower(cookie) != cookie {
		return record{}, nobody(session.BadCookie)
	}
	text, changed, err := f.read(s.config.CookieName + cookie)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return record{}, f.missing()
	case err != nil:
		return record{}, err
	case text == "":
		return record{data: values{}}, nil // one that is being made
	}
	data, err := s.unpack(text)
	if err != nil {
		return record{}, err
	}
	expires, err := s.fileExpiry(data, changed)
	if err == nil && !expires.IsZero() && !expires.After(s.now()) {
		err = nobody(session.Expired)
	}
	return record{data, expires}, err
}

// missing tells a session that is not there from a folder that is not.
func (f Files) missing() error {
	if _, err := os.Stat(f.Dir); err != nil {
		return fmt.Errorf("the folder of session files: %w", err)
	}
	return nobody(session.NoSession)
}

// read answers a file and when it was written. The file's name has the cookie in
// it, so the error has not.
func (f Files) read(name string) (text string, changed time.Time, err error) {
	defer func() {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = fmt.Errorf("reading a session file: %w", path.Err)
		}
	}()
	file, err := os.OpenInRoot(f.Dir, name)
	if err != nil {
		return "", changed, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return "", changed, err
	}
	data, err := io.ReadAll(io.LimitReader(file, maxData+1))
	return string(data), info.ModTime(), err
}

// fileExpiry does as the engine's _expiry_date: the session's own time, else its
// age since it was written. A number of seconds there has no start, so that such
// a session has no end in Django either.
func (s *Sessions) fileExpiry(data values, changed time.Time) (time.Time, error) {
	byAge := changed.Add(s.config.CookieAge)
	switch own := data["_session_expiry"].(type) {
	case nil:
		return byAge, nil
	case pickle.DateTime:
		if own.Naive {
			return s.local(own.Format(isoLocal))
		}
		return own.Time, nil
	case json.RawMessage:
		var n int64
		if json.Unmarshal(own, &n) == nil {
			return s.endless(n, byAge), nil
		}
		var text string
		if json.Unmarshal(own, &text) == nil {
			return s.iso(text)
		}
	case string:
		return s.iso(own)
	case int64:
		return s.endless(own, byAge), nil
	}
	return time.Time{}, unknown(session.Undecodable, errExpiry)
}

const isoLocal = "2006-01-02T15:04:05.999999"

// iso reads what Django 4.1 and later write for a datetime.
func (s *Sessions) iso(text string) (time.Time, error) {
	if at, err := time.Parse(isoLocal+"Z07:00", text); err == nil {
		return at, nil
	}
	return s.local(text)
}

func (s *Sessions) local(text string) (time.Time, error) {
	at, err := time.ParseInLocation(isoLocal, text, s.config.Zone)
	if err != nil {
		return at, unknown(session.Undecodable, errExpiry)
	}
	return at, nil
}

func (s *Sessions) endless(seconds int64, byAge time.Time) time.Time {
	switch {
	case seconds == 0:
		return byAge
	case seconds < 0:
		return s.now()
	}
	return time.Time{}
}

var errExpiry = errors.New("_session_expiry is no time")
