package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/report"
)

// Load implements book.Store.
func (e *Evidence) Load(ctx context.Context) (*book.Contents, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := new(book.Contents)
	err := errors.Join(
		e.rows(ctx, "SELECT route, sampled, compared, mismatched, last_era FROM route", func(scan scanner) error {
			var row book.Totals
			err := scan(&row.Route, &row.Sampled, &row.Compared, &row.Mismatched, &row.LastEra)
			out.Routes = append(out.Routes, row)
			return err
		}),
		e.rows(ctx, "SELECT route, number, data FROM era", func(scan scanner) error {
			var row book.EraRow
			var number uint64
			err := scanData(scan, &row.Era, &row.Route, &number)
			row.Number = number
			out.Eras = append(out.Eras, row)
			return err
		}),
		e.rows(ctx, "SELECT route, era, signature, data FROM signature", func(scan scanner) error {
			var row book.SignatureRow
			var name string
			err := scanData(scan, &row.Signature, &row.Route, &row.Number, &name)
			row.Signature.Signature = name
			out.Signatures = append(out.Signatures, row)
			return err
		}),
		e.rows(ctx, "SELECT route, era, signature, slot, at, size FROM sample", func(scan scanner) error {
			var ref book.SampleRef
			err := scan(&ref.Route, &ref.Number, &ref.Signature, &ref.Slot, &ref.At, &ref.Size)
			out.Samples = append(out.Samples, ref)
			return err
		}),
	)
	if err != nil {
		return nil, explain("reading", e.name(), err)
	}
	return out, nil
}

// Samples implements book.Store.
func (e *Evidence) Samples(ctx context.Context, keys []book.SampleKey) (map[book.SampleKey]*report.Sample, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make(map[book.SampleKey]*report.Sample, len(keys))
	prepared, err := e.db.PrepareContext(ctx, "SELECT data FROM sample WHERE route = ? AND era = ? AND signature = ? AND slot = ?")
	if err != nil {
		return nil, explain("reading", e.name(), err)
	}
	defer func() { _ = prepared.Close() }() // it was only read
	for _, key := range keys {
		sample := new(report.Sample)
		err := scanData(prepared.QueryRowContext(ctx, key.Route, key.Number, key.Signature, key.Slot).Scan, sample)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return out, explain("reading", e.name(), err)
		}
		out[key] = sample
	}
	return out, nil
}

type scanner = func(into ...any) error

// scanData scans a row whose last column is JSON.
func scanData(scan scanner, data any, into ...any) error {
	var text string
	if err := scan(append(into, &text)...); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), data); err != nil {
		return fmt.Errorf("a row of it is not what it should be: %w", err)
	}
	return nil
}

func (e *Evidence) rows(ctx context.Context, query string, take func(scanner) error) (err error) {
	rows, err := e.db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := take(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
