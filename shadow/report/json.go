package report

import (
	"encoding/json"
	"io"
)

// JSON writes the report as JSON, indented, with a line feed at its end.
func JSON(w io.Writer, r *Report) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}
