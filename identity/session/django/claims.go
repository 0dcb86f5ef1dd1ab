package django

import (
	"math"
	"time"

	"github.com/strangler-proxy/strangler/identity/session/pickle"
)

// plain makes a value of a session one that marshals to JSON: lists for tuples
// and sets, texts for what Python has more types for (ISO 8601 for times, a
// number of seconds for a duration), objects for dicts, of which keys that are
// no texts are left out. ok is false for what has no such form.
func plain(v any) (out any, ok bool) {
	switch v := v.(type) {
	case pickle.Opaque:
		return nil, false
	case float64:
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	case pickle.Tuple:
		return plainList(v), true
	case pickle.Set:
		return plainList(v), true
	case []any:
		return plainList(v), true
	case pickle.Dict:
		object := make(map[string]any, len(v))
		for _, item := range v {
			if key, text := item.Key.(string); text {
				if value, ok := plain(item.Value); ok {
					object[key] = value
				}
			}
		}
		return object, true
	case pickle.DateTime:
		if v.Naive {
			return v.Format("2006-01-02T15:04:05.999999"), true
		}
		return v.Format(time.RFC3339Nano), true
	case time.Duration:
		return v.Seconds(), true
	}
	return v, true
}

// plainList keeps the places of what has no form: they become null.
func plainList(items []any) []any {
	out := make([]any, len(items))
	for i, item := range items {
		if value, ok := plain(item); ok {
			out[i] = value
		}
	}
	return out
}
