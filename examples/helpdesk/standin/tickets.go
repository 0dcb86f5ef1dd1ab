package standin

import (
	"encoding/csv"
	"fmt"
	"mime"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/strangler-proxy/strangler/examples/helpdesk/faq/questions"
)

// required is what Django says of an empty field.
const required = "This field is required."

// ticketOf finds the ticket that a request's path names.
func (m *Monolith) ticketOf(r *http.Request) (ticket, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return ticket{}, false
	}
	return m.desk.ticket(id)
}

func (m *Monolith) ticketList(w http.ResponseWriter, r *http.Request, _ string) {
	tickets := m.desk.list()
	slices.Reverse(tickets)
	m.render(w, r, "tickets", map[string]any{"Tickets": tickets})
}

func (m *Monolith) ticketForm(w http.ResponseWriter, r *http.Request, _ string) {
	m.render(w, r, "ticket_form", map[string]any{})
}

func (m *Monolith) ticketOpen(w http.ResponseWriter, r *http.Request, agent string) {
	subject, text := strings.TrimSpace(r.PostFormValue("subject")), strings.TrimSpace(r.PostFormValue("text"))
	if subject == "" || utf8.RuneCountInString(subject) > 200 || wrongText(text) != "" {
		m.render(w, r, "ticket_form", map[string]any{"Subject": subject, "Text": text, "Error": required})
		return
	}
	made, err := m.desk.open(r.Context(), subject, agent, text)
	if err != nil {
		m.fail(w, r, err)
		return
	}
	m.sessions.say(r, fmt.Sprintf("Ticket %d is open.", made.ID))
	http.Redirect(w, r, ticketPath(made), http.StatusFound)
}

func (m *Monolith) ticketDetail(w http.ResponseWriter, r *http.Request, _ string) {
	m.ticketPage(w, r, map[string]any{})
}

// ticketPage shows a ticket, with what was wrong with a form.
func (m *Monolith) ticketPage(w http.ResponseWriter, r *http.Request, values map[string]any) {
	t, found := m.ticketOf(r)
	if !found {
		http.NotFound(w, r)
		return
	}
	values["Ticket"] = t
	values["Comments"] = m.desk.commentsOf(t.ID)
	values["Attachments"] = m.desk.attachmentsOf(t.ID)
	m.render(w, r, "ticket", values)
}

// verb changes a ticket; a link cannot.
func (m *Monolith) verb(w http.ResponseWriter, r *http.Request, agent string) {
	verb := map[string]agentPage{"comment": m.comment, "attach": m.attach, "resolve": m.resolve}[r.PathValue("verb")]
	switch {
	case verb == nil:
		http.NotFound(w, r)
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		verb(w, r, agent)
	}
}

func (m *Monolith) comment(w http.ResponseWriter, r *http.Request, agent string) {
	t, found := m.ticketOf(r)
	text := strings.TrimSpace(r.PostFormValue("text"))
	if wrong := wrongText(text); found && wrong != "" {
		m.ticketPage(w, r, map[string]any{"CommentError": wrong, "Text": text})
		return
	}
	m.change(w, r, t, found, func() error {
		m.desk.add(t.ID, agent, text)
		return nil
	})
}

func (m *Monolith) resolve(w http.ResponseWriter, r *http.Request, _ string) {
	t, found := m.ticketOf(r)
	m.change(w, r, t, found, func() error {
		m.sessions.say(r, fmt.Sprintf("Ticket %d is resolved.", t.ID))
		return m.desk.resolve(r.Context(), t.ID)
	})
}

// change does something with a ticket and goes back to its page.
func (m *Monolith) change(w http.ResponseWriter, r *http.Request, t ticket, found bool, do func() error) {
	if !found {
		http.NotFound(w, r)
		return
	}
	if err := do(); err != nil {
		m.fail(w, r, err)
		return
	}
	http.Redirect(w, r, ticketPath(t), http.StatusFound)
}

