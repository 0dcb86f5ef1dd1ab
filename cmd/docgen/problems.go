package main

import (
	"bytes"
	"fmt"

	"github.com/strangler-proxy/strangler/routes"
)

const problemsIntro = "What `strangler routes lint FILE` and a (re)load find. An error refuses the whole table and the running one stays; " +
	"a warning is shown and the table runs. Each problem names file, line and column, the offending text, what is allowed, and the nearest known word."

func problems(b *bytes.Buffer) error {
	b.WriteString("| code | severity | meaning |\n|---|---|---|\n")
	for _, code := range routes.Codes() {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", code.Name, code.Severity, cellText(code.Meaning))
	}
	return nil
}
