package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

const reportedTable = `targets:
  monolith: { url: http://MONOLITH }
  faq: { url: http://FAQ }
monolith: monolith
routes:
  - name: faq-read
    match: GET /v1/faq/{id}
    owner: kb
    service: faq
    shadow: { presets: [django], clear: [request.path] }
`

// withBug stands before the faq service and makes its numbers strings, as a
// serializer of another language may.
func withBug(t *testing.T, service string) string {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: service})
	proxy.ModifyResponse = func(r *http.Response) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		body = bytes.Replace(body, []byte(`"id":`), []byte(`"id": "x", "was":`), 1)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return nil
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// replayed replays cases against a target, and answers what was said and the exit
// code. No server of ours is asked.
func replayed(t *testing.T, cases, target string, more ...string) (said string, code int) {
	t.Helper()
	arguments := append([]string{"shadow", "replay", cases, "--target", "http://" + target, "--fail-on-difference"}, more...)
	command := exec.CommandContext(t.Context(), testbed.Binary(t), arguments...)
	out, err := command.CombinedOutput()
	if ended := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	t.Logf("%s", out)
	return string(out), command.ProcessState.ExitCode()
}

// keeps asks the Pact foundation's own verifier whether a service keeps a contract.
func keeps(t *testing.T, pact, address string, want bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := testbed.PactVerifier(ctx, t, pact, address)
	out, err := command.CombinedOutput()
	if ended := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	code := command.ProcessState.ExitCode()
	t.Logf("the verifier ends with %d: %s", code, out)
	switch {
	case want && (code != 0 || !strings.Contains(string(out), "verified: ")):
		t.Error("a service that is right breaks the contract")
	case !want && (code != 1 || !strings.Contains(string(out), "$.id")):
		t.Error("the contract does not name the bug")
	}
}

// A service with a bug is found while Django serves; what was kept of it leaves the
// server as cases, finds the bug in the service without Django, and passes the
// service without it.
func TestABugIsReportedExportedAndReplayed(t *testing.T) {
	t.Parallel()
	django := testbed.StartHelpdesk(t)
	service := testbed.StartFAQ(t, django.Database())
	wrong := withBug(t, service.Address)
	proxy := testbed.StartStrangler(t, func(address, admin string) (string, string) {
		return testbed.Caddyfile(address, admin), strings.NewReplacer("MONOLITH", django.Address, "FAQ", wrong).Replace(reportedTable)
	})
	crowd := newCrowd(t, proxy.URL(""))
	crowd.jars = crowd.jars[:40]
	if n := count(crowd.ask()); n != 0 {
		t.Fatalf("%d users on the service", n)
	}
	if one := shadowed(t, proxy, "faq-read", 40); one.Buckets["different"]+one.Buckets["not_reproducible"] != 40 {
		t.Fatalf("%v", one.Buckets)
	}

	_, err := proxy.Command("shadow", "report", "--route", "faq-read", "--fail-on-gate")
	if failed := (*testbed.CommandError)(nil); !errors.As(err, &failed) || !strings.Contains(failed.Output, "1. $.id type number→string") ||
		!strings.Contains(failed.Output, "the gate is not met: faq-read (failing)") {
		t.Error(err)
	}
	for format, has := range map[string]string{"text": "faq-read: ", "markdown": "## faq-read: ", "html": "<!DOCTYPE html>", "json": `"version": 1`} {
		name := filepath.Join(proxy.Dir, "report."+format)
		proxy.MustCommand(t, "shadow", "report", "--format", format, "--output", name)
		data, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(data), has) || !strings.Contains(string(data), "$.id type number→string") {
			t.Errorf("%s: %v\n%s", format, err, data)
		}
	}

	cases := filepath.Join(proxy.Dir, "cases")
	proxy.MustCommand(t, "shadow", "export", "--route", "faq-read", "--output", cases)
	pact := filepath.Join(proxy.Dir, "faq.pact.json")
	proxy.MustCommand(t, "shadow", "export", "--route", "faq-read", "--format", "pact", "--output", pact)
	t.Log(proxy.MustCommand(t, "shadow", "samples", "--route", "faq-read", "--limit", "1"))
	proxy.Stop()
	keeps(t, pact, service.Address, true)
	keeps(t, pact, wrong, false)

	if said, code := replayed(t, cases, wrong); code != 3 || !strings.Contains(said, "$.id type number→string") {
		t.Errorf("the bug is not found: %d\n%s", code, said)
	}
	if said, code := replayed(t, cases, service.Address); code != 0 || !strings.Contains(said, ": equal") {
		t.Errorf("the service without the bug: %d\n%s", code, said)
	}
}
