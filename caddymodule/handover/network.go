package handover

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// prefix makes the name of a network whose sockets are shared: shared-tcp.
const prefix = "shared-"

func init() {
	for tcp, udp := range map[string]string{"tcp": "udp", "tcp4": "udp4", "tcp6": "udp6"} {
		caddy.RegisterNetwork(prefix+tcp, listen)
		caddyhttp.RegisterNetworkHTTP3(prefix+tcp, udp)
	}
}

// Owner is a configuration's app that has a generation.
type Owner interface {
	Generation() *Generation
}

// AppName is the app that is asked for the generation of a configuration.
const AppName = "strangler"

// Adopt makes a server listen on shared sockets. It is called while the server
// is provisioned, by every handler of ours in it; the first call counts.
// Unix sockets and inherited ones (fd) are shared by Caddy itself, and a port
// that the system chooses is no address to share.
func (g *Generation) Adopt(server *caddyhttp.Server) {
	if g.servers[server] {
		return
	}
	g.servers[server] = true
	for i, address := range server.Listen {
		parsed, err := caddy.ParseNetworkAddress(address)
		if err != nil || parsed.StartPort == 0 {
			continue // Caddy says what is wrong with it
		}
		switch parsed.Network {
		case "tcp", "tcp4", "tcp6":
			parsed.Network = prefix + parsed.Network
			server.Listen[i] = parsed.String()
		}
	}
	server.RegisterConnState(observe)
}

// listen is called by Caddy when a server of a configuration starts.
func listen(ctx context.Context, network, host, ports string, offset uint, config net.ListenConfig) (any, error) {
	first, _, _ := strings.Cut(ports, "-")
	port, err := strconv.ParseUint(first, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("port %q: %w", ports, err)
	}
	address := caddy.NetworkAddress{
		Network: strings.TrimPrefix(network, prefix), Host: host,
		StartPort: uint(port) + offset, EndPort: uint(port) + offset,
	}
	generation, err := generationOf(ctx)
	if err != nil {
		return nil, err
	}
	return open(ctx, generation, address, config.KeepAliveConfig)
}

func generationOf(ctx context.Context) (*Generation, error) {
	configuration, ok := ctx.(caddy.Context)
	if !ok {
		return nil, fmt.Errorf("a shared socket outside a configuration: %T", ctx)
	}
	app, err := configuration.AppIfConfigured(AppName)
	if err != nil {
		return nil, err
	}
	owner, ok := app.(Owner)
	if !ok {
		return nil, fmt.Errorf("the app %s is a %T", AppName, app)
	}
	return owner.Generation(), nil
}
