package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// http2Client asks over one HTTP/2 connection, several requests at a time, all
// from one goroutine. Frames and header compression are golang.org/x/net's; its
// Transport would cost more than some of the proxies it is to measure.
type http2Client struct {
	conn  *tls.Conn
	in    *bufio.Reader
	out   *bufio.Writer
	frame *http2.Framer
	host  string

	block   bytes.Buffer
	encoder *hpack.Encoder

	lastID  uint32
	streams map[uint32]*stream
	unread  uint32 // bytes received since the last WINDOW_UPDATE
}

// stream is one request under way.
type stream struct {
	ask ask
	got answer
}

// window is what the proxy may send before it must be told that it was read.
const window = 1 << 24

func dialHTTP2(o *order) (*http2Client, error) {
	text, err := os.ReadFile(o.CertFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", o.CertFile)
	}
	_, port, err := net.SplitHostPort(o.Address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{
		RootCAs: roots, ServerName: siteName, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS13,
	}}
	raw, err := dialer.DialContext(ctx, "tcp", o.Address)
	if err != nil {
		return nil, err
	}
	conn, ok := raw.(*tls.Conn)
	if !ok || conn.ConnectionState().NegotiatedProtocol != "h2" {
		return nil, errors.Join(errors.New("the proxy does not speak HTTP/2"), raw.Close())
	}
	c := &http2Client{
		conn: conn, in: bufio.NewReaderSize(conn, 32<<10), out: bufio.NewWriterSize(conn, 32<<10),
		host: net.JoinHostPort(siteName, port), lastID: 1, streams: make(map[uint32]*stream),
	}
	c.encoder = hpack.NewEncoder(&c.block)
	c.frame = http2.NewFramer(c.out, c.in)
	c.frame.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.frame.SetReuseFrames()
	if err := c.preface(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

func (c *http2Client) close() { _ = c.conn.Close() }

func (c *http2Client) preface() error {
	_, err := c.out.WriteString(http2.ClientPreface)
	return errors.Join(err,
		c.frame.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window}),
		c.frame.WriteWindowUpdate(0, window),
		c.out.Flush())
}

// work implements worker. At a fixed rate a connection has one request under
// way, so that it can wait for the next one's time.
func (c *http2Client) work(s *slice) error {
	if err := c.conn.SetDeadline(s.limit()); err != nil {
		return err
	}
	width := s.workload.streams
	if s.order.Rate > 0 {
		width = 1
	}
	for more := true; ; {
		for more && len(c.streams) < width {
			var a ask
			if a, more = s.next(); more {
				s.begin(&a)
				if err := c.send(s, a); err != nil {
					return err
				}
			}
		}
		if err := c.out.Flush(); err != nil {
			return err
		}
		if len(c.streams) == 0 {
			return nil
		}
		if err := c.receive(s); err != nil {
			return err
		}
	}
}

// send opens a stream with the same headers as http1's.
func (c *http2Client) send(s *slice, a ask) error {
	c.block.Reset()
	fields := []hpack.HeaderField{
		{Name: ":method", Value: s.workload.method},
		{Name: ":scheme", Value: "https"},
		{Name: ":authority", Value: c.host},
		{Name: ":path", Value: s.crowd.paths[a.path] + "/" + s.workload.id},
		{Name: "user-agent", Value: userAgent},
		{Name: "accept", Value: accept},
		{Name: "accept-encoding", Value: "gzip"},
	}
	if cookie := s.crowd.cookies[a.user]; cookie != "" {
		// Never indexed: every request has another one.
		fields = append(fields, hpack.HeaderField{Name: "cookie", Value: cookie, Sensitive: true})
	}
	for _, field := range fields {
		if err := c.encoder.WriteField(field); err != nil {
			return err
		}
	}
	id := c.lastID
	c.lastID += 2
	c.streams[id] = &stream{ask: a}
	return c.frame.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: c.block.Bytes(), EndStream: true, EndHeaders: true,
	})
}

// receive handles frames until none is left in the buffer.
func (c *http2Client) receive(s *slice) error {
	for {
		frame, err := c.frame.ReadFrame()
		if err != nil {
			return err
		}
		if err := c.handle(s, frame); err != nil {
			return err
		}
		if c.in.Buffered() == 0 {
			return nil
		}
	}
}

func (c *http2Client) handle(s *slice, frame http2.Frame) error {
	switch f := frame.(type) {
	case *http2.MetaHeadersFrame:
		return c.headers(s, f)
	case *http2.DataFrame:
		return c.data(s, f)
	case *http2.SettingsFrame:
		if !f.IsAck() {
			return c.frame.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return c.frame.WritePing(true, f.Data)
		}
	case *http2.RSTStreamFrame:
		return fmt.Errorf("the proxy reset a stream: %s", f.ErrCode)
	case *http2.GoAwayFrame:
		return fmt.Errorf("the proxy closes the connection: %s", f.ErrCode)
	}
	return nil
}

func (c *http2Client) headers(s *slice, f *http2.MetaHeadersFrame) error {
	one := c.streams[f.StreamID]
	if one == nil {
		return fmt.Errorf("headers for stream %d, which is not open", f.StreamID)
	}
	for _, field := range f.Fields {
		switch field.Name {
		case ":status":
			status, err := strconv.Atoi(field.Value)
			if err != nil {
				return fmt.Errorf("status %q", field.Value)
			}
			one.got.status = status
		case "bench-arm": // armHeader, as HTTP/2 spells it
			one.got.arm = armOf([]byte(field.Value))
		case "set-cookie":
			if one.got.cookie == "" {
				pair, _, _ := bytes.Cut([]byte(field.Value), []byte(";"))
				one.got.cookie = string(pair)
			}
		}
	}
	one.got.intact = true
	if f.StreamEnded() {
		c.end(s, f.StreamID, one)
	}
	return nil
}

func (c *http2Client) data(s *slice, f *http2.DataFrame) error {
	one := c.streams[f.StreamID]
	if one == nil {
		return fmt.Errorf("data for stream %d, which is not open", f.StreamID)
	}
	part, want, from := f.Data(), s.workload.answer, one.got.length
	one.got.length += len(part)
	if one.got.length > len(want) || !bytes.Equal(part, want[from:one.got.length]) {
		one.got.intact = false
	}
	if c.unread += f.Length; c.unread >= window/2 {
		if err := c.frame.WriteWindowUpdate(0, c.unread); err != nil {
			return err
		}
		c.unread = 0
	}
	if f.StreamEnded() {
		c.end(s, f.StreamID, one)
	}
	return nil
}

func (c *http2Client) end(s *slice, id uint32, one *stream) {
	delete(c.streams, id)
	s.end(one.ask, one.got)
}
