package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/strangler-proxy/strangler/routes"
)

const routeTableIntro = "The document an operator owns: targets, and the routes that move from the monolith to a service. " +
	"[`routes.example.yaml`](../../routes.example.yaml) is one; `strangler routes schema` prints its JSON Schema, which editors complete from; " +
	"`strangler routes lint FILE` checks it; what it may find stands in [problems.md](problems.md). " +
	"The running server watches the file: a good edit is taken within a second, a bad one is refused whole and the running table stays. A program that writes it should write another file and rename it over this one, as editors do: of a file that is written in parts, the first part may be a table too. " +
	"Fields are written in the order of this page; a field that is not here is an error."

// schema is what this page needs of a JSON Schema.
type schema struct {
	Ref         string             `json:"$ref"`
	Type        any                `json:"type"`
	Description string             `json:"description"`
	Required    []string           `json:"required"`
	Properties  ordered            `json:"properties"`
	Items       *schema            `json:"items"`
	Additional  json.RawMessage    `json:"additionalProperties"`
	AnyOf       []*schema          `json:"anyOf"`
	OneOf       []*schema          `json:"oneOf"`
	Enum        []any              `json:"enum"`
	Defs        map[string]*schema `json:"$defs"`
}

// ordered is a schema's properties in the order they are written.
type ordered []property

type property struct {
	name string
	schema
}

// UnmarshalJSON keeps the order, which a map would lose.
func (o *ordered) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		p := property{name: fmt.Sprint(key)}
		if err := d.Decode(&p.schema); err != nil {
			return err
		}
		*o = append(*o, p)
	}
	return nil
}

// sections are the parts of the page after the document itself.
var sections = []struct{ def, title string }{
	{"Target", "targets.NAME"}, {"Timeouts", "targets.NAME.timeouts"}, {"Breaker", "targets.NAME.breaker"},
	{"Route", "routes[]"}, {"When", "routes[].when"},
	{"Rollout", "routes[].rollout"}, {"Gates", "routes[].rollout.gates"}, {"Guards", "routes[].rollout.guards"},
	{"Identity", "routes[].identity"}, {"Shadow", "routes[].shadow"}, {"ShadowRule", "routes[].shadow.rules[]"},
}

func routeTable(b *bytes.Buffer) error {
	var root schema
	if err := json.Unmarshal(routes.Schema(), &root); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	fields(b, "the document", &root)
	for _, section := range sections {
		def := root.Defs[section.def]
		if def == nil {
			return fmt.Errorf("the schema has no %s", section.def)
		}
		fields(b, section.title, def)
	}
	if len(sections) != len(root.Defs) {
		return fmt.Errorf("the schema has %d definitions, this page %d", len(root.Defs), len(sections))
	}
	return nil
}

func fields(b *bytes.Buffer, title string, s *schema) {
	fmt.Fprintf(b, "## %s\n\n%s\n\n| field | type | meaning |\n|---|---|---|\n", title, s.Description)
	for _, p := range s.Properties {
		name := "`" + p.name + "`"
		if slices.Contains(s.Required, p.name) {
			name += " (required)"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", name, cellText(p.kind()), cellText(p.Description))
	}
	b.WriteByte('\n')
}

// kind is a schema's type in words.
func (s *schema) kind() string {
	switch {
	case s.Ref != "":
		return strings.ToLower(s.Ref[strings.LastIndexByte(s.Ref, '/')+1:])
	case len(s.AnyOf)+len(s.OneOf) > 0:
		var kinds []string
		for _, one := range slices.Concat(s.AnyOf, s.OneOf) {
			if kind := one.kind(); kind != "" && !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
		return strings.Join(kinds, " or ")
	case s.Items != nil:
		return "list of " + s.Items.kind()
	case len(s.Enum) > 0:
		words := make([]string, len(s.Enum))
		for i, word := range s.Enum {
			words[i] = fmt.Sprint(word)
		}
		return strings.Join(words, ", ")
	case s.Type == "object":
		return "mapping"
	case s.Type == "string":
		return "text"
	case s.Type == nil:
		return ""
	}
	return fmt.Sprint(s.Type)
}
