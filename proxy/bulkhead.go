package proxy

import "net/http"

// enter takes a slot of the bulkhead.
func (x *exchange) enter() *Failure {
	t := x.target
	if n := t.inFlight.Add(1); t.maxInFlight > 0 && n > t.maxInFlight {
		t.inFlight.Add(-1)
		return &Failure{Kind: KindBusy, Status: http.StatusServiceUnavailable, Err: errBusy}
	}
	x.entered = true
	if hasBody(x.in) && !x.drained.Load() && !x.upload() {
		return &Failure{Kind: KindBusy, Status: http.StatusServiceUnavailable, Err: errUploads}
	}
	return nil
}

// upload counts the exchange among those that wait for a client's body, because
// not all of it could be read ahead (see aheadSize). These may take only half of
// the bulkhead: clients that send slowly must not keep everybody else from a
// service. It says whether there is room.
func (x *exchange) upload() bool {
	if x.target.maxInFlight == 0 {
		return true
	}
	x.uploading.Store(true)
	if x.target.uploads.Add(1) > max(x.target.maxInFlight/2, 1) {
		x.uploaded()
		return false
	}
	return true
}

// uploaded ends what upload has begun.
func (x *exchange) uploaded() {
	if x.uploading.Load() && x.uploading.Swap(false) {
		x.target.uploads.Add(-1)
	}
}
