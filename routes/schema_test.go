package routes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

func TestSchemaIsUpToDate(t *testing.T) {
	t.Parallel()
	golden(t, "schema.json", string(generateSchema(t)))
}

// TestParserKnowsTheFieldsOfTheTypes holds the two places together where a
// field has its name: the tag, from which the schema is made, and the setter.
func TestParserKnowsTheFieldsOfTheTypes(t *testing.T) {
	t.Parallel()
	sameFields(t, documentFields)
	sameFields(t, targetFields)
	sameFields(t, timeoutsFields)
	sameFields(t, breakerFields)
	sameFields(t, routeFields)
	sameFields(t, whenFields)
	sameFields(t, rolloutFields)
	sameFields(t, gatesFields)
	sameFields(t, guardsFields)
	sameFields(t, shadowFields)
	sameFields(t, ruleFields)
}

func sameFields[T any](t *testing.T, known fields[T]) {
	t.Helper()
	of := reflect.TypeFor[T]()
	var tagged []string
	for i := range of.NumField() {
		if name, _, _ := strings.Cut(of.Field(i).Tag.Get("yaml"), ","); name != "" && name != "-" {
			tagged = append(tagged, name)
		}
	}
	for _, name := range tagged {
		if known[name] == nil {
			t.Errorf("%s: the parser does not read %s", of, name)
		}
	}
	for name := range known {
		if !slices.Contains(tagged, name) {
			t.Errorf("%s: %s has no yaml tag", of, name)
		}
	}
}

// TestSchemaAndParserAgree tries each value that testdata/values.txt lists on
// both. Where only the parser can know, the list says so.
func TestSchemaAndParserAgree(t *testing.T) {
	t.Parallel()
	schema := compiledSchema(t)
	tried := map[string]int{}
	for number, line := range strings.Split(string(read(t, "testdata/values.txt")), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		word, field, found := strings.Cut(line, " ")
		if !found {
			t.Fatalf("line %d: %q", number+1, line)
		}
		tried[word]++
		document := []byte(documentWith(t, field))
		_, problems := Parse("x.yaml", document)
		err := validate(schema, document)
		if slices.ContainsFunc(problems, func(p Problem) bool { return p.Code == codeSyntax }) {
			t.Errorf("line %d: %s: no YAML: %v", number+1, line, problems)
		}
		want := map[string][2]bool{"good": {true, true}, "bad": {false, false}, "parser": {false, true}}[word]
		if got := [2]bool{problems.Err() == nil, err == nil}; got != want {
			t.Errorf("line %d: %s: parser, schema accept it: %v, want %v\n%v\n%v", number+1, line, got, want, problems, err)
		}
	}
	if len(tried) != 3 {
		t.Fatal("the list has no lines of some kind:", tried)
	}
}

// documentWith is a good document with one field in another place or with
// another value: "table: …", "target: …" or "route: …".
func documentWith(t *testing.T, field string) string {
	t.Helper()
	place, field, _ := strings.Cut(field, ": ")
	parts := map[string][]string{
		"table":  {"targets: { monolith: { url: 'http://127.0.0.1:8000' }, faq: {} }", "monolith: monolith", "routes: []"},
		"target": {"owner: team"},
		"route":  {"name: faq-read", "match: /faq/{id}", "service: faq", "owner: team"},
	}
	if parts[place] == nil {
		t.Fatalf("no place %q", place)
	}
	name, _, _ := strings.Cut(field, ":")
	parts[place] = slices.DeleteFunc(parts[place], func(part string) bool { return strings.HasPrefix(part, strings.TrimPrefix(name, "-")+":") })
	if !strings.HasPrefix(name, "-") { // a leading - only takes the field away
		parts[place] = append(parts[place], field)
	}
	if place == "table" {
		return strings.Join(parts["table"], "\n") + "\n"
	}
	return fmt.Sprintf("targets:\n  monolith: {}\n  faq:\n    %s\nmonolith: monolith\nroutes:\n  - %s\n",
		strings.Join(parts["target"], "\n    "), strings.Join(parts["route"], "\n    "))
}

func compiledSchema(tb testing.TB) *jsonschema.Schema {
	tb.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		tb.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", document); err != nil {
		tb.Fatal(err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		tb.Fatal(err)
	}
	return schema
}

// validate holds a YAML document against the schema as an editor does.
func validate(schema *jsonschema.Schema, document []byte) error {
	var root yaml.Node
	if err := yaml.Unmarshal(document, &root); err != nil {
		return err
	}
	if len(root.Content) == 0 {
		return errors.New("empty")
	}
	return schema.Validate(instance(root.Content[0]))
}

// instance is a node as JSON knows it; of a key that is there twice the first
// one counts.
func instance(n *yaml.Node) any {
	n = resolve(n)
	switch n.Kind {
	case yaml.MappingNode:
		object := map[string]any{}
		for _, one := range (&parser{budget: maxVisits}).pairs(n, "") {
			object[one.name()] = instance(one.value)
		}
		return object
	case yaml.SequenceNode:
		list := []any{}
		for _, one := range n.Content {
			list = append(list, instance(one))
		}
		return list
	}
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int":
		if i, err := strconv.ParseInt(n.Value, 0, 64); err == nil {
			return i
		}
	}
	if n.Tag == "!!int" || n.Tag == "!!float" {
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value)
		}
		return 0.5 // a number that JSON has no word for
	}
	return n.Value
}
