package sqlite

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/strangler-proxy/strangler/store"
)

// The write-ahead log's format, https://sqlite.org/fileformat2.html#walformat:
// a header of 32 bytes, then frames of 24 bytes and a page. All numbers are
// big-endian; what the checksums add up is so too when the magic's last bit is
// set, else little-endian.
const (
	walMagic       = 0x377f0682
	walHeader      = 32
	walFrameHeader = 24
	walMinPage     = 512
	walMaxPage     = 1 << 16
)

// checkWAL finds damage in a log that SQLite passes over in silence: it takes
// the first frame that is not valid for the end of the log, and what was
// acknowledged after it is gone.
//
// A frame that is not valid is no damage by itself: a power cut leaves such a
// tail. But every transaction is flushed before it is acknowledged and before
// the next one begins, so that at most one can be torn. Two commits beyond the
// first invalid frame were both acknowledged, or the first of them was: that is
// damage. (Of the last transaction alone nobody can tell.)
func checkWAL(path string) (err error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := &wal{r: bufio.NewReaderSize(file, 1<<16)}
	if err := w.open(); err != nil {
		return ignoreEnd(err)
	}
	lost := 0
	for {
		switch valid, commit, err := w.next(); {
		case err != nil:
			return ignoreEnd(err)
		case valid && w.bad == 0:
		default:
			if w.bad == 0 {
				w.bad = w.frame
			}
			if commit {
				lost++
			}
		}
		if lost == 2 {
			return fmt.Errorf("%w: frame %d of %s is not valid, but commits follow it", store.ErrCorrupt, w.bad, path)
		}
	}
}

// ignoreEnd makes the end of the file, also within a frame, no error.
func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// wal is a log being read.
type wal struct {
	r      io.Reader
	order  binary.ByteOrder
	header [walHeader]byte
	buffer []byte // a frame
	sum    [2]uint32
	frame  int // the number of the frame read last, from 1
	bad    int // of the first invalid one, 0: none
}

// open reads the header. SQLite flushes it before any frame is written, so one
// that is not valid and has frames behind it is damaged.
func (w *wal) open() error {
	if _, err := io.ReadFull(w.r, w.header[:]); err != nil {
		return err
	}
	magic := binary.BigEndian.Uint32(w.header[:])
	size := binary.BigEndian.Uint32(w.header[8:])
	w.order = binary.LittleEndian
	if magic&1 == 1 {
		w.order = binary.BigEndian
	}
	w.add(w.header[:24])
	sound := magic&^1 == walMagic && size >= walMinPage && size <= walMaxPage && size&(size-1) == 0
	if !sound || !w.sumIs(w.header[24:]) {
		if _, err := io.CopyN(io.Discard, w.r, walFrameHeader+walMinPage); err != nil {
			return err
		}
		return fmt.Errorf("%w: the header of the write-ahead log is not valid", store.ErrCorrupt)
	}
	w.buffer = make([]byte, walFrameHeader+int(size))
	return nil
}

// next reads a frame: whether its checksum continues the one before, and
// whether it says that it ends a transaction of this log.
func (w *wal) next() (valid, commit bool, err error) {
	if _, err := io.ReadFull(w.r, w.buffer); err != nil {
		return false, false, err
	}
	w.frame++
	ours := string(w.buffer[8:16]) == string(w.header[16:24]) // the salts
	commit = ours && binary.BigEndian.Uint32(w.buffer[4:]) != 0
	if w.bad > 0 {
		return false, commit, nil
	}
	w.add(w.buffer[:8])
	w.add(w.buffer[walFrameHeader:])
	return ours && binary.BigEndian.Uint32(w.buffer) != 0 && w.sumIs(w.buffer[16:]), commit, nil
}

// add goes on with the checksum, over a multiple of 8 bytes.
func (w *wal) add(data []byte) {
	s0, s1 := w.sum[0], w.sum[1]
	for i := 0; i < len(data); i += 8 {
		s0 += w.order.Uint32(data[i:]) + s1
		s1 += w.order.Uint32(data[i+4:]) + s0
	}
	w.sum = [2]uint32{s0, s1}
}

func (w *wal) sumIs(stored []byte) bool {
	return w.sum == [2]uint32{binary.BigEndian.Uint32(stored), binary.BigEndian.Uint32(stored[4:])}
}
