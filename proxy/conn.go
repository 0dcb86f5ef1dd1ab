package proxy

import (
	"io"
	"net"
	"sync"
)

const copyBufferSize = 32 << 10

// buffers are those of copied bodies.
type buffers struct{ pool sync.Pool }

var copyBuffers = buffers{sync.Pool{New: func() any { return new([copyBufferSize]byte) }}}

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte { return b.pool.Get().(*[copyBufferSize]byte)[:] }

// Put implements httputil.BufferPool.
func (b *buffers) Put(p []byte) { b.pool.Put((*[copyBufferSize]byte)(p)) }

// uploadConn is a connection that copies uploads with pooled buffers; a
// net.TCPConn makes a new one for each.
type uploadConn struct{ net.Conn }

// ReadFrom implements io.ReaderFrom.
func (c *uploadConn) ReadFrom(r io.Reader) (int64, error) {
	buf := copyBuffers.Get()
	defer copyBuffers.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{c.Conn}, struct{ io.Reader }{r}, buf)
}

// CloseWrite passes the end of one direction of an upgraded connection on.
func (c *uploadConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}
