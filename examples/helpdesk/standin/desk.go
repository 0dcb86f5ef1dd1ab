package standin

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/strangler-proxy/strangler/examples/helpdesk/tickets/queue"
)

// maxAttachment is the size of the largest file that may be attached, in bytes.
const maxAttachment = 20 << 20

// desk holds the tickets and tells who watches of new comments. It is safe for
// concurrent use.
type desk struct {
	media string
	queue *queue.Store // what everybody may know of the tickets, for the service too

	mu          sync.Mutex
	tickets     []ticket // number n is at n-1
	comments    []comment
	attachments []attachment
	watchers    map[*watcher]struct{}
	closed      bool
}

type ticket struct {
	ID       int64
	Subject  string
	State    string
	OpenedBy string
	OpenedAt time.Time
}

// String is how the pages name a ticket.
func (t ticket) String() string { return fmt.Sprintf("#%d %s", t.ID, t.Subject) }

// comment has the shape that events and WebSocket carry.
type comment struct {
	ID     int64  `json:"id"`
	Ticket int64  `json:"ticket"`
	Author string `json:"author"`
	Text   string `json:"text"`
}

type attachment struct {
	ID, Ticket int64
	Name       string
}

// watcher is told of comments on one ticket, or on all with ticket 0. One that
// does not keep up is dropped: its channel is closed.
type watcher struct {
	ticket int64
	news   chan comment
}

func newDesk(media string, public *queue.Store) *desk {
	return &desk{media: media, queue: public, watchers: map[*watcher]struct{}{}}
}

func (d *desk) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for w := range d.watchers {
		d.drop(w)
	}
}

func (d *desk) open(ctx context.Context, subject, by, text string) (ticket, error) {
	d.mu.Lock()
	made := ticket{ID: int64(len(d.tickets)) + 1, Subject: subject, State: "open", OpenedBy: by, OpenedAt: time.Now().UTC()}
	d.tickets = append(d.tickets, made)
	d.mu.Unlock()
	d.add(made.ID, by, text)
	return made, d.queue.Put(ctx, queue.Ticket{ID: made.ID, Subject: made.Subject, State: made.State})
}

func (d *desk) ticket(id int64) (ticket, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id < 1 || id > int64(len(d.tickets)) {
		return ticket{}, false
	}
	return d.tickets[id-1], true
}

// list returns the tickets, oldest first.
func (d *desk) list() []ticket {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.tickets)
}

// resolve closes a ticket that exists.
func (d *desk) resolve(ctx context.Context, id int64) error {
	d.mu.Lock()
	d.tickets[id-1].State = "resolved"
	public := queue.Ticket{ID: id, Subject: d.tickets[id-1].Subject, State: "resolved"}
	d.mu.Unlock()
	return d.queue.Put(ctx, public)
}

// add stores a comment and tells everybody who watches.
func (d *desk) add(ticket int64, author, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	made := comment{ID: int64(len(d.comments)) + 1, Ticket: ticket, Author: author, Text: text}
	d.comments = append(d.comments, made)
	for w := range d.watchers {
		if w.ticket != 0 && w.ticket != ticket {
			continue
		}
		select {
		case w.news <- made:
		default:
			d.drop(w)
		}
	}
}

// commentsOf returns a ticket's comments.
func (d *desk) commentsOf(ticket int64) []comment {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.comments), func(c comment) bool { return c.Ticket != ticket })
}

// watch starts to tell of comments and returns those after the id given.
func (d *desk) watch(ticket, after int64) (*watcher, []comment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := &watcher{ticket: ticket, news: make(chan comment, 100)}
	d.watchers[w] = struct{}{}
	if d.closed {
		d.drop(w)
	}
	return w, slices.DeleteFunc(slices.Clone(d.comments), func(c comment) bool { return c.ID <= after })
}

func (d *desk) leave(w *watcher) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drop(w)
}

// drop needs the lock.
func (d *desk) drop(w *watcher) {
	if _, there := d.watchers[w]; there {
		delete(d.watchers, w)
		close(w.news)
	}
}

func (d *desk) attach(ticket int64, name string, content io.Reader) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	made := attachment{ID: int64(len(d.attachments)) + 1, Ticket: ticket, Name: name}
	if err := os.MkdirAll(d.media, 0o750); err != nil {
		return err
	}
	file, err := os.Create(d.path(made))
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, content); err != nil {
		_ = file.Close() // the first error says more
		return err
	}
	d.attachments = append(d.attachments, made)
	return file.Close()
}

func (d *desk) attachment(id int64) (attachment, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id < 1 || id > int64(len(d.attachments)) {
		return attachment{}, false
	}
	return d.attachments[id-1], true
}

func (d *desk) attachmentsOf(ticket int64) []attachment {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.attachments), func(a attachment) bool { return a.Ticket != ticket })
}

// path is where an attachment lies; a client's file name is never a path.
func (d *desk) path(a attachment) string {
	return filepath.Join(d.media, fmt.Sprintf("%d.bin", a.ID))
}
