package session

import (
	"errors"
	"strings"
)

// Path is where a value stands in a session's data: the keys of objects, from
// the outermost in.
type Path []string

// ErrPath is a path with an empty key.
var ErrPath = errors.New("a path has an empty key: write keys joined by dots, as in passport.user")

// ParsePath reads keys joined by dots. A key that has a dot in it cannot be named.
func ParsePath(text string) (Path, error) {
	path := Path(strings.Split(text, "."))
	for _, key := range path {
		if key == "" {
			return nil, ErrPath
		}
	}
	return path, nil
}

// String joins the keys by dots.
func (p Path) String() string { return strings.Join(p, ".") }