func (m *Monolith) attach(w http.ResponseWriter, r *http.Request, _ string) {
	t, found := m.ticketOf(r)
	if !found {
		http.NotFound(w, r)
		return
	}
	file, header, err := r.FormFile("file")
	if err != nil {
		m.ticketPage(w, r, map[string]any{"FileError": required})
		return
	}
	defer file.Close()
	if header.Size > maxAttachment {
		m.ticketPage(w, r, map[string]any{"FileError": "The file is larger than 20 MiB."})
		return
	}
	if err := m.desk.attach(t.ID, header.Filename, file); err != nil {
		m.fail(w, r, err)
		return
	}
	m.sessions.say(r, header.Filename+" is attached.")
	http.Redirect(w, r, ticketPath(t), http.StatusFound)
}

func (m *Monolith) attachment(w http.ResponseWriter, r *http.Request, _ string) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	found, ok := m.desk.attachment(id)
	if err != nil || !ok {
		http.NotFound(w, r)
		return
	}
	file, err := os.Open(m.desk.path(found))
	if err != nil {
		m.fail(w, r, err)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": found.Name}))
	http.ServeContent(w, r, found.Name, zeroTime, file)
}

func (m *Monolith) export(w http.ResponseWriter, r *http.Request, _ string) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="tickets.csv"`)
	rows := csv.NewWriter(w)
	rows.UseCRLF = true
	_ = rows.Write([]string{"id", "state", "subject", "by"}) // Error below has it
	for _, t := range m.desk.list() {
		_ = rows.Write([]string{strconv.FormatInt(t.ID, 10), t.State, t.Subject, t.OpenedBy})
	}
	rows.Flush()
	if err := rows.Error(); err != nil {
		m.logger.DebugContext(r.Context(), "the client left", "error", err)
	}
}

func (m *Monolith) resolvedList(w http.ResponseWriter, r *http.Request, _ string) {
	tickets := slices.DeleteFunc(m.desk.list(), func(t ticket) bool { return t.State != "resolved" })
	slices.Reverse(tickets)
	m.render(w, r, "resolved", map[string]any{"Tickets": tickets})
}

// resolved finds the resolved ticket that a request's path names.
func (m *Monolith) resolved(w http.ResponseWriter, r *http.Request) (ticket, bool) {
	t, found := m.ticketOf(r)
	if !found || t.State != "resolved" {
		http.NotFound(w, r)
		return ticket{}, false
	}
	return t, true
}

func (m *Monolith) questionForm(w http.ResponseWriter, r *http.Request, _ string) {
	if t, ok := m.resolved(w, r); ok {
		m.questionFormPage(w, r, map[string]any{"Ticket": t, "Question": t.Subject})
	}
}

func (m *Monolith) questionFormPage(w http.ResponseWriter, r *http.Request, values map[string]any) {
	all, err := m.store.All(r.Context())
	if err != nil {
		m.fail(w, r, err)
		return
	}
	values["Questions"] = all
	m.render(w, r, "question_form", values)
}

func (m *Monolith) questionFromTicket(w http.ResponseWriter, r *http.Request, _ string) {
	t, ok := m.resolved(w, r)
	if !ok {
		return
	}
	draft := questions.Draft{
		Question: strings.TrimSpace(r.PostFormValue("question")),
		Answer:   strings.TrimSpace(r.PostFormValue("answer")),
		Source:   fmt.Sprintf("ticket:%d", t.ID),
	}
	for _, text := range r.PostForm["related"] {
		id, err := strconv.ParseInt(text, 10, 64)
		if err == nil {
			_, err = m.store.Get(r.Context(), id)
		}
		ok = ok && err == nil
		draft.Related = append(draft.Related, id)
	}
	if !ok || draft.Question == "" || utf8.RuneCountInString(draft.Question) > 300 {
		m.questionFormPage(w, r, map[string]any{"Ticket": t, "Question": draft.Question, "Answer": draft.Answer, "Error": required})
		return
	}
	made, err := m.store.Add(r.Context(), draft)
	if err != nil {
		m.fail(w, r, err)
		return
	}
	m.sessions.say(r, "The question is in the FAQ.")
	http.Redirect(w, r, fmt.Sprintf("/faq/%d/", made.ID), http.StatusFound)
}

func ticketPath(t ticket) string { return fmt.Sprintf("/tickets/%d/", t.ID) }
