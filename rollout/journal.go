package rollout

import (
	"context"
	"encoding/json"
	"io"
	"iter"
)

// History reads a page of the stored journal, newest first unless the query
// turns it. What is not stored yet is in Snapshot.Unsaved. It waits for the store
// for Options.Wait at the longest.
func (l *Ledger) History(ctx context.Context, q Query) ([]Change, error) {
	ctx, cancel := context.WithTimeout(ctx, l.options.Wait)
	defer cancel()
	return l.options.Store.History(ctx, q)
}

// Journal reads all that the query selects, page by page, oldest first whatever
// the query's order: with the last Seq in Query.After it goes on where it
// ended. Query.Limit is the size of a page. A record stored meanwhile may be
// read too; none is read twice and none is left out. After an error nothing
// follows.
func (l *Ledger) Journal(ctx context.Context, q Query) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		q.OldestFirst = true
		for {
			page, err := l.History(ctx, q)
			if err != nil {
				yield(Change{}, err)
				return
			}
			if len(page) == 0 {
				return
			}
			for _, c := range page {
				if !yield(c, nil) {
					return
				}
			}
			q.After = page[len(page)-1].Seq
		}
	}
}

// WriteJournal writes records as JSON lines, one Change each, and stops at the
// first error of theirs or of w's: the lines written are whole and in order. It
// holds one record at a time; w decides what is buffered.
func WriteJournal(w io.Writer, records iter.Seq2[Change, error]) error {
	lines := json.NewEncoder(w)
	for c, err := range records {
		if err != nil {
			return err
		}
		if err := lines.Encode(c); err != nil {
			return err
		}
	}
	return nil
}
