package caddymodule

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
)

// trust is the proxy's own certificate and whom it trusts, from files that are
// read anew when they have changed: certificates are renewed under the same name,
// and a reload with the same settings keeps what it has. A file that cannot be
// read, as one whose key is still to come, leaves what there was.
type trust struct {
	certificate, key, ca string

	mu     sync.Mutex
	seen   [3]stamp
	config *tls.Config
}

// stamp tells a file from what it was before.
type stamp struct {
	at   time.Time
	size int64
}

// newTrust reads the files; without any it answers nil, for the standard.
func newTrust(certificate, key, ca string) (*trust, error) {
	if certificate == "" && ca == "" {
		return nil, nil //nolint:nilnil // the standard is no error
	}
	t := &trust{certificate: certificate, key: key, ca: ca}
	t.seen = t.stamps()
	var err error
	t.config, err = t.read()
	return t, err
}

// now is what holds for a new connection. Safe for concurrent use.
func (t *trust) now() *tls.Config {
	t.mu.Lock()
	defer t.mu.Unlock()
	if seen := t.stamps(); seen != t.seen {
		t.seen = seen
		if next, err := t.read(); err == nil {
			t.config = next
		} else {
			caddy.Log().Named("strangler").Warn("a renewed certificate cannot be read; the one before is used", zap.Error(err))
		}
	}
	return t.config
}

func (t *trust) stamps() (out [3]stamp) {
	for i, file := range [...]string{t.certificate, t.key, t.ca} {
		if info, err := os.Stat(file); err == nil {
			out[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return out
}

func (t *trust) read() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.certificate != "" {
		own, err := tls.LoadX509KeyPair(t.certificate, t.key)
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{own}
	}
	if t.ca != "" {
		text, err := os.ReadFile(t.ca)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, errors.New("ca: there is no certificate in PEM in " + t.ca)
		}
	}
	return config, nil
}
