package sqldb_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/eventstest"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

// relay is between a client and the server, whose words it may keep back.
type relay struct {
	net.Listener
	// deaf is a network that lost the connection and tells nobody.
	deaf atomic.Bool
	// pools has no notifications pass, as PgBouncer does with transactions.
	pools bool
}

func startRelay(t *testing.T, to string, pools bool) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r := &relay{Listener: l, pools: pools}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
			go func() { r.pass(client, server); _ = client.Close() }()
		}
	}()
	return r
}

func (r *relay) url() string { return "postgres://reader@" + r.Addr().String() + "/postgres?sslmode=" }

func (r *relay) pass(client io.Writer, server io.Reader) {
	for {
		words, err := r.words(server)
		if err != nil {
			return
		}
		if r.deaf.Load() {
			continue
		}
		if _, err := client.Write(words); err != nil {
			return
		}
	}
}

// words are what the server says next: bytes, or one message of its protocol, which
// begins with its type and its length.
func (r *relay) words(server io.Reader) ([]byte, error) {
	if !r.pools {
		buffer := make([]byte, 4<<10)
		n, err := server.Read(buffer)
		return buffer[:n], err
	}
	var header [5]byte
	if _, err := io.ReadFull(server, header[:]); err != nil {
		return nil, err
	}
	message := make([]byte, 1+binary.BigEndian.Uint32(header[1:])) // the length counts itself
	copy(message, header[:])
	_, err := io.ReadFull(server, message[len(header):])
	const notification = 'A'
	if message[0] == notification {
		message = nil
	}
	return message, err
}

// tls gives a running server a certificate.
func (d *database) tls() {
	d.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(d.t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(d.t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(d.t, err)
	for name, block := range map[string]*pem.Block{"server.crt": {Type: "CERTIFICATE", Bytes: certificate}, "server.key": {Type: "PRIVATE KEY", Bytes: private}} {
		lines := strings.ReplaceAll(strings.TrimSpace(string(pem.EncodeToMemory(block))), "\n", "'),('")
		// The server's own account has to be the only one that may read the key.
		d.exec("copy (values ('" + lines + "')) to program 'umask 077; cat > " + name + "'")
	}
	d.exec("alter system set ssl = on")
	d.exec("select pg_reload_conf()")
	testbed.WaitFor(d.t, "TLS", func() bool {
		var on string
		return d.conn.QueryRow(d.t.Context(), "show ssl").Scan(&on) == nil && on == "on"
	})
}

// Nothing was told for long, and then something is, and then the network is gone.
func TestADeadConnectionToPostgresIsNoticed(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	d := startDatabase(t)
	d.trigger()
	d.tls()
	r := startRelay(t, d.Address, false)
	f := follow(t, ticket, r.url()+"require")
	if doubt := eventstest.Within(t, f.On); doubt != nil {
		t.Fatal(doubt)
	}
	quiet := time.NewTimer(11 * time.Second)
	select {
	case err := <-f.End:
		t.Fatal(err)
	case <-quiet.C:
	}
	d.exec(`insert into "Office".ticket values ('a', '1', true); delete from "Office".ticket`)
	eventstest.Within(t, f.Changed)
	r.deaf.Store(true)
	began := time.Now()
	select {
	case err := <-f.End:
		t.Logf("after %s: %v", time.Since(began), err)
	case <-time.After(30 * time.Second):
		t.Error("still followed")
	}
}

func TestAPoolerThatKeepsNotificationsIsNoticed(t *testing.T) {
	t.Parallel()
	d := startDatabase(t)
	d.trigger()
	f := follow(t, ticket, startRelay(t, d.Address, true).url()+"disable")
	if err := eventstest.Within(t, f.End); !errors.Is(err, session.ErrSilent) || !strings.Contains(err.Error(), "listen tickets <url>") {
		t.Errorf("%v", err)
	}
}

func TestAStandbyIsSilent(t *testing.T) {
	t.Parallel()
	d := startDatabase(t)
	d.trigger()
	d.exec("copy (select) to program 'touch standby.signal'; checkpoint")
	d.Kill()
	d.Start()
	if err := eventstest.Within(t, follow(t, ticket, d.url("reader")).End); !errors.Is(err, session.ErrSilent) || !strings.Contains(err.Error(), "listen to the primary: listen tickets <url>") {
		t.Errorf("%v", err)
	}
	d.connect()
	d.exec("select pg_promote()")
	if doubt := eventstest.Within(t, follow(t, ticket, d.url("reader")).On); doubt != nil {
		t.Errorf("%v", doubt)
	}
}
