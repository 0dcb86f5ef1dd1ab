package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/strangler-proxy/strangler/shadow/book"
)

// Write implements book.Store.
func (e *Evidence) Write(ctx context.Context, b *book.Batch) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	err := e.attend() //nolint:contextcheck // half open it would be of no use: bounded by openTimeout
	if err == nil {
		err = e.write(ctx, b)
	}
	if err == nil && len(b.DropRoutes)+len(b.DropEras)+len(b.DropSignatures)+len(b.DropSamples) > 0 {
		err = e.shrink(ctx)
	}
	if err != nil {
		return explain("writing", e.name(), err)
	}
	return nil
}

func (e *Evidence) write(ctx context.Context, b *book.Batch) (err error) {
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	w := &evidenceWriter{ctx: ctx, tx: tx}
	w.drop(b)
	w.put(b)
	if w.err != nil {
		if undo := tx.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
			w.err = errors.Join(w.err, undo)
		}
		return w.err
	}
	return tx.Commit()
}

// shrink gives free pages back to the file system. They come last, so it reads
// every row of the pragma's answer.
func (e *Evidence) shrink(ctx context.Context) error {
	rows, err := e.db.QueryContext(ctx, "PRAGMA incremental_vacuum")
	if err != nil {
		return err
	}
	for rows.Next() { // each step frees a page
	}
	return errors.Join(rows.Err(), rows.Close())
}

// evidenceWriter writes a batch; after an error it writes nothing.
type evidenceWriter struct {
	ctx context.Context //nolint:containedctx // lives as long as one call
	tx  *sql.Tx
	err error
}

// each prepares a statement and calls fn for each of n rows with what runs it.
func (w *evidenceWriter) each(n int, statement string, row func(i int) []any) {
	if w.err != nil || n == 0 {
		return
	}
	prepared, err := w.tx.PrepareContext(w.ctx, statement)
	if err != nil {
		w.err = err
		return
	}
	for i := 0; i < n && w.err == nil; i++ {
		if args := row(i); w.err == nil {
			_, w.err = prepared.ExecContext(w.ctx, args...)
		}
	}
	w.err = errors.Join(w.err, prepared.Close())
}

// data is the JSON of a row.
func (w *evidenceWriter) data(of any) string {
	text, err := json.Marshal(of)
	if err != nil && w.err == nil {
		w.err = err
	}
	return string(text)
}

func (w *evidenceWriter) drop(b *book.Batch) {
	for _, table := range []string{"sample", "signature", "era", "route"} {
		w.each(len(b.DropRoutes), "DELETE FROM "+table+" WHERE route = ?", func(i int) []any { return []any{b.DropRoutes[i]} })
	}
	for _, table := range []string{"sample WHERE route = ? AND era = ?", "signature WHERE route = ? AND era = ?", "era WHERE route = ? AND number = ?"} {
		w.each(len(b.DropEras), "DELETE FROM "+table, func(i int) []any {
			return []any{b.DropEras[i].Route, b.DropEras[i].Number}
		})
	}
	for _, table := range []string{"sample", "signature"} {
		w.each(len(b.DropSignatures), "DELETE FROM "+table+" WHERE route = ? AND era = ? AND signature = ?", func(i int) []any {
			key := &b.DropSignatures[i]
			return []any{key.Route, key.Number, key.Signature}
		})
	}
	w.each(len(b.DropSamples), "DELETE FROM sample WHERE route = ? AND era = ? AND signature = ? AND slot = ?", func(i int) []any {
		key := &b.DropSamples[i]
		return []any{key.Route, key.Number, key.Signature, key.Slot}
	})
}

func (w *evidenceWriter) put(b *book.Batch) {
	w.each(len(b.Routes), "INSERT OR REPLACE INTO route (route, sampled, compared, mismatched, last_era) VALUES (?, ?, ?, ?, ?)", func(i int) []any {
		row := &b.Routes[i]
		return []any{row.Route, row.Sampled, row.Compared, row.Mismatched, row.LastEra}
	})
	w.each(len(b.Eras), "INSERT OR REPLACE INTO era (route, number, data) VALUES (?, ?, ?)", func(i int) []any {
		row := &b.Eras[i]
		return []any{row.Route, row.Number, w.data(&row.Era)}
	})
	w.each(len(b.Signatures), "INSERT OR REPLACE INTO signature (route, era, signature, data) VALUES (?, ?, ?, ?)", func(i int) []any {
		row := &b.Signatures[i]
		return []any{row.Route, row.Number, row.Signature.Signature, w.data(&row.Signature)}
	})
	w.each(len(b.Samples), "INSERT OR REPLACE INTO sample (route, era, signature, slot, at, size, data) VALUES (?, ?, ?, ?, ?, ?, ?)", func(i int) []any {
		row := &b.Samples[i]
		return []any{row.Route, row.Number, row.Signature, row.Slot, row.At, row.Size, string(row.Data)}
	})
}
