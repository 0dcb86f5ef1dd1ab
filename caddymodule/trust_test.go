package caddymodule

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
)

// issued is a certificate of its own for 127.0.0.1, as files have it.
func issued(t *testing.T, serial int64) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "127.0.0.1"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// certified is a monolith that says by which certificate it was asked.
func certified(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"active":true,"sub":"`+r.TLS.PeerCertificates[0].SerialNumber.String()+`"}`)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// A certificate that is renewed under the same name counts from the next connection
// on, and so does whom the proxy trusts.
func TestRenewedCertificatesAreReadAnew(t *testing.T) {
	t.Parallel()
	dir, server, at := t.TempDir(), certified(t), time.Now()
	put := func(name string, text []byte) string {
		file := filepath.Join(dir, name)
		at = at.Add(time.Second)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
		return file
	}
	certificate, key := issued(t, 1)
	mine := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	format := &IntrospectedSessions{
		URL: server.URL, Cookies: []string{"sid"}, Certificate: put("own.pem", certificate), Key: put("own.key", key), CA: put("ca.pem", mine),
	}
	opened, err := format.Open(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	ask := func(when, subject string) {
		t.Helper()
		if err := opened.Reader.(io.Closer).Close(); err != nil { // its idle connections
			t.Fatal(err)
		}
		found := opened.Reader.Open(t.Context(), "sid=x")
		if subject == "" && found.State == session.Unavailable {
			return
		}
		if found.Principal == nil || found.Principal.Subject != subject {
			t.Errorf("%s: %+v", when, found)
		}
	}
	ask("before", "1")
	certificate, key = issued(t, 2)
	put("own.pem", certificate)
	ask("with a key that is still to come", "1")
	put("own.key", key)
	ask("renewed", "2")
	other, _ := issued(t, 3)
	put("ca.pem", other)
	ask("the monolith is not trusted any more", "")
	put("ca.pem", nil)
	ask("an empty file", "")
	put("ca.pem", mine)
	ask("trusted again", "2")
}
