package caddymodule

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/store/sqlite"
)

// evidence is what a store's engines keep of comparing: a book, and the file
// beside the store that it is written to.
type evidence struct {
	book *book.Book
	file *sqlite.Evidence // nil when it cannot be used: the book is in memory alone
	key  []byte           // samples the same requests after a restart

	cancel context.CancelFunc
	done   chan struct{}
}

// The names under which the store keeps secrets: the one by which requests are
// sampled, and the one by which values in samples are hashed.
const (
	samplingSecret = "shadow-sampling"
	evidenceSecret = "shadow-evidence"
)

// openEvidence opens the book of a store. A file that cannot be used is no reason
// not to start: what is compared is then kept in memory, and status says so.
func openEvidence(path string, db *sqlite.Store, log *slog.Logger) (*evidence, error) {
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	e := &evidence{done: make(chan struct{})}
	options := book.Options{Now: time.Now, Logger: log, Key: secret(ctx, db, evidenceSecret)}
	file, err := sqlite.OpenEvidence(sqlite.EvidencePath(path), time.Now())
	if err != nil {
		options.Notice = fmt.Sprintf("the evidence of comparisons is in memory alone: %v", err)
		log.Error(options.Notice)
	} else {
		e.file, options.Store, options.Notice = file, file, file.Notice()
	}
	if e.book, err = book.Open(ctx, options); err != nil {
		if e.file != nil {
			err = errors.Join(err, e.file.Close())
		}
		return nil, err
	}
	e.key = secret(ctx, db, samplingSecret)
	running, stop := context.WithCancel(context.Background())
	e.cancel = stop
	go func() {
		defer close(e.done)
		e.book.Run(running)
	}()
	return e, nil
}

// secret is a key that the store keeps; nil when it does not answer, so that one
// is made for this process.
func secret(ctx context.Context, db *sqlite.Store, name string) []byte {
	key, err := db.Secret(ctx, name, func() []byte {
		fresh := make([]byte, 32)
		_, _ = rand.Read(fresh) // never fails
		return fresh
	})
	if err != nil {
		return nil
	}
	return key
}

// shadowing is what an engine takes of it.
func (e *evidence) shadowing() *engine.Shadowing {
	return &engine.Shadowing{Book: e.book, Key: e.key, Reserve: true}
}

// close writes what is not stored yet, as far as the file answers in time.
func (e *evidence) close() error {
	e.cancel()
	<-e.done
	if e.file == nil {
		return nil
	}
	return e.file.Close()
}
