package standin

import (
	"embed"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/examples/helpdesk/faq/questions"
)

//go:embed pages/*.html
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// zeroTime says of an attachment that it has no time of change to tell.
var zeroTime time.Time

func (m *Monolith) questionList(w http.ResponseWriter, r *http.Request) {
	all, err := m.store.All(r.Context())
	if err != nil {
		m.fail(w, r, err)
		return
	}
	wanted := r.URL.Query().Get("q")
	var found []questions.Question
	for _, q := range all {
		if strings.Contains(strings.ToLower(q.Question+"\n"+q.Answer), strings.ToLower(wanted)) {
			found = append(found, q)
		}
	}
	m.render(w, r, "questions", map[string]any{"Questions": found, "Wanted": wanted})
}

func (m *Monolith) questionDetail(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	question, err := m.store.Get(r.Context(), id)
	if errors.Is(err, questions.ErrNotFound) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		m.fail(w, r, err)
		return
	}
	related, err := m.store.Related(r.Context(), id)
	if err != nil {
		m.fail(w, r, err)
		return
	}
	m.render(w, r, "question", map[string]any{"Question": question, "Related": related})
}
