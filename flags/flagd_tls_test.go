package flags

import (
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Over TLS only a flagd whose certificate is known is believed.
func TestFlagdOverTLS(t *testing.T) {
	t.Parallel()
	known := httptest.NewTLSServer(nil) // for its certificate
	defer known.Close()
	bed := newFlagdBed(t, true)
	bed.options = []grpc.ServerOption{grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: known.TLS.Certificates, MinVersion: tls.VersionTLS12}))}
	bed.start()
	pool := x509.NewCertPool()
	pool.AddCert(known.Certificate())
	e := start(t, Options{Sources: []Source{Flagd(bed.address, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})}})
	within(t, 15*time.Second, "the flag is there", func() bool { return decide(t, e, "tickets", "ann").Value })

	doubting := start(t, Options{Sources: []Source{Flagd(bed.address, &tls.Config{MinVersion: tls.VersionTLS12})}, Retry: 50 * time.Millisecond})
	within(t, 15*time.Second, "an unknown certificate is refused", func() bool {
		a := decide(t, doubting, "tickets", "ann")
		return a.Err != "" && doubting.Status().Sources[0].Error != ""
	})
	if doubting.Ready() {
		t.Errorf("%+v", doubting.Status())
	}
}
