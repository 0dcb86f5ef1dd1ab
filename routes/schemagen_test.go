package routes

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/invopop/jsonschema"
)

// kinds are the texts a field may be made of, by its is tag.
var kinds = map[string]jsonschema.Schema{
	"name":     {Pattern: `^[a-z0-9][a-z0-9_-]{0,62}$`},
	"data":     {Pattern: dataName.String()},
	"text":     {Pattern: `^[^\x00-\x1f\x7f-\x9f]+$`},
	"line":     {Pattern: `^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$`},
	"web":      {Pattern: `^https?://[^/?#\x00-\x20\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$`},
	"token":    {Pattern: `^[0-9A-Za-z!#$%&'*+.^_|~` + "`" + `-]+$`},
	"method":   {Pattern: `^[0-9A-Z!#$%&'*+.^_|~` + "`" + `-]+$`, Not: &jsonschema.Schema{Const: "CONNECT"}},
	"pattern":  {Pattern: `^([0-9A-Z!#$%&'*+.^_|~` + "`" + `-]+ +)?[^/{\s]*/[^\x00-\x1f\x7f-\x9f]*$`},
	"path":     {Pattern: `^/[^\x00-\x1f\x7f-\x9f]*$`},
	"claim":    {Pattern: claimName.String()},
	"flag":     {Pattern: flagName.String()},
	"duration": {Pattern: durationText.String()},
	"url":      {Pattern: `^((http|https|h2c)://[^/?#@\s\x00-\x1f\x7f-\x9f]+/?|unix:///[^?#\x00-\x1f\x7f-\x9f]+)$`},
}

// scalars are the types that a document writes as texts, numbers or lists.
func scalars(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: durationText.String(), Examples: []any{"500ms", "2s", "1m30s"}}
	case reflect.TypeFor[Sticky]():
		return &jsonschema.Schema{Type: "string", Pattern: `^(user|visitor|ip|(cookie|header):[0-9A-Za-z!#$%&'*+.^_|~` + "`" + `-]+)$`, Examples: []any{"user", "visitor", "ip", "cookie:tenant", "header:X-Tenant"}}
	case reflect.TypeFor[FlagAttribute]():
		return &jsonschema.Schema{Type: "string", Pattern: `^(method|path|host|ip|user|claims\.(session\.)?[A-Za-z0-9_$:-]{1,64}|headers\.[0-9A-Za-z!#$%&'*+^_|~` + "`" + `-]+)$`, Examples: []any{"method", "headers.X-Beta", "user", "claims.is_staff"}}
	case reflect.TypeFor[PPM]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Type: "number", Minimum: "0", Maximum: "100"},
			{Type: "string", Pattern: `^(100(\.0{1,4})?|[1-9]?[0-9](\.[0-9]{1,4})?)( ?%)?$`},
		}}
	case reflect.TypeFor[Schedule]():
		return &jsonschema.Schema{
			Type: "string", Pattern: `^\s*[A-Za-z,-]+\s+[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]\s+[A-Za-z][A-Za-z0-9_+/-]*\s*$`,
			Examples: []any{"Mon-Fri 09:00-16:00 Europe/Berlin", "daily 00:00-24:00 UTC"},
		}
	case reflect.TypeFor[time.Time]():
		return &jsonschema.Schema{Type: "string", Pattern: `^20[0-9]{2}-[01][0-9]-[0-3][0-9]$`, Examples: []any{"2027-01-31"}}
	case reflect.TypeFor[Size]():
		return &jsonschema.Schema{Type: "string", Pattern: sizeText.String(), Examples: []any{"512KiB", "1MiB"}}
	case reflect.TypeFor[Number]():
		return &jsonschema.Schema{Type: "number", Minimum: "0", Maximum: "1e15"}
	case reflect.TypeFor[Anonymous]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Type: "string", Enum: []any{"monolith", "401", "login"}},
			{Type: "integer", Enum: []any{401}},
		}}
	case reflect.TypeFor[Fallback]():
		return &jsonschema.Schema{Type: "array", UniqueItems: true, Items: &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Enum: []any{"connect", "error", "timeout"}},
			{Type: "integer", Minimum: "500", Maximum: "599"},
		}}}
	case reflect.TypeFor[Condition]():
		return conditionSchema()
	}
	return nil
}

