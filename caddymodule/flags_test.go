package caddymodule

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

func TestFlagsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "empty.pem")
	if err := writeFileTo(file, "nothing"); err != nil {
		t.Fatal(err)
	}
	env := FlagSource{Env: true}
	for _, test := range []struct {
		source  FlagSource
		options FlagOptions
		want    string
	}{
		{FlagSource{}, FlagOptions{}, "exactly one"},
		{FlagSource{Env: true, OFREP: "http://x"}, FlagOptions{}, "exactly one"},
		{FlagSource{OFREP: "https://x", TLS: &FlagTLS{}}, FlagOptions{}, "tls is for flagd"},
		{FlagSource{Flagd: "x:1", Header: http.Header{"A": {"b"}}}, FlagOptions{}, "header is for ofrep"},
		{FlagSource{OFREP: "https://x", Header: http.Header{"Authorization": {"Bearer {env.NOT_THERE}"}}}, FlagOptions{}, "header Authorization"},
		{FlagSource{Flagd: "x:1", TLS: &FlagTLS{CA: file}}, FlagOptions{}, "no certificate"},
		{FlagSource{Flagd: "x:1", TLS: &FlagTLS{CA: file + "x"}}, FlagOptions{}, "no such file"},
		{env, FlagOptions{Wait: caddy.Duration(2 * time.Second)}, "wait 2s"},
		{env, FlagOptions{MaxAge: caddy.Duration(1000 * time.Hour)}, "max_age"},
		{env, FlagOptions{Cache: 1e9}, "cache"},
	} {
		identity, err := flagIdentity([]FlagSource{test.source}, test.options)
		if err == nil {
			err = checkFlags(identity)
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test, err)
		}
	}
	if _, err := flagIdentity(nil, FlagOptions{Cache: 1}); err == nil || !strings.Contains(err.Error(), "no source") {
		t.Errorf("options alone: %v", err)
	}
}
