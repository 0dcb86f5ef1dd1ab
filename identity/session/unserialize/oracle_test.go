package unserialize_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/identity/session/unserialize"
	"github.com/strangler-proxy/strangler/identity/session/unserialize/unserializetest"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

// php runs the oracle.
func php(t *testing.T, stdin string, args ...string) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), testbed.PHPCommand(t), append([]string{"testdata/oracle.php"}, args...)...)
	command.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// dumped answers random values that PHP serialized.
func dumped(t *testing.T, count int) (data, values []string) {
	t.Helper()
	for _, line := range php(t, "", "dump", fmt.Sprint(count), "7") {
		text, value, _ := strings.Cut(line, " ")
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		data, values = append(data, string(raw)), append(values, value)
	}
	return data, values
}

func TestValuesAreReadAsPHPWroteThem(t *testing.T) {
	t.Parallel()
	data, values := dumped(t, 3000)
	for i, text := range data {
		got, rest, err := unserialize.Decode(text)
		if err != nil || rest != "" {
			t.Fatalf("%q: %v, rest %q; PHP: %s", text, err, rest, values[i])
		}
		if unserializetest.Notation(got) != values[i] {
			t.Fatalf("%q\nhere %s\nPHP  %s", text, unserializetest.Notation(got), values[i])
		}
	}
}

// What is accepted of any bytes, PHP reads as the same value; and what is
// refused as malformed, PHP refuses.
func TestDamagedDataIsReadAsPHPReadsIt(t *testing.T) {
	t.Parallel()
	whole, _ := dumped(t, 1500)
	random := rand.New(rand.NewPCG(1, 2))
	const count = 60_000
	inputs := make([]string, 0, count)
	var lines strings.Builder
	for range count {
		data := unserializetest.Damage(random, whole[random.IntN(len(whole))])
		inputs = append(inputs, data)
		lines.WriteString(base64.StdEncoding.EncodeToString([]byte(data)) + "\n")
	}
	same, refused := 0, 0
	for i, want := range php(t, lines.String(), "load") {
		got, _, err := unserialize.Decode(inputs[i])
		opaque := err == nil && strings.Contains(unserializetest.Notation(got), "O") // only PHP knows what a class makes of it
		switch {
		case err == nil && want == "error" && !opaque && !strings.Contains(inputs[i], "E:"):
			t.Errorf("%q\nhere %s\nPHP refuses", inputs[i], unserializetest.Notation(got))
		case err == nil && want != "error" && unserializetest.Notation(got) != want && !opaque:
			t.Errorf("%q\nhere %s\nPHP  %s", inputs[i], unserializetest.Notation(got), want)
		case errors.Is(err, unserialize.ErrMalformed) && want != "error":
			t.Errorf("%q\nhere %v\nPHP  %s", inputs[i], err, want)
		case err == nil && want != "error":
			same++
		case err != nil:
			refused++
		}
	}
	t.Logf("of %d damaged texts %d are read by both, %d refused", len(inputs), same, refused)
	if same < 2000 || refused < 2000 {
		t.Error("too few to mean something")
	}
}
