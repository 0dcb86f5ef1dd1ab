package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// http1 asks over one HTTP/1.1 connection, one request at a time. It is written
// by hand, for one kind of answer, because net/http's client would cost more
// than some of the proxies it is to measure.
type http1 struct {
	conn net.Conn
	in   *bufio.Reader
	head []byte
	host string
}

func dialHTTP1(o *order) (*http1, error) {
	conn, err := net.DialTimeout("tcp", o.Address, patience)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(o.Address)
	if err != nil {
		return nil, err
	}
	return &http1{conn: conn, in: bufio.NewReaderSize(conn, 32<<10), host: net.JoinHostPort(siteName, port)}, nil
}

func (c *http1) close() { _ = c.conn.Close() }

// work implements worker.
func (c *http1) work(s *slice) error {
	if err := c.conn.SetDeadline(s.limit()); err != nil {
		return err
	}
	for {
		a, more := s.next()
		if !more {
			return nil
		}
		s.begin(&a)
		if err := c.send(s, a); err != nil {
			return err
		}
		got, err := c.receive(s.workload.answer)
		if err != nil {
			return err
		}
		s.end(a, got)
	}
}

// send writes the request with the few headers that an API's client sends: the
// fewer there are, the more those weigh that a proxy adds.
func (c *http1) send(s *slice, a ask) error {
	b := c.head[:0]
	b = append(b, s.workload.method...)
	b = append(b, ' ')
	b = append(b, s.crowd.paths[a.path]...)
	b = append(b, '/')
	b = append(b, s.workload.id...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, c.host...)
	b = append(b, "\r\nUser-Agent: "+userAgent+"\r\nAccept: "+accept+"\r\nAccept-Encoding: gzip\r\n"...)
	if s.crowd.sticky == stickyHeader {
		b = append(b, userHeader+": user-"...)
		b = strconv.AppendInt(b, int64(a.user), 10)
		b = append(b, "\r\n"...)
	}
	if cookie := s.crowd.cookie(a.user); cookie != "" {
		b = append(b, "Cookie: "...)
		b = append(b, cookie...)
		b = append(b, "\r\n"...)
	}
	if len(s.body) > 0 {
		b = append(b, "Content-Type: application/octet-stream\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(s.body)), 10)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	c.head = b
	if len(s.body) == 0 {
		_, err := c.conn.Write(b)
		return err
	}
	parts := net.Buffers{b, s.body}
	_, err := parts.WriteTo(c.conn)
	return err
}

const (
	userAgent = "Mozilla/5.0 (X11; Linux x86_64) bench/1"
	accept    = "application/json, text/plain;q=0.9"
)

// receive reads one answer with a Content-Length; any other framing is an
// error.
func (c *http1) receive(want []byte) (answer, error) {
	var got answer
	line, err := c.line()
	if err != nil {
		return got, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return got, fmt.Errorf("no status line: %q", line)
	}
	if got.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return got, fmt.Errorf("no status: %q", line)
	}
	length := -1
	for {
		if line, err = c.line(); err != nil {
			return got, err
		}
		if len(line) == 0 {
			break
		}
		if err := got.field(line, &length); err != nil {
			return got, err
		}
	}
	if length < 0 {
		return got, errors.New("an answer without Content-Length")
	}
	got.length = length
	got.intact, err = c.body(length, want)
	return got, err
}

// field takes from a header line what is checked.
func (got *answer) field(line []byte, length *int) error {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimSpace(value)
	var err error
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		*length, err = strconv.Atoi(string(value))
	case bytes.EqualFold(name, []byte(armHeader)):
		got.arm = armOf(value)
	case bytes.EqualFold(name, []byte("Set-Cookie")) && got.cookie == "":
		pair, _, _ := bytes.Cut(value, []byte(";"))
		got.cookie = string(pair)
	case bytes.EqualFold(name, []byte("Connection")) && bytes.EqualFold(value, []byte("close")):
		err = errors.New("the proxy closes the connection")
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		err = fmt.Errorf("an answer with Transfer-Encoding %s", value)
	}
	return err
}

// line reads a header line without its end; it is valid until the next read.
func (c *http1) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), err
}

// body reads length bytes and says whether they are those wanted.
func (c *http1) body(length int, want []byte) (intact bool, err error) {
	intact = length == len(want)
	for read := 0; read < length; {
		part, err := c.in.Peek(min(length-read, max(c.in.Buffered(), 1)))
		if err != nil {
			return false, errors.Join(err, io.ErrUnexpectedEOF)
		}
		if intact && !bytes.Equal(part, want[read:read+len(part)]) {
			intact = false
		}
		read += len(part)
		if _, err := c.in.Discard(len(part)); err != nil {
			return false, err
		}
	}
	return intact, nil
}
