package flags

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/evaluation/v2/evaluationv2connect"
	"buf.build/gen/go/open-feature/flagd/grpc/go/flagd/sync/v1/syncv1grpc"
	evaluationv2 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v2"
	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	"connectrpc.com/connect"
	"github.com/open-feature/flagd/core/pkg/evaluator"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"
)

// flagdBed speaks flagd's protocols, over flagd's own evaluator. It can be killed
// and started again on its port.
type flagdBed struct {
	syncv1grpc.UnimplementedFlagSyncServiceServer
	evaluationv2connect.UnimplementedServiceHandler
	t       testing.TB
	address string
	sync    bool
	json    *evaluator.JSON
	options []grpc.ServerOption

	mu      sync.Mutex
	rules   string
	changed chan struct{}
	stop    func()
}

func newFlagdBed(tb testing.TB, sync bool) *flagdBed {
	tb.Helper()
	json, err := newJSON()
	if err != nil {
		tb.Fatal(err)
	}
	b := &flagdBed{t: tb, address: "127.0.0.1:0", sync: sync, json: json, changed: make(chan struct{})}
	listener, err := net.Listen("tcp", b.address)
	if err != nil {
		tb.Fatal(err)
	}
	b.address = listener.Addr().String() // its own from now on, though nobody is there yet
	_ = listener.Close()
	b.set(onOff)
	return b
}

// set changes the rules.
func (b *flagdBed) set(rules string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := setRules(b.json, rules); err != nil {
		b.t.Error(err)
	}
	b.rules = rules
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *flagdBed) now() (rules string, changed chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rules, b.changed
}

func (b *flagdBed) start() {
	b.t.Helper()
	var listener net.Listener
	within(b.t, 5*time.Second, "the port is free", func() bool {
		var err error
		listener, err = net.Listen("tcp", b.address)
		return err == nil
	})
	if b.sync {
		server := grpc.NewServer(b.options...)
		syncv1grpc.RegisterFlagSyncServiceServer(server, b)
		b.stop = server.Stop
		go func() { _ = server.Serve(listener) }()
	} else {
		mux := http.NewServeMux()
		mux.Handle(evaluationv2connect.NewServiceHandler(b))
		protocols := new(http.Protocols)
		protocols.SetHTTP1(true)
		protocols.SetUnencryptedHTTP2(true)
		server := &http.Server{Handler: mux, Protocols: protocols}
		b.stop = func() { _ = server.Close() }
		go func() { _ = server.Serve(listener) }()
	}
	b.t.Cleanup(b.stop)
}

func (b *flagdBed) SyncFlags(_ *syncv1.SyncFlagsRequest, stream grpc.ServerStreamingServer[syncv1.SyncFlagsResponse]) error {
	for {
		rules, changed := b.now()
		if err := stream.Send(&syncv1.SyncFlagsResponse{FlagConfiguration: rules}); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-stream.Context().Done():
			return nil
		}
	}
}

func (b *flagdBed) ResolveBoolean(ctx context.Context, r *connect.Request[evaluationv2.ResolveBooleanRequest]) (*connect.Response[evaluationv2.ResolveBooleanResponse], error) {
	value, variant, reason, _, err := b.json.ResolveBooleanValue(ctx, "", r.Msg.GetFlagKey(), r.Msg.GetContext().AsMap())
	if err != nil {
		return nil, connect.NewError(connect.CodeNotFound, err)
	}
	return connect.NewResponse(&evaluationv2.ResolveBooleanResponse{Value: &value, Variant: &variant, Reason: reason}), nil
}

func (b *flagdBed) EventStream(ctx context.Context, _ *connect.Request[evaluationv2.EventStreamRequest], stream *connect.ServerStream[evaluationv2.EventStreamResponse]) error {
	kind := "provider_ready"
	for {
		_, changed := b.now()
		data, err := structpb.NewStruct(map[string]any{"flags": map[string]any{"tickets": map[string]any{"type": "update"}}})
		if err != nil {
			return err
		}
		if err := stream.Send(&evaluationv2.EventStreamResponse{Type: kind, Data: data}); err != nil {
			return err
		}
		kind = "configuration_change"
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

func TestFlagdOutage(t *testing.T) {
	t.Parallel()
	off := strings.Replace(onOff, `"defaultVariant": "on"`, `"defaultVariant": "off"`, 1)
	for name, sync := range map[string]bool{"sync": true, "rpc": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bed, clock := newFlagdBed(t, sync), new(clock)
			source := FlagdRPC(bed.address)
			if sync {
				source = Flagd(bed.address, nil)
			}
			e := start(t, Options{Sources: []Source{source}, Now: clock.now, Wait: 2 * time.Second, Retry: 100 * time.Millisecond, MaxAge: time.Minute})
			if a := decide(t, e, "tickets", "ann"); a.Value || a.Err == "" {
				t.Fatalf("before it is there: %+v", a)
			}
			bed.start()
			within(t, 15*time.Second, "it is found though it came late", func() bool { return decide(t, e, "tickets", "ann").Value && e.Ready() })
			bed.set(off)
			within(t, 2*time.Second, "a change is in force", func() bool { a := decide(t, e, "tickets", "ann"); return !a.Value && a.Err == "" })
			bed.set(onOff)
			within(t, 2*time.Second, "a change back is in force", func() bool { return decide(t, e, "tickets", "ann").Value })
			if a := decide(t, e, "none", "ann"); a.Err != ErrFlagNotFound {
				t.Errorf("no such flag: %+v", a)
			}

			clock.advance(time.Hour) // what was known all the time is not old when it is lost
			bed.stop()
			within(t, 5*time.Second, "it is shown as lost", func() bool {
				source := e.Status().Sources[0]
				return source.State != "READY" && source.Error != "" && !source.Lost.IsZero()
			})
			clock.advance(50 * time.Second)
			if a := decide(t, e, "tickets", "ann"); !a.Value || !a.Stale || a.Age < 50*time.Second {
				t.Errorf("lost for 50 s: %+v", a)
			}
			clock.advance(20 * time.Second)
			if a := decide(t, e, "tickets", "ann"); a.Value || a.Err == "" {
				t.Errorf("lost for 70 s: %+v", a)
			}
			bed.set(off)
			if !sync {
				within(t, 5*time.Second, "the provider gives up", func() bool { return e.Status().Sources[0].State == "ERROR" })
			}
			bed.start()
			within(t, 15*time.Second, "it recovers by itself", func() bool {
				a := decide(t, e, "tickets", "ann")
				return a.Err == "" && !a.Value && !a.Stale && e.Ready()
			})
		})
	}
}
