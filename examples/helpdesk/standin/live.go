package standin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// keepAlive is the longest silence of an event stream.
const keepAlive = 15 * time.Second

// events sends every new comment as a server-sent event, first those that a
// reader missed since its Last-Event-ID.
func (m *Monolith) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if m.sessions.user(r) == "" {
		http.Error(w, "Sign in first.", http.StatusForbidden)
		return
	}
	after, err := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64)
	watcher, missed := m.desk.watch(0, after)
	defer m.desk.leave(watcher)
	if err != nil {
		missed = nil
	}
	w.Header().Set("Content-Type", "text/event-stream")
	answer := http.NewResponseController(w)
	fmt.Fprint(w, ": welcome\n\n")
	for _, c := range missed {
		sendEvent(w, c)
	}
	quiet := time.NewTicker(keepAlive)
	defer quiet.Stop()
	for answer.Flush() == nil {
		select {
		case c, open := <-watcher.news:
			if !open {
				return
			}
			sendEvent(w, c)
		case <-quiet.C:
			fmt.Fprint(w, ": still here\n\n")
		case <-r.Context().Done():
			return
		}
	}
}

// sendEvent writes one event; the flush after it tells of a client that left.
func sendEvent(w http.ResponseWriter, c comment) {
	data, err := json.Marshal(c)
	if err != nil {
		return
	}
	fmt.Fprintf(w, "id: %d\nevent: comment\ndata: %s\n\n", c.ID, data)
}

// chat carries the comments of one ticket, both ways.
func (m *Monolith) chat(w http.ResponseWriter, r *http.Request) {
	agent := m.sessions.user(r)
	t, found := m.ticketOf(r)
	if agent == "" || !found || !ownOrigin(r) {
		http.Error(w, "Access denied", http.StatusForbidden)
		return
	}
	// The origin was checked as the monolith does, by name and not by port.
	socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer socket.CloseNow() //nolint:errcheck // closed properly below, or gone
	watcher, _ := m.desk.watch(t.ID, 0)
	defer m.desk.leave(watcher)
	ctx := r.Context()
	go func() {
		for c := range watcher.news {
			if wsjson.Write(ctx, socket, c) != nil {
				break
			}
		}
		_ = socket.Close(websocket.StatusGoingAway, "")
	}()
	for {
		var sent struct {
			Text string `json:"text"`
		}
		if err := wsjson.Read(ctx, socket, &sent); err != nil {
			return
		}
		text := strings.TrimSpace(sent.Text)
		if wrong := wrongText(text); wrong == "" {
			m.desk.add(t.ID, agent, text)
		} else if wsjson.Write(ctx, socket, map[string]any{"errors": map[string][]string{"text": {wrong}}}) != nil {
			return
		}
	}
}

func ownOrigin(r *http.Request) bool {
	origin, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && slices.Contains([]string{"127.0.0.1", "localhost", "::1"}, origin.Hostname())
}

// wrongText says what is wrong with a comment, in Django's words.
func wrongText(text string) string {
	n := utf8.RuneCountInString(text)
	switch {
	case n == 0:
		return "This field is required."
	case n > 2000:
		return fmt.Sprintf("Ensure this value has at most 2000 characters (it has %d).", n)
	}
	return ""
}
