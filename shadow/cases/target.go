package cases

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// hashed is a placeholder of a sample's target: {id~1f2e3d4c}, {~1f2e3d4c}.
var hashed = regexp.MustCompile(`(?:([A-Za-z0-9_.\-\[\]]+)=)?\{([^{}~]*)~[0-9a-f]+\}`)

// fillable is a sample's target with placeholders that can be filled: what stays
// apart in hashes is one name here.
func fillable(target string) string {
	return hashed.ReplaceAllStringFunc(target, func(found string) string {
		m := hashed.FindStringSubmatch(found)
		switch {
		case m[1] != "" && m[2] == "":
			return m[1] + "={" + m[1] + "}"
		case m[1] != "":
			return m[1] + "={" + m[2] + "}"
		case m[2] == "":
			return "{name}"
		}
		return "{" + m[2] + "}"
	})
}

// placeholder is one that can be filled, or where a target was cut.
var placeholder = regexp.MustCompile(`\{[^{}]*\}|…`)

// Placeholders are the names in the target that need a value, in their order.
func (r *Request) Placeholders() (names []string) {
	for _, found := range placeholder.FindAllString(r.Target, -1) {
		if name := strings.Trim(found, "{}"); found != "…" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Fill is the target with values in place of placeholders; missing are those that
// have none. A value is one segment of a path, or one part of a query, whatever is
// in it: it is escaped. See [CheckValue].
func (r *Request) Fill(values map[string]string) (target string, missing []string) {
	fill := func(text string, escape func(string) string) string {
		return placeholder.ReplaceAllStringFunc(text, func(found string) string {
			if value, there := values[strings.Trim(found, "{}")]; there && found != "…" {
				return escape(value)
			}
			missing = append(missing, found)
			return found
		})
	}
	path, query, found := strings.Cut(r.Target, "?")
	target = fill(path, url.PathEscape)
	if found {
		target += "?" + fill(query, url.QueryEscape)
	}
	return target, missing
}

// CheckValue refuses what cannot be a segment of a path however it is written: empty,
// . and .. stand for other segments (RFC 3986, section 3.3).
func CheckValue(value string) error {
	if value == "" || value == "." || value == ".." {
		return fmt.Errorf("%q is no segment of a path", value)
	}
	return nil
}
