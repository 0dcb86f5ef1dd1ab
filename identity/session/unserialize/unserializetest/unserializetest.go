// Package unserializetest has what tests share that hold readers of PHP's
// serialized data to PHP.
package unserializetest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/strangler-proxy/strangler/identity/session/unserialize"
)

// Notation writes a value as testdata/values.php does.
func Notation(v any) string {
	budget := 2000
	return notate(v, &budget, 0)
}

func notate(v any, budget *int, depth int) string {
	if *budget--; *budget < 0 || depth > 10 {
		return "~"
	}
	switch v := v.(type) {
	case nil:
		return "N"
	case bool:
		return map[bool]string{true: "T", false: "F"}[v]
	case int64:
		return fmt.Sprintf("i%d", v)
	case float64:
		if math.IsNaN(v) {
			return "fnan"
		}
		return fmt.Sprintf("f%016x", math.Float64bits(v))
	case string:
		return "s" + hex.EncodeToString([]byte(v))
	case unserialize.Object:
		return "O"
	case *unserialize.Array:
		var parts []string
		for key, item := range v.All() {
			name := "i" + key.String()
			if key.IsText {
				name = "s" + hex.EncodeToString([]byte(key.Text))
			}
			parts = append(parts, name+":"+notate(item, budget, depth+1))
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	panic(fmt.Sprintf("a value of type %T", v))
}

// Damage changes a few bytes of serialized data, most of them in its notation
// rather than in texts.
func Damage(random *rand.Rand, text string) string {
	pieces := []string{
		"N;", "b:1;", "i:1;", "i:+07;", "i:99999999999999999999;", "d:1.e5;", "d:.5;", "d:-INF;", "d:1e999;", "R:1;", "R:2;", "R:3;", "r:2;", "R:4;", "R:0;",
		"a:0:{}", `s:1:"a";`, `S:1:"\41";`, `s:18446744073709551617:"a";`, `a:1:{i:0;N;}`, `a:2:{i:0;i:1;i:0;R:2;}`, `a:2:{s:1:"5";a:1:{i:0;i:7;}i:5;R:3;}`,
		`O:8:"stdClass":1:{s:1:"a";i:1;}`, `O:1:"x"::{}`, `C:1:"x":2:{ab}`, "}", "{", ":", ";", `"`, "0", "9", "-",
	}
	data := []byte(text)
	for range 1 + random.IntN(3) {
		at := random.IntN(len(data))
		switch random.IntN(5) {
		case 0:
			data[at] = byte(random.IntN(256))
		case 1:
			data[at] = "aibdsSRrOCEN0123456789:;{}\""[random.IntN(27)]
		case 2:
			data = slices.Insert(data, at, []byte(pieces[random.IntN(len(pieces))])...)
		case 3: // a whole value for another
			if end := bytes.IndexAny(data[at:], ";"); end > 0 {
				if from := bytes.LastIndexAny(data[:at], ";{") + 1; from < at+end {
					data = slices.Replace(data, from, at+end+1, []byte(pieces[random.IntN(len(pieces))])...)
				}
			}
		default:
			if data = slices.Delete(data, at, min(len(data), at+1+random.IntN(4))); len(data) == 0 {
				return "N;"
			}
		}
		if len(data) == 0 {
			return "N;"
		}
	}
	return string(data)
}
