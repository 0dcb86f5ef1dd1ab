package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// siteName is the host that clients ask for; it resolves nowhere, every
// connection goes to an address on loopback.
const siteName = "bench.test"

// certificate are the files of one self-made certificate for siteName.
type certificate struct {
	cert, key string
	// both holds certificate and key, as HAProxy wants it.
	both string
}

// makeCertificate writes a certificate that is valid for the run: ECDSA on
// P-256, as Caddy's own and Let's Encrypt's usual ones.
func makeCertificate(dir string) (certificate, error) {
	files := certificate{
		cert: filepath.Join(dir, "site.crt"),
		key:  filepath.Join(dir, "site.key"),
		both: filepath.Join(dir, "site.pem"),
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return files, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: siteName},
		DNSNames:     []string{siteName},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(7 * 24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return files, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return files, err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	for name, text := range map[string][]byte{
		files.cert: certPEM, files.key: keyPEM, files.both: slices.Concat(certPEM, keyPEM),
	} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			return files, err
		}
	}
	return files, nil
}
