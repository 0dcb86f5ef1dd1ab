package flags

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	schemas "github.com/open-feature/flagd-schemas/json"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Check says what is wrong with a file of flagd's flag definitions: with its
// JSON, by flagd's schema, or between its parts. The error names the line.
func Check(data []byte) error {
	if err := checkSyntax(data); err != nil {
		return err
	}
	if err := checkSchema(data); err != nil {
		return err
	}
	scratch, err := newJSON()
	if err != nil {
		return err
	}
	return setRules(scratch, string(data)) // default variants, references
}

func checkSyntax(data []byte) error {
	var whole any
	err := json.Unmarshal(data, &whole)
	if err == nil {
		if _, object := whole.(map[string]any); !object {
			return errors.New(`line 1: an object is expected, as {"flags": {…}}`)
		}
		return checkTwice(data)
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		line, column := place(data, syntax.Offset)
		return fmt.Errorf("line %d, column %d: %w", line, column, err)
	}
	return err
}

// place is the line and column of an offset as encoding/json counts it: after
// the byte in question.
func place(data []byte, offset int64) (line, column int) {
	before := data[:min(max(int(offset)-1, 0), len(data))]
	return 1 + bytes.Count(before, []byte{'\n'}), len(before) - bytes.LastIndexByte(before, '\n')
}

var schema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	for name, text := range map[string]string{
		"flagd": schemas.FlagdSchema, "flags": schemas.FlagSchema, "targeting": schemas.TargetingSchema,
	} {
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			return nil, err
		}
		if err := compiler.AddResource("https://flagd.dev/schema/v0/"+name+".json", document); err != nil {
			return nil, err
		}
	}
	return compiler.Compile("https://flagd.dev/schema/v0/flagd.json")
})

func checkSchema(data []byte) error {
	rules, err := schema()
	if err != nil {
		return fmt.Errorf("flagd's schema: %w", err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	err = rules.Validate(document)
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err
	}
	where, what := closest(invalid)
	return fmt.Errorf("line %d: %s: %s", lineOf(data, where), strings.Join(where, "."), what)
}

// closest is the complaint to show of the many that a schema with alternatives
// makes: one that points farthest into the document, of these the one that most
// alternatives make, and of those the first.
func closest(err *jsonschema.ValidationError) (where []string, what string) {
	times := map[string]int{}
	printer := message.NewPrinter(language.English)
	var most int
	var look func(*jsonschema.ValidationError)
	look = func(e *jsonschema.ValidationError) {
		causes := e.Causes
		if len(e.InstanceLocation) == 2 && len(causes) > 1 {
			causes = causes[:1] // a flag as a boolean, a number, a text or an object: ours are booleans
		}
		for _, cause := range causes {
			look(cause)
		}
		if len(causes) > 0 {
			return
		}
		text := e.ErrorKind.LocalizedString(printer)
		key := strings.Join(e.InstanceLocation, "\x00") + "\x00" + text
		times[key]++
		if deeper := len(e.InstanceLocation) - len(where); deeper > 0 || deeper == 0 && times[key] > most {
			where, what, most = e.InstanceLocation, text, times[key]
		}
	}
	look(err)
	return where, what
}

// lineOf is the line on which the value at a path begins; as near to it as the
// path leads.
func lineOf(data []byte, path []string) int {
	line := 1
	_ = walk(data, func(at []string, offset int64) error {
		if len(at) <= len(path) && strings.Join(at, "\x00") == strings.Join(path[:len(at)], "\x00") {
			line, _ = place(data, offset)
		}
		return nil
	})
	return line
}

// checkTwice refuses a flag that is there twice, of which JSON readers take the
// last without a word.
func checkTwice(data []byte) error {
	lines := map[string]int{}
	return walk(data, func(at []string, offset int64) error {
		if len(at) != 2 || at[0] != "flags" {
			return nil
		}
		line, _ := place(data, offset)
		if first, twice := lines[at[1]]; twice {
			return fmt.Errorf("line %d: the flag %s is there already, on line %d", line, at[1], first)
		}
		lines[at[1]] = line
		return nil
	})
}

// walk calls visit with the path of every value and the offset after its key or,
// in an array, after what comes before it.
func walk(data []byte, visit func(path []string, offset int64) error) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	var path []string
	var value func() error
	value = func() error {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		delimiter, nested := token.(json.Delim)
		if !nested {
			return nil
		}
		for i := 0; decoder.More(); i++ {
			key := strconv.Itoa(i)
			if delimiter == '{' {
				name, err := decoder.Token()
				if err != nil {
					return err
				}
				key = fmt.Sprint(name)
			}
			path = append(path, key)
			if err := visit(path, decoder.InputOffset()); err != nil {
				return err
			}
			if err := value(); err != nil {
				return err
			}
			path = path[:len(path)-1]
		}
		_, err = decoder.Token()
		return err
	}
	if err := value(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
