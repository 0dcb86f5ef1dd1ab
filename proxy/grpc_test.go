package proxy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/strangler-proxy/strangler/internal/testbed/upstream"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// grpcFront is a front that speaks h2c, as gRPC's clients without TLS do.
func grpcFront(t *testing.T, up proxy.Upstream) *grpc.ClientConn {
	t.Helper()
	f := unstarted(t, func(*http.Request) proxy.Plan {
		return proxy.Plan{Arm: routes.Service, Service: up, Monolith: up, Fallback: everything}
	})
	f.Config.Protocols = new(http.Protocols)
	f.Config.Protocols.SetUnencryptedHTTP2(true)
	f.Start()
	conn, err := grpc.NewClient(strings.TrimPrefix(f.URL, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// grpcService is gRPC's test service, as far as it is needed here.
type grpcService struct {
	testgrpc.UnimplementedTestServiceServer
	canceled chan struct{}
}

func (s *grpcService) UnaryCall(ctx context.Context, r *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	if r.GetResponseStatus() != nil { // an error without an answer: all of it is in one frame of headers
		return nil, status.Error(codes.Code(r.GetResponseStatus().GetCode()), r.GetResponseStatus().GetMessage())
	}
	in, _ := metadata.FromIncomingContext(ctx)
	err := errors.Join(grpc.SetHeader(ctx, metadata.Pairs("head", "h-"+in["key"][0])), grpc.SetTrailer(ctx, metadata.Pairs("tail-bin", "\x00\xff")))
	return &testgrpc.SimpleResponse{Payload: &testgrpc.Payload{Body: make([]byte, r.GetResponseSize())}}, err
}

func (s *grpcService) StreamingOutputCall(r *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
	for _, p := range r.GetResponseParameters() {
		if p.GetSize() == 0 {
			return status.Error(codes.DataLoss, "after some answers")
		}
		if err := stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: &testgrpc.Payload{Body: make([]byte, p.GetSize())}}); err != nil {
			return err
		}
	}
	<-stream.Context().Done()
	close(s.canceled)
	return stream.Context().Err()
}

func (s *grpcService) StreamingInputCall(stream testgrpc.TestService_StreamingInputCallServer) error {
	sum := 0
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(&testgrpc.StreamingInputCallResponse{AggregatedPayloadSize: int32(sum)})
		}
		if err != nil {
			return err
		}
		sum += len(r.GetPayload().GetBody())
	}
}

func (s *grpcService) FullDuplexCall(stream testgrpc.TestService_FullDuplexCallServer) error {
	for {
		r, err := stream.Recv()
		if err != nil {
			return nil //nolint:nilerr // the client has said enough
		}
		if err := stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: r.GetPayload()}); err != nil {
			return err
		}
	}
}

// grpcTarget is a service that speaks gRPC, and a client in front of the proxy.
func grpcTarget(t *testing.T) (*grpcService, *proxy.Target, testgrpc.TestServiceClient) {
	t.Helper()
	var config net.ListenConfig
	ln, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, handler := grpc.NewServer(), &grpcService{canceled: make(chan struct{})}
	testgrpc.RegisterTestServiceServer(server, handler)
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(server.Stop)
	up := target(t, proxy.Options{}, func(rt *routes.Target) { rt.Timeouts.Idle = time.Millisecond }, "h2c://"+ln.Addr().String())
	return handler, up, testgrpc.NewTestServiceClient(grpcFront(t, up))
}

func TestGRPCUnary(t *testing.T) {
	t.Parallel()
	_, up, client := grpcTarget(t)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "key", "value")
	for _, size := range []int32{0, 1, 314159} {
		var head, tail metadata.MD
		got, err := client.UnaryCall(ctx, &testgrpc.SimpleRequest{
			ResponseSize: size, Payload: &testgrpc.Payload{Body: make([]byte, 271828)},
		}, grpc.Header(&head), grpc.Trailer(&tail))
		if err != nil || len(got.GetPayload().GetBody()) != int(size) {
			t.Fatalf("%d bytes, %v", len(got.GetPayload().GetBody()), err)
		}
		if len(head["head"]) != 1 || head["head"][0] != "h-value" || len(tail["tail-bin"]) != 1 || tail["tail-bin"][0] != "\x00\xff" {
			t.Errorf("header %v, trailer %v", head, tail)
		}
	}
	if got := up.Status(); got.Failures != 0 || got.InFlight != 0 {
		t.Errorf("%+v", got)
	}
}

func TestGRPCErrors(t *testing.T) {
	t.Parallel()
	_, _, client := grpcTarget(t)
	const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
	_, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{ResponseStatus: &testgrpc.EchoStatus{Code: 5, Message: message}})
	if s := status.Convert(err); s.Code() != codes.NotFound || s.Message() != message {
		t.Errorf("%v", err)
	}
	if _, err := client.UnimplementedCall(t.Context(), new(testgrpc.Empty)); status.Code(err) != codes.Unimplemented {
		t.Errorf("%v", err)
	}
	stream, err := client.StreamingOutputCall(t.Context(), &testgrpc.StreamingOutputCallRequest{
		ResponseParameters: []*testgrpc.ResponseParameters{{Size: 10}, {Size: 0}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.DataLoss {
		t.Errorf("%v", err)
	}
}

func TestGRPCStreams(t *testing.T) {
	t.Parallel()
	handler, up, client := grpcTarget(t)
	proxy.SetBodyGrace(up, time.Millisecond) // is not for gRPC
	duplex, err := client.FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{27182, 8, 1828, 45904} {
		if err := duplex.Send(&testgrpc.StreamingOutputCallRequest{Payload: &testgrpc.Payload{Body: make([]byte, size)}}); err != nil {
			t.Fatal(err)
		}
		if got, err := duplex.Recv(); err != nil || len(got.GetPayload().GetBody()) != size {
			t.Fatalf("%d bytes, %v", len(got.GetPayload().GetBody()), err)
		}
		<-time.After(5 * time.Millisecond) // longer than Idle
	}
	if got := up.Status().Streams; got != 1 {
		t.Errorf("%d streams", got)
	}
	_ = duplex.CloseSend()
	if _, err := duplex.Recv(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	input, err := client.StreamingInputCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		<-time.After(5 * time.Millisecond)
		_ = input.Send(&testgrpc.StreamingInputCallRequest{Payload: &testgrpc.Payload{Body: make([]byte, 1000)}})
	}
	if got, err := input.CloseAndRecv(); err != nil || got.GetAggregatedPayloadSize() != 10_000 {
		t.Errorf("%v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	output, err := client.StreamingOutputCall(ctx, &testgrpc.StreamingOutputCallRequest{ResponseParameters: []*testgrpc.ResponseParameters{{Size: 10}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := output.Recv(); err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case <-handler.canceled:
	case <-time.After(2 * time.Second):
		t.Error("the service was not told within 2 s")
	}
}

func TestGRPCServiceDown(t *testing.T) {
	t.Parallel()
	up := service(t, strings.Replace(upstream.Refused(t), "http:", "h2c:", 1))
	client := testgrpc.NewTestServiceClient(grpcFront(t, up))
	_, err := client.EmptyCall(t.Context(), new(testgrpc.Empty))
	if got := status.Code(err); got != codes.Unavailable {
		t.Errorf("%v, want unavailable", err)
	}
}
