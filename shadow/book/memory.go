package book

import (
	"context"
	"encoding/json"
	"maps"
	"sync"

	"github.com/strangler-proxy/strangler/shadow/report"
)

// Memory is a [Store] that ends with the process. It holds no more than the book
// that writes to it.
type Memory struct {
	mu         sync.Mutex
	routes     map[string]Totals
	eras       map[EraKey]EraRow
	signatures map[SignatureKey]SignatureRow
	samples    map[SampleKey]SampleRow
}

// NewMemory makes one.
func NewMemory() *Memory {
	return &Memory{
		routes: map[string]Totals{}, eras: map[EraKey]EraRow{},
		signatures: map[SignatureKey]SignatureRow{}, samples: map[SampleKey]SampleRow{},
	}
}

// Load implements [Store].
func (m *Memory) Load(context.Context) (*Contents, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := new(Contents)
	for _, row := range m.routes {
		out.Routes = append(out.Routes, row)
	}
	for _, row := range m.eras {
		out.Eras = append(out.Eras, EraRow{row.Route, row.clone()})
	}
	for _, row := range m.signatures {
		out.Signatures = append(out.Signatures, SignatureRow{row.EraKey, row.clone()})
	}
	for _, row := range m.samples {
		out.Samples = append(out.Samples, row.SampleRef)
	}
	return out, nil
}

// Write implements [Store].
func (m *Memory) Write(_ context.Context, b *Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range b.DropRoutes {
		delete(m.routes, name)
		maps.DeleteFunc(m.eras, func(k EraKey, _ EraRow) bool { return k.Route == name })
		maps.DeleteFunc(m.signatures, func(k SignatureKey, _ SignatureRow) bool { return k.Route == name })
		maps.DeleteFunc(m.samples, func(k SampleKey, _ SampleRow) bool { return k.Route == name })
	}
	for _, key := range b.DropEras {
		delete(m.eras, key)
		maps.DeleteFunc(m.signatures, func(k SignatureKey, _ SignatureRow) bool { return k.EraKey == key })
		maps.DeleteFunc(m.samples, func(k SampleKey, _ SampleRow) bool { return k.EraKey == key })
	}
	for _, key := range b.DropSignatures {
		delete(m.signatures, key)
		maps.DeleteFunc(m.samples, func(k SampleKey, _ SampleRow) bool { return k.SignatureKey == key })
	}
	for _, key := range b.DropSamples {
		delete(m.samples, key)
	}
	for _, row := range b.Routes {
		m.routes[row.Route] = row
	}
	for _, row := range b.Eras {
		m.eras[EraKey{row.Route, row.Number}] = row
	}
	for _, row := range b.Signatures {
		m.signatures[SignatureKey{row.EraKey, row.Signature.Signature}] = row
	}
	for _, row := range b.Samples {
		m.samples[row.SampleKey] = row
	}
	return nil
}

// Samples implements [Store].
func (m *Memory) Samples(_ context.Context, keys []SampleKey) (map[SampleKey]*report.Sample, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make(map[SampleKey]*report.Sample, len(keys))
	for _, key := range keys {
		row, ok := m.samples[key]
		if !ok {
			continue
		}
		sample := new(report.Sample)
		if err := json.Unmarshal(row.Data, sample); err != nil {
			return nil, err
		}
		out[key] = sample
	}
	return out, nil
}
