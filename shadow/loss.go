package shadow

// A loss is why a sampled request is not compared when nothing of it is kept:
// its bucket and the word for it.
type loss uint8

const (
	lossNone loss = iota
	lossQueue
	lossMemory
	lossClosed
	lossLate
	lossReplaced
	lossRequest
	lossAnswer
	lossUnsafe
	lossNoProof
	lossUpgrade
	lossStream
	lossTrailers
	lossCanceled
	lossPartial
	lossMonolith
	lossService
	losses
)

var lossIs = [losses]struct {
	bucket Bucket
	why    string
}{
	lossQueue:    {DroppedQueueFull, "queue"},
	lossMemory:   {DroppedQueueFull, "memory"},
	lossClosed:   {DroppedQueueFull, "closed"},
	lossLate:     {DroppedQueueFull, "late"},
	lossReplaced: {DroppedQueueFull, "replaced"},
	lossRequest:  {DroppedOversize, "request"},
	lossAnswer:   {DroppedOversize, "answer"},
	lossUnsafe:   {SkippedUnsafe, "method"},
	lossNoProof:  {SkippedUnsafe, "no_proof"},
	lossUpgrade:  {SkippedStreaming, "upgrade"},
	lossStream:   {SkippedStreaming, "stream"},
	lossTrailers: {SkippedStreaming, "trailers"},
	lossCanceled: {NotComparable, "canceled"},
	lossPartial:  {NotComparable, "request_not_read"},
	lossMonolith: {MonolithError, "failed"},
	lossService:  {ShadowError, "failed"},
}

// lose counts a request that ends here. Extra ones were never promised to end
// anywhere.
func (m *Mirror) lose(why loss, extra bool) {
	if extra {
		return
	}
	m.buckets[lossIs[why].bucket].Add(1)
	m.lost[why].Add(1)
}

// tellLosses gives the recorder a record of each request that was lost since the
// last time: off the requests' way, which only count.
func (m *Mirror) tellLosses() {
	p := m.last.Load()
	for why := lossNone + 1; why < losses; why++ {
		n := m.lost[why].Swap(0)
		if n == 0 {
			continue
		}
		rec := &Record{Route: p.Route, At: m.all.now(), Bucket: lossIs[why].bucket, Why: lossIs[why].why, Reverse: p.Reverse}
		for ; n > 0; n-- {
			m.all.options.Recorder.Record(rec)
		}
	}
}
