package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/strangler-proxy/strangler/internal/testbed"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := testbed.RemoveSeed(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
