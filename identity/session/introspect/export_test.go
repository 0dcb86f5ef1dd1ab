package introspect

// Parse and Keep are what fuzzing and tables are about.
var (
	Parse = parse
	Keep  = keep
)
