package flags

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"buf.build/gen/go/open-feature/flagd/grpc/go/flagd/sync/v1/syncv1grpc"
	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	"github.com/open-feature/go-sdk/openfeature"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// Flagd takes flags from a flagd at HOST:PORT (its sync port, 8015) by the sync
// protocol (https://flagd.dev/reference/specifications/protos/, flagd.sync.v1)
// and evaluates them in this process. Security nil means no TLS.
func Flagd(address string, security *tls.Config) Source {
	return Source{
		Name:   "flagd " + address,
		traits: traits{local: true, tells: true, waits: true},
		make: func(_ context.Context, report func(error)) (openfeature.FeatureProvider, error) {
			secure := insecure.NewCredentials()
			if security != nil {
				secure = credentials.NewTLS(security)
			}
			connection, err := grpc.NewClient(address,
				grpc.WithTransportCredentials(secure),
				grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxFile)),
				// A connection that a firewall forgot must be found dead.
				grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}))
			if err != nil {
				return nil, err
			}
			return newRules(&syncFeed{connection: connection, report: report})
		},
	}
}

type syncFeed struct {
	connection *grpc.ClientConn
	report     func(error)
}

func (f *syncFeed) follow(ctx context.Context, to *rules) {
	defer f.connection.Close()
	persist(ctx, func(ctx context.Context) (heard bool) {
		heard, err := f.listen(ctx, to)
		if !to.lose(err) {
			f.report(err)
		}
		f.connection.ResetConnectBackoff() // ours is the pause
		return heard
	})
}

// listen takes rules from one stream until it breaks; heard is whether any came.
func (f *syncFeed) listen(ctx context.Context, to *rules) (heard bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := syncv1grpc.NewFlagSyncServiceClient(f.connection).SyncFlags(ctx, &syncv1.SyncFlagsRequest{ProviderId: "strangler"})
	if err != nil {
		return false, err
	}
	for {
		reply, err := stream.Recv()
		if err != nil {
			return heard, errors.Join(errStreamEnded, err)
		}
		err = to.apply(reply.GetFlagConfiguration())
		f.report(err)
		heard = heard || err == nil
	}
}
