package rediskv_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session/rediskv"
)

// answering is a server of Redis' protocol (RESP2) whose PTTL says always the same.
func answering(t *testing.T, pttl int) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go answer(connection, pttl)
		}
	}()
	return "redis://" + listener.Addr().String()
}

func answer(connection net.Conn, pttl int) {
	defer connection.Close()
	lines := bufio.NewReader(connection)
	for {
		var words, size int
		if _, err := fmt.Fscanf(lines, "*%d\r\n", &words); err != nil {
			return
		}
		command := ""
		for i := range words {
			_, _ = fmt.Fscanf(lines, "$%d\r\n", &size)
			text := make([]byte, size+2)
			if _, err := io.ReadFull(lines, text); err != nil {
				return
			}
			if i == 0 {
				command = strings.ToLower(string(text[:size]))
			}
		}
		said := "-ERR unknown command\r\n"
		switch command {
		case "getrange":
			said = "$1\r\nx\r\n"
		case "pttl":
			said = fmt.Sprintf(":%d\r\n", pttl)
		}
		if _, err := io.WriteString(connection, said); err != nil {
			return
		}
	}
}

// A key that is about to end is none without an end.
func TestWhenAKeyEnds(t *testing.T) {
	t.Parallel()
	for pttl, want := range map[int]time.Duration{-1: 0, 0: time.Millisecond, 1: time.Millisecond, 1500: 1500 * time.Millisecond} {
		client, err := rediskv.Open(answering(t, pttl))
		if err != nil {
			t.Fatal(err)
		}
		value, ok, err := client.Get(t.Context(), "k")
		if err != nil || !ok || value.TTL != want || string(value.Data) != "x" {
			t.Errorf("PTTL %d: %+v %t %v", pttl, value, ok, err)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
	client, err := rediskv.Open(answering(t, -2))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, ok, err := client.Get(t.Context(), "k"); ok || err != nil {
		t.Errorf("no key: %t %v", ok, err)
	}
}
