package book

import (
	"context"

	"github.com/strangler-proxy/strangler/shadow/report"
)

// A Store keeps a book's evidence over restarts. One book writes to it, one call
// at a time; Samples may be called beside Write.
type Store interface {
	// Load answers everything but what is in the samples.
	Load(ctx context.Context) (*Contents, error)
	// Write makes the whole batch durable in one transaction, or nothing of it.
	// Its values are absolute: writing it again changes nothing.
	Write(ctx context.Context, b *Batch) error
	// Samples answers those of the samples that are there.
	Samples(ctx context.Context, keys []SampleKey) (map[SampleKey]*report.Sample, error)
}

// Contents is what a store has.
type Contents struct {
	Routes     []Totals
	Eras       []EraRow
	Signatures []SignatureRow
	Samples    []SampleRef
}

// Batch is what changed. What it drops is dropped before anything is written; a
// route and an era with all its signatures and samples, a signature with its samples.
type Batch struct {
	DropRoutes     []string
	DropEras       []EraKey
	DropSignatures []SignatureKey
	DropSamples    []SampleKey
	Routes         []Totals
	Eras           []EraRow
	Signatures     []SignatureRow
	Samples        []SampleRow
}

func (b *Batch) empty() bool {
	return len(b.DropRoutes)+len(b.DropEras)+len(b.DropSignatures)+len(b.DropSamples)+
		len(b.Routes)+len(b.Eras)+len(b.Signatures)+len(b.Samples) == 0
}

// Totals are a route's counts over all its eras, those too that are not kept any
// more. They never fall, but for Mismatched when some are found to be noise.
type Totals struct {
	Route                         string
	Sampled, Compared, Mismatched uint64
	LastEra                       uint64 // the number of the newest era
}

// EraKey names an era.
type EraKey struct {
	Route  string
	Number uint64
}

// SignatureKey names a signature of an era.
type SignatureKey struct {
	EraKey

	Signature string
}

// SampleKey names a sample. A slot that became free is used again.
type SampleKey struct {
	SignatureKey

	Slot int
}

// EraRow is an era of a route.
type EraRow struct {
	Route string
	Era
}

// SignatureRow is a signature of an era.
type SignatureRow struct {
	EraKey
	Signature
}

// SampleRef says when a sample was taken, in Unix seconds, and its size in bytes.
type SampleRef struct {
	SampleKey

	At   int64
	Size int
}

// SampleRow is a sample: the JSON of a [report.Sample], Size bytes of it.
type SampleRow struct {
	SampleRef

	Data []byte
}
