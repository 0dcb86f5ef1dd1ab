package flags

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/evaluation/v2/evaluationv2connect"
	evaluationv2 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v2"
	"connectrpc.com/connect"
	"github.com/open-feature/flagd/core/pkg/service"
	"github.com/open-feature/go-sdk/openfeature"
	"google.golang.org/protobuf/types/known/structpb"
)

// FlagdRPC asks a flagd at HOST:PORT (its evaluation port, 8013) for every
// evaluation, by flagd.evaluation.v2
// (https://flagd.dev/reference/specifications/protos/), and hears of changes by
// its event stream. Flagd is the better choice where its sync port can be
// reached: then nothing is asked over the network.
func FlagdRPC(address string) Source {
	return Source{
		Name:   "flagd_rpc " + address,
		traits: traits{tells: true, waits: true},
		make: func(context.Context, func(error)) (openfeature.FeatureProvider, error) {
			if _, _, err := net.SplitHostPort(address); err != nil {
				return nil, err
			}
			transport := &http.Transport{
				DialContext:         (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
				MaxIdleConnsPerHost: 64,
				IdleConnTimeout:     time.Minute,
			}
			r := &rpc{
				client: evaluationv2connect.NewServiceClient(&http.Client{Transport: transport}, "http://"+address,
					connect.WithReadMaxBytes(maxReply)),
				transport: transport,
				events:    make(chan openfeature.Event), heard: make(chan struct{}),
			}
			r.ctx, r.end = context.WithCancel(context.Background())
			return r, nil
		},
	}
}

// rpc is an OpenFeature provider that asks a flagd. It is not the one that flagd
// publishes, which stops listening for good after some failures, has a data race
// when it does, and takes settings from FLAGD_* in the environment.
type rpc struct {
	openfeature.NoopProvider // for the types that no route asks for
	client                   evaluationv2connect.ServiceClient
	transport                *http.Transport

	events chan openfeature.Event
	heard  chan struct{} // closed with the first event
	first  sync.Once
	end    context.CancelFunc
	ctx    context.Context
	done   sync.WaitGroup
}

// Metadata implements openfeature.FeatureProvider.
func (*rpc) Metadata() openfeature.Metadata { return openfeature.Metadata{Name: rulesName} }

// Init waits for the first event.
func (r *rpc) Init(openfeature.EvaluationContext) error {
	r.done.Go(func() { persist(r.ctx, r.listen) })
	select {
	case <-r.heard:
		return nil
	case <-r.ctx.Done():
		return errors.New("ended before flagd was found")
	}
}

// Shutdown ends listening.
func (r *rpc) Shutdown() {
	r.end()
	r.done.Wait()
	r.transport.CloseIdleConnections()
}

// EventChannel implements openfeature.EventHandler.
func (r *rpc) EventChannel() <-chan openfeature.Event { return r.events }

// listen hears one event stream to its end.
func (r *rpc) listen(ctx context.Context) (heard bool) {
	stream, err := r.client.EventStream(ctx, connect.NewRequest(&evaluationv2.EventStreamRequest{}))
	if err == nil {
		for stream.Receive() {
			if !heard {
				heard = true
				r.first.Do(func() { close(r.heard) })
				r.tell(openfeature.ProviderReady, "")
			}
			if stream.Msg().GetType() == string(service.ConfigurationChange) {
				r.tell(openfeature.ProviderConfigChange, "")
			}
		}
		err = errors.Join(errStreamEnded, stream.Err(), stream.Close())
	}
	r.tell(openfeature.ProviderError, err.Error())
	return heard
}

func (r *rpc) tell(kind openfeature.EventType, message string) {
	tell(r.ctx, r.events, kind, message)
}

// BooleanEvaluation implements openfeature.FeatureProvider.
func (r *rpc) BooleanEvaluation(ctx context.Context, flag string, fallback bool, about openfeature.FlattenedContext) openfeature.BoolResolutionDetail {
	detail := openfeature.BoolResolutionDetail{Value: fallback}
	detail.Reason = openfeature.ErrorReason
	fields, err := structpb.NewStruct(about)
	if err != nil {
		detail.ResolutionError = openfeature.NewInvalidContextResolutionError(err.Error())
		return detail
	}
	reply, err := r.client.ResolveBoolean(ctx, connect.NewRequest(&evaluationv2.ResolveBooleanRequest{FlagKey: flag, Context: fields}))
	if err != nil {
		detail.ResolutionError = rpcError(err)
		return detail
	}
	detail.Reason, detail.Variant = openfeature.Reason(reply.Msg.GetReason()), reply.Msg.GetVariant()
	if detail.Reason != openfeature.DisabledReason && (detail.Reason != openfeature.DefaultReason || detail.Variant != "") {
		detail.Value = reply.Msg.GetValue()
	}
	return detail
}

// rpcError translates the codes that flagd answers with.
func rpcError(err error) openfeature.ResolutionError {
	switch connect.CodeOf(err) {
	case connect.CodeNotFound:
		return openfeature.NewFlagNotFoundResolutionError(err.Error())
	case connect.CodeInvalidArgument:
		return openfeature.NewTypeMismatchResolutionError(err.Error())
	case connect.CodeDataLoss:
		return openfeature.NewParseErrorResolutionError(err.Error())
	default:
		return openfeature.NewGeneralResolutionError(err.Error())
	}
}

var (
	_ openfeature.FeatureProvider = (*rpc)(nil)
	_ openfeature.StateHandler    = (*rpc)(nil)
	_ openfeature.EventHandler    = (*rpc)(nil)
)
