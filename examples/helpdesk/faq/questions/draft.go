package questions

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Refusal says what is wrong with a draft: texts by field.
type Refusal map[string][]string

// parseDraft reads what a client sent. The texts of a refusal are the
// monolith's, word for word; an error is the store's.
func (s *Store) parseDraft(ctx context.Context, data []byte, withRelated bool) (Draft, Refusal, error) {
	if !utf8.Valid(data) || !json.Valid(data) {
		return Draft{}, Refusal{"body": {"Send JSON."}}, nil
	}
	var fields map[string]json.RawMessage
	if !is(data, &fields) || fields == nil {
		return Draft{}, Refusal{"body": {"Send an object."}}, nil
	}
	refusal := Refusal{}
	draft := Draft{
		Question: text(fields, "question", 300, refusal),
		Source:   text(fields, "source", 100, refusal),
	}
	if withRelated {
		var err error
		if draft.Related, err = s.related(ctx, fields["related"], refusal); err != nil {
			return Draft{}, nil, err
		}
	}
	return draft, refusal, nil
}

// is reads JSON into value and says whether it has that type.
func is(raw []byte, value any) bool { return json.Unmarshal(raw, value) == nil }

// text reads a required string of at most limit characters.
func text(fields map[string]json.RawMessage, name string, limit int, refusal Refusal) string {
	raw := fields[name]
	var value *string
	if raw != nil && !is(raw, &value) {
		refusal[name] = []string{"Enter a string."}
		return ""
	}
	if value == nil || strings.TrimSpace(*value) == "" {
		refusal[name] = []string{"This field is required."}
		return ""
	}
	trimmed := strings.TrimSpace(*value)
	var wrong []string
	if n := utf8.RuneCountInString(trimmed); n > limit {
		wrong = append(wrong, fmt.Sprintf("Ensure this value has at most %d characters (it has %d).", limit, n))
	}
	if strings.ContainsRune(trimmed, 0) {
		wrong = append(wrong, "Null characters are not allowed.")
	}
	if wrong != nil {
		refusal[name] = wrong
	}
	return trimmed
}

// related reads the required list of ids of questions that exist.
func (s *Store) related(ctx context.Context, raw json.RawMessage, refusal Refusal) ([]int64, error) {
	var ids []int64
	if raw == nil || !is(raw, &ids) || ids == nil || bytes.Contains(raw, []byte("null")) {
		refusal["related"] = []string{"Enter a list of ids."}
		return nil, nil
	}
	for _, id := range ids {
		there, err := s.has(ctx, id)
		if err != nil {
			return nil, err
		}
		if !there {
			refusal["related"] = []string{fmt.Sprintf("There is no question %d.", id)}
			return nil, nil
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}
