// Package standin is the helpdesk for machines without Python and Django: the
// same pages, forms, addresses and JSON as examples/helpdesk/monolith, in Go
// and in one process with the demo. A test drives one script against both and
// compares statuses, redirects and JSON.
//
// What it leaves out is what the demo does not need: the admin, and tickets
// that outlive the process.
package standin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/strangler-proxy/strangler/examples/helpdesk/faq/questions"
	"github.com/strangler-proxy/strangler/examples/helpdesk/tickets/queue"
)

// Options are what the stand-in needs.
type Options struct {
	// Dir is an empty folder for the database that the services read too
	// (helpdesk.sqlite3) and the attachments.
	Dir string
	// Data is the monolith's demo_data.json.
	Data []byte
	// Static holds the monolith's static files.
	Static fs.FS
	// Logger gets what goes wrong.
	Logger *slog.Logger
	// Survey, when it is not nil, decides whether a reader is asked whether an answer
	// helped.
	Survey func() bool
}

// Monolith is an http.Handler that stands in for the Django project.
type Monolith struct {
	store    *questions.Store
	queue    *queue.Store
	desk     *desk
	sessions *sessions
	mux      *http.ServeMux
	logger   *slog.Logger
	survey   func() bool
}

// New makes the database, fills in the demo's data and returns the handler.
func New(ctx context.Context, o Options) (*Monolith, error) {
	var data demoData
	if err := json.Unmarshal(o.Data, &data); err != nil {
		return nil, fmt.Errorf("reading the demo's data: %w", err)
	}
	database := filepath.Join(o.Dir, "helpdesk.sqlite3")
	store, err := questions.Create(ctx, database)
	if err != nil {
		return nil, err
	}
	public, err := queue.Create(ctx, database)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	m := &Monolith{
		store:    store,
		queue:    public,
		desk:     newDesk(filepath.Join(o.Dir, "media"), public),
		sessions: newSessions(append(data.Agents, "admin"), data.Password),
		logger:   o.Logger,
		survey:   o.Survey,
	}
	if err := m.fill(ctx, data); err != nil {
		return nil, err
	}
	m.mux = m.routes(o.Static)
	return m, nil
}

// Close ends the event streams and closes the database.
func (m *Monolith) Close() error {
	m.desk.close()
	return errors.Join(m.store.Close(), m.queue.Close())
}

// ServeHTTP answers as the monolith does, which sends an address without its
// last slash to the one that has it.
func (m *Monolith) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Served-By", "monolith")
	_, pattern := m.mux.Handler(r)
	if !strings.HasSuffix(r.URL.Path, "/") && strings.HasSuffix(pattern, "/{$}") {
		with := *r.URL
		with.Path += "/"
		http.Redirect(w, r, with.RequestURI(), http.StatusMovedPermanently)
		return
	}
	if !m.sessions.checkForm(w, r) {
		http.Error(w, "CSRF verification failed. Request aborted.", http.StatusForbidden)
		return
	}
	m.mux.ServeHTTP(w, r)
}

func (m *Monolith) routes(static fs.FS) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/{$}", http.RedirectHandler("/faq/", http.StatusFound))
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(static)))
	contract := questions.NewHandler(m.store, questions.Options{ServedBy: "monolith", Survey: m.survey, Logger: m.logger})
	for _, path := range []string{"/v1/faq/{$}", "/v1/faq/{id}", "/v1/create/{$}", "/v2/create/{$}"} {
		mux.Handle(path, contract)
	}
	for _, path := range []string{"/v1/tickets/{$}", "/v1/tickets/{id}"} {
		mux.Handle(path, queue.NewHandler(m.queue, "monolith", m.logger))
	}
	mux.HandleFunc("GET /accounts/login/{$}", m.loginPage)
	mux.HandleFunc("POST /accounts/login/{$}", m.login)
	mux.HandleFunc("/accounts/logout/{$}", m.logout)
	mux.HandleFunc("GET /faq/{$}", m.questionList)
	mux.HandleFunc("GET /faq/{id}/{$}", m.questionDetail)
	for pattern, page := range map[string]agentPage{
		"GET /faqcreator/{$}":               m.resolvedList,
		"GET /faqcreator/{id}/{$}":          m.questionForm,
		"POST /faqcreator/{id}/{$}":         m.questionFromTicket,
		"GET /tickets/{$}":                  m.ticketList,
		"GET /tickets/new/{$}":              m.ticketForm,
		"POST /tickets/new/{$}":             m.ticketOpen,
		"GET /tickets/export.csv":           m.export,
		"GET /tickets/{id}/{$}":             m.ticketDetail,
		"/tickets/{id}/{verb}/{$}":          m.verb,
		"GET /tickets/attachments/{id}/{$}": m.attachment,
	} {
		mux.HandleFunc(pattern, m.forAgents(page))
	}
	mux.HandleFunc("GET /tickets/events/{$}", m.events)
	mux.HandleFunc("GET /ws/tickets/{id}/{$}", m.chat)
	return mux
}

// demoData is the shape of demo_data.json.
type demoData struct {
	Password  string
	Agents    []string
	Questions []struct {
		Question, Answer, Source string
		Related                  []int64
	}
	Tickets []struct {
		Subject  string
		OpenedBy string `json:"opened_by"`
		Text     string
		Resolved bool
	}
}

func (m *Monolith) fill(ctx context.Context, data demoData) error {
	for _, q := range data.Questions {
		draft := questions.Draft{Question: q.Question, Answer: q.Answer, Source: q.Source, Related: q.Related}
		if _, err := m.store.Add(ctx, draft); err != nil {
			return fmt.Errorf("adding a question: %w", err)
		}
	}
	for _, t := range data.Tickets {
		made, err := m.desk.open(ctx, t.Subject, t.OpenedBy, t.Text)
		if err == nil && t.Resolved {
			err = m.desk.resolve(ctx, made.ID)
		}
		if err != nil {
			return fmt.Errorf("adding a ticket: %w", err)
		}
	}
	return nil
}

// render answers with a page, whole or not at all.
func (m *Monolith) render(w http.ResponseWriter, r *http.Request, page string, values map[string]any) {
	values["User"] = m.sessions.user(r)
	values["Token"] = m.sessions.formToken(w, r)
	values["Messages"] = m.sessions.takeMessages(r)
	var body bytes.Buffer
	if err := pages.Lookup(page).Execute(&body, values); err != nil {
		m.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if _, err := body.WriteTo(w); err != nil {
		m.logger.DebugContext(r.Context(), "the client left", "error", err)
	}
}

func (m *Monolith) fail(w http.ResponseWriter, r *http.Request, err error) {
	m.logger.ErrorContext(r.Context(), "no answer", "path", r.URL.Path, "error", err)
	http.Error(w, "Server Error (500)", http.StatusInternalServerError)
}