func conditionSchema() *jsonschema.Schema {
	one, many := uint64(1), uint64(maxText)
	value := func(pattern string) *jsonschema.Schema {
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Type: "string", Pattern: pattern, MaxLength: &many}, {Type: "number"}, {Type: "boolean"},
		}}
	}
	const every, some = `^[^\x00-\x1f\x7f-\x9f]*$`, `^[^\x00-\x1f\x7f-\x9f]+$`
	tests := jsonschema.NewProperties()
	tests.Set("exact", value(every))
	tests.Set("prefix", value(some))
	tests.Set("regexp", &jsonschema.Schema{Type: "string", Pattern: every, MaxLength: &many, Description: "RE2 syntax, unanchored"})
	tests.Set("present", &jsonschema.Schema{Type: "boolean"})
	object := &jsonschema.Schema{Type: "object", Properties: tests, AdditionalProperties: jsonschema.FalseSchema, MinProperties: &one, MaxProperties: &one}
	return &jsonschema.Schema{AnyOf: append(value(every).AnyOf, object)}
}

// generateSchema makes the schema from the types of a document, their tags and
// their comments.
func generateSchema(t *testing.T) []byte {
	t.Helper()
	r := jsonschema.Reflector{FieldNameTag: "yaml", Anonymous: true, ExpandedStruct: true, Mapper: scalars}
	if err := r.AddGoComments("github.com/strangler-proxy/strangler/routes", ".", jsonschema.WithFullComment()); err != nil {
		t.Fatal(err)
	}
	for name, comment := range r.CommentMap {
		r.CommentMap[name] = strings.ReplaceAll(comment, "\n", " ")
	}
	root := r.Reflect(&Document{})
	root.Title = "Strangler route table"
	limit(root, reflect.TypeFor[Document]())
	for _, of := range []reflect.Type{
		reflect.TypeFor[Target](), reflect.TypeFor[Route](), reflect.TypeFor[When](), reflect.TypeFor[Timeouts](), reflect.TypeFor[Breaker](),
		reflect.TypeFor[Rollout](), reflect.TypeFor[Gates](), reflect.TypeFor[Guards](),
		reflect.TypeFor[Identity](), reflect.TypeFor[Shadow](), reflect.TypeFor[ShadowRule](),
	} {
		limit(root.Definitions[of.Name()], of)
	}
	data, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := json.Indent(&text, data, "", "  "); err != nil {
		t.Fatal(err)
	}
	return append(bytes.ReplaceAll(text.Bytes(), []byte(`\u0026`), []byte("&")), '\n')
}

// limit applies the is tags of a struct to its schema, and calls its fields by
// their name in the document.
func limit(of *jsonschema.Schema, t reflect.Type) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		property, ok := of.Properties.Get(name)
		if !ok {
			continue
		}
		if rest, found := strings.CutPrefix(property.Description, field.Name+" "); found {
			property.Description = name + " " + rest
		}
		kind := field.Tag.Get("is")
		if kind == "" || limitNumber(property, kind) {
			continue
		}
		most, text := uint64(maxText), kinds[kind]
		text.MaxLength = &most
		switch {
		case kind == "url": // one, or a list
			one, many, single := uint64(1), uint64(maxURLs), text
			single.Type = "string"
			property.Type, property.Items = "", nil
			property.AnyOf = []*jsonschema.Schema{&single, {Type: "array", Items: &single, UniqueItems: true, MinItems: &one, MaxItems: &many}}
		case property.Type == "array":
			text.Type = "string"
			property.Items, property.UniqueItems = &text, true
		case property.Type == "object":
			property.PropertyNames = &text
		default:
			property.Pattern, property.MaxLength = text.Pattern, text.MaxLength
		}
	}
}

// limitNumber applies the kinds of a number: above is a share above 0, or a list
// of them, ratio what a guard's latencies may be.
func limitNumber(property *jsonschema.Schema, kind string) bool {
	switch kind {
	case "above":
		shares := property.AnyOf
		if property.Items != nil {
			shares = property.Items.AnyOf
		}
		shares[0].Minimum, shares[0].ExclusiveMinimum = "", "0"
	case "ratio":
		property.ExclusiveMinimum, property.Maximum = "1", json.Number(strconv.Itoa(maxRatio))
	default:
		return false
	}
	return true
}
