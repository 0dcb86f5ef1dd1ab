package introspect

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// keep says how long an answer may be kept by its Cache-Control (RFC 9111, section
// 5.2.2): zero when it does not say, negative for not at all. private is what we
// are; s-maxage is not for us. Of a directive that is there twice the shorter
// counts, and what is no number is 0, as section 4.2.1 has it.
func keep(header http.Header) time.Duration {
	var out time.Duration
	for _, line := range header.Values("Cache-Control") {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "no-store", "no-cache":
				return -1
			case "max-age":
				seconds, err := strconv.ParseUint(strings.Trim(value, ` "`), 10, 31)
				if err != nil || seconds == 0 {
					return -1
				}
				if age := time.Duration(seconds) * time.Second; out == 0 || age < out { //#nosec G115 -- 31 bits
					out = age
				}
			}
		}
	}
	return out
}
