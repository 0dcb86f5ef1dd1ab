package python

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// The errors of UnmarshalJSON; none of them quotes the data.
var (
	ErrNoJSON   = errors.New("session data that is no JSON")
	ErrTrailing = errors.New("session data with something after its JSON")
	ErrKind     = errors.New("session data of another kind")
)

// UnmarshalJSON reads what json.dumps wrote: of two equal keys the last counts,
// and NaN and Infinity are numbers, null here. Numbers keep their text.
func UnmarshalJSON(data []byte, into any) error {
	err := unmarshal(data, into)
	if err != nil && unmarshal(withoutNaN(data), into) == nil {
		return nil
	}
	return err
}

func unmarshal(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		if _, kind := errors.AsType[*json.UnmarshalTypeError](err); kind {
			return ErrKind
		}
		return ErrNoJSON // the error would quote it
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return ErrTrailing
	}
	return nil
}

// withoutNaN writes null for the three numbers that JSON does not have.
func withoutNaN(data []byte) []byte {
	var out bytes.Buffer
	for rest := string(data); rest != ""; {
		if rest[0] == '"' {
			end := 1
			for end < len(rest) && rest[end] != '"' {
				if rest[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(rest))
			out.WriteString(rest[:end])
			rest = rest[end:]
			continue
		}
		found := ""
		for _, word := range []string{"NaN", "-Infinity", "Infinity"} {
			if strings.HasPrefix(rest, word) {
				found = word
				break
			}
		}
		if found != "" {
			out.WriteString("null")
			rest = rest[len(found):]
			continue
		}
		out.WriteByte(rest[0])
		rest = rest[1:]
	}
	return out.Bytes()
}
