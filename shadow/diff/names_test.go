package diff_test

import (
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/shadow/diff"
)

// TestNamesOfMembers: what people use as keys of maps is data, what programs call
// their members is not.
func TestNamesOfMembers(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "alice@example.com", "Alice Smith", "12", "4711", "2026-05-04", "2026-05-04T09:30:00Z", "+49 30 1234567", "0301234567", "10.0.0.1", "2001:db8::17",
		"00:1a:2b:3c:4d:5e", "u12345678", "DE89370400440532013000", "4111-1111-1111-1111", "a1b2c3d4", "0af7651916cd43dd8448eb211c80319c",
		"123e4567-e89b-12d3-a456-426614174000", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0", "dGhpcyBpcyBhIHNlY3JldA==", "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
		"ghp_16C7e42F292c6912E7710c838347Ae178B4a", "v1kq3v9x2m1p8z7w4t", "/faq/1", "https://example.com/u/alice", "O'Brien", "a\x00b", "a=b", "xoxb-2345-AbCd-9sQ2Zk1Lm",
		"qwkzjvhxpltrmnbd", strings.Repeat("a", 65),
	} {
		if !diff.LooksLikeData(name) {
			t.Errorf("%q passes for a name", name)
		}
	}
	for _, name := range []string{
		"id", "title", "created_at", "createdAt", "CreatedAt", "X", "a1", "line_1", "address_line_2", "utf8", "sha256", "md5", "iso8601", "rfc3339", "h264", "p95", "v2", "oauth2_client_id",
		"getHTTPResponseCode", "userIdentificationNumber", "last_modified_by_user_id", "$ref", "$schema", "@context", "@type", "@id", "#text", "dc:title", "xml:lang", "xlink:href",
		"data-turbo-track", "x-forwarded-for", "größe", "Straße", "名前", "authenticationCredentials", "HTMLElement", "supported_locales_by_country", "face", "deadbeef", "abc-def", "de-DE", "filter[name]",
		"page_size", "acknowledgements_length", "highest_postsecondary_degree", "strengthsFinderScore", "ipv4_address", "is_2fa_enabled", "geo.lat", "maxWidth1024",
	} {
		if diff.LooksLikeData(name) {
			t.Errorf("%q passes for data", name)
		}
	}
}

// TestTokensAreData: of each kind of random token, made anew, all but a few in a
// thousand are found.
func TestTokensAreData(t *testing.T) {
	t.Parallel()
	var random *rand.ChaCha8
	of := func(alphabet string, n int) func() string {
		return func() string {
			var b strings.Builder
			for range n {
				b.WriteByte(alphabet[random.Uint64()%uint64(len(alphabet))])
			}
			return b.String()
		}
	}
	bytes := func(n int, encode func([]byte) string) func() string {
		return func() string {
			b := make([]byte, n)
			_, _ = random.Read(b)
			return encode(b)
		}
	}
	const small, capital, digits = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
	for what, test := range map[string]struct {
		make func() string
		miss int // of 10,000
	}{
		"Django's session": {of(small+digits, 32), 60},
		"16 base 62":       {of(small+capital+digits, 16), 80},
		"22 base 62":       {of(small+capital+digits, 22), 10},
		"base64url of 16":  {bytes(16, base64.RawURLEncoding.EncodeToString), 40},
		"base64url of 32":  {bytes(32, base64.RawURLEncoding.EncodeToString), 2},
		"hex of 8":         {bytes(8, hex.EncodeToString), 10},
		"ULID":             {of("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 26), 80},
		"10 digits":        {of(digits, 10), 0},
	} {
		missed, example := 0, ""
		random = rand.NewChaCha8([32]byte{7}) // each kind its own row: a map has no order
		for range 10_000 {
			if token := test.make(); !diff.LooksLikeData(token) {
				missed, example = missed+1, token
			}
		}
		t.Logf("%s: %d of 10,000 pass for names", what, missed)
		if missed > test.miss {
			t.Errorf("%s: %d of 10,000 pass for names, such as %s", what, missed, example)
		}
	}
}

func FuzzLooksLikeData(f *testing.F) {
	for _, seed := range []string{"id", "alice@example.com", "\xff", "ÄÖ", "a b", "aZ9xQ2aZ9xQ2aZ9xQ2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		is := diff.LooksLikeData(name)
		if !is && (len(name) > 64 || strings.ContainsAny(name, " \n/'\"") || strings.LastIndexByte(name, '@') > 0) {
			t.Errorf("%q passes for a name", name)
		}
	})
}
