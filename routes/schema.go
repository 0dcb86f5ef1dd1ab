package routes

import (
	"bytes"
	_ "embed" // schema.json
)

//go:generate go test -run ^TestSchemaIsUpToDate$ -update .

//go:embed schema.json
var schema []byte

// Schema is the JSON Schema (2020-12) of a route table, for editors. What only
// the whole document shows, such as a service that is no target, it does not
// say: Parse does.
func Schema() []byte { return bytes.Clone(schema) }
