package book

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/strangler-proxy/strangler/shadow/diff"
)

const (
	maxStructureIn  = 256 << 10
	maxStructureOut = 8 << 10
	maxStructure    = 50 // deep
	maxElements     = 20 // of a list
)

var errStructure = errors.New("too large or too deep to be shown")

// structure is a JSON answer with a placeholder for each value ("<string>") but
// those at paths in the clear list, as indented JSON. It is empty for what is not
// JSON, encoded, or too large.
func structure(key []byte, a *diff.Answer, open []string) string {
	encoding := a.Header.Get("Content-Encoding")
	if !strings.Contains(a.Header.Get("Content-Type"), "json") || encoding != "" && encoding != "identity" ||
		a.Truncated || len(a.Body) > maxStructureIn {
		return ""
	}
	s := &structurer{key: key, open: open}
	s.in = json.NewDecoder(bytes.NewReader(a.Body))
	s.in.UseNumber()
	if err := s.value("$", 0); err != nil {
		return ""
	}
	if _, err := s.in.Token(); !errors.Is(err, io.EOF) {
		return ""
	}
	var out bytes.Buffer
	if json.Indent(&out, s.out.Bytes(), "", "  ") != nil || out.Len() > maxStructureOut {
		return ""
	}
	return out.String()
}

// structurer writes the structure of a stream of JSON tokens.
type structurer struct {
	key  []byte
	open []string
	in   *json.Decoder
	out  bytes.Buffer
	mute int // values are read and not written
}

func (s *structurer) write(text string) {
	if s.mute == 0 {
		s.out.WriteString(text)
	}
}

func (s *structurer) value(path string, depth int) error {
	if depth > maxStructure || s.out.Len() > maxStructureOut {
		return errStructure
	}
	token, err := s.in.Token()
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return s.object(path, depth)
		}
		return s.list(path, depth)
	case nil:
		s.write("null")
	default:
		s.leaf(path, t)
	}
	return nil
}

func (s *structurer) leaf(path string, value any) {
	var shown any
	switch value.(type) {
	case string:
		shown = "<string>"
	case json.Number:
		shown = "<number>"
	default:
		shown = "<bool>"
	}
	if slices.Contains(s.open, path) {
		shown = value
	}
	s.write(plain(shown))
}

// plain is the JSON of a string, a number or a bool, in which < and > are
// themselves, and what is not printable is left out.
func plain(value any) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // no such value is an error
	return printable(out.String(), maxStructureOut)
}

func (s *structurer) object(path string, depth int) error {
	s.write("{")
	for first := true; s.in.More(); first = false {
		token, err := s.in.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		general, shown := "."+name, name
		if diff.LooksLikeData(name) {
			general, shown = ".*", "<name~"+hash(s.key, name)+">"
		}
		if !first {
			s.write(",")
		}
		s.write(plain(shown) + ":")
		if err := s.value(path+general, depth+1); err != nil {
			return err
		}
	}
	s.write("}")
	_, err := s.in.Token()
	return err
}

// list shows the first elements, and how many more there are as "<n more>"; a
// difference further on has its path.
func (s *structurer) list(path string, depth int) error {
	s.write("[")
	n := 0
	for ; s.in.More(); n++ {
		switch {
		case n == maxElements:
			s.mute++
		case n > 0:
			s.write(",")
		}
		if err := s.value(path+"[*]", depth+1); err != nil {
			return err
		}
		if n >= maxElements && !s.in.More() {
			s.mute--
		}
	}
	if n > maxElements {
		s.write(`,"<` + strconv.Itoa(n-maxElements) + ` more>"`)
	}
	s.write("]")
	_, err := s.in.Token()
	return err
}
