package storetest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	t.Parallel()
	storetest.Run(t,
		func(*testing.T) rollout.Store { return new(storetest.Memory) },
		func(_ *testing.T, s rollout.Store) rollout.Store { return s })
}

func TestFaultyWithoutFault(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) rollout.Store {
		return &storetest.Faulty{Store: new(storetest.Memory)}
	}, nil)
}
