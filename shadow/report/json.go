package report

import (
	"encoding/json"
	"io"
)

// JSON writes the report as JSON, indented, with a line feed at its end. It is for
// readers and programs, not for a place within a page: < and > are written as such.
func JSON(w io.Writer, r *Report) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}
