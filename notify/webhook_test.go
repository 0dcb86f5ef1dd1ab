package notify

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
)

// TestSignatureOfTheSpecification is the example that the libraries of Standard
// Webhooks are tested by.
func TestSignatureOfTheSpecification(t *testing.T) {
	t.Parallel()
	secret, err := ParseSecret(secretText)
	if err != nil {
		t.Fatal(err)
	}
	got := secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestParseSecretRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_dG9vIHNob3J0",
		"whsec_" + strings.Repeat("AAAA", 22), "whsec_!fKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "v1,MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	} {
		_, err := ParseSecret(text)
		if err == nil || !strings.Contains(err.Error(), "openssl rand -base64 32") || len(text) > 8 && strings.Contains(err.Error(), text[6:]) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	secret := make(Secret, 32)
	for want, webhook := range map[string]Webhook{
		"not http":             {URL: "ftp://example.com/secret-path", Secret: secret},
		"URL is not":           {URL: "://secret-path", Secret: secret},
		"or https":             {URL: "https:///secret-path", Secret: secret},
		"a user or a password": {URL: "https://me:secret-path@example.com/", Secret: secret},
		"no secret":            {URL: "https://example.com/secret-path"},
		`"xml" is no format`:   {URL: "https://example.com/secret-path", Secret: secret, Format: "xml"},
		`"hodl" is no verb`:    {URL: "https://example.com/secret-path", Secret: secret, Only: Filter{Verbs: []rollout.Verb{"hodl"}}},
		`"me" is no source`:    {URL: "https://example.com/secret-path", Secret: secret, Only: Filter{Sources: []string{"me"}}},
		"https://example.com#": {URL: "https://example.com/secret-path"},
	} {
		_, err := Check([]Webhook{webhook})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret-path") {
			t.Errorf("%s: %v", want, err)
		}
	}
	twice := Webhook{URL: "https://example.com/secret-path", Secret: secret}
	if _, err := Check([]Webhook{twice, twice}); err == nil || !strings.Contains(err.Error(), "there twice") {
		t.Error(err)
	}
	other := twice
	other.Name = "other"
	if _, err := Check([]Webhook{twice, other}); err != nil {
		t.Error(err)
	}
}

func TestSlackTextIsEscaped(t *testing.T) {
	t.Parallel()
	body, err := FormatSlack.payload(rollout.Change{
		Route: "a<b>", Verb: rollout.VerbBrake, After: &rollout.RouteState{},
		Act: rollout.Act{By: "<!channel>", Reason: "a & b <https://evil.example|x>", Source: rollout.SourceCLI},
		At:  time.Date(2026, 5, 4, 9, 30, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	want := `*a&lt;b&gt;*: &lt;!channel&gt; brake: "a &amp; b &lt;https://evil.example|x&gt;" (from cli, 2026-05-04T09:30:00Z)`
	if len(got) != 1 || got["text"] != want {
		t.Errorf("%q, want %q", got, want)
	}
}
