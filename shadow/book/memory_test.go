package book_test

import (
	"testing"

	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/book/storetest"
)

func TestMemoryConforms(t *testing.T) {
	t.Parallel()
	storetest.Run(t,
		func(*testing.T) book.Store { return book.NewMemory() },
		func(_ *testing.T, s book.Store) book.Store { return s })
}
