package standin

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// The cookies have Django's names.
const (
	sessionCookie = "sessionid"
	csrfCookie    = "csrftoken"
	csrfField     = "csrfmiddlewaretoken"
)

// sessions knows who is signed in. It is safe for concurrent use.
type sessions struct {
	agents   []string
	password string

	mu       sync.Mutex
	signedIn map[string]*session
}

type session struct {
	agent    string
	messages []string
}

func newSessions(agents []string, password string) *sessions {
	return &sessions{agents: agents, password: password, signedIn: map[string]*session{}}
}

func (s *sessions) find(r *http.Request) (string, *session) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return "", nil
	}
	return cookie.Value, s.signedIn[cookie.Value]
}

// user returns who asks, or "".
func (s *sessions) user(r *http.Request) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, found := s.find(r); found != nil {
		return found.agent
	}
	return ""
}

// signIn starts a session when name and password are right.
func (s *sessions) signIn(w http.ResponseWriter, name, password string) bool {
	if !slices.Contains(s.agents, name) || password != s.password {
		return false
	}
	id := rand.Text()
	s.mu.Lock()
	s.signedIn[id] = &session{agent: name}
	s.mu.Unlock()
	setCookie(w, sessionCookie, id, 14*24*60*60, true)
	setCookie(w, csrfCookie, rand.Text(), 364*24*60*60, false)
	return true
}

func (s *sessions) signOut(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, _ := s.find(r)
	delete(s.signedIn, id)
	setCookie(w, sessionCookie, "", -1, false)
}

// say leaves a message for the agent's next page.
func (s *sessions) say(r *http.Request, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, found := s.find(r); found != nil {
		found.messages = append(found.messages, message)
	}
}

func (s *sessions) takeMessages(r *http.Request) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, found := s.find(r)
	if found == nil {
		return nil
	}
	messages := found.messages
	found.messages = nil
	return messages
}

// formToken returns the token for the forms of a page, with its cookie.
func (s *sessions) formToken(w http.ResponseWriter, r *http.Request) string {
	if cookie, err := r.Cookie(csrfCookie); err == nil && cookie.Value != "" {
		return cookie.Value
	}
	token := rand.Text()
	setCookie(w, csrfCookie, token, 364*24*60*60, false)
	return token
}

// checkForm says whether a request may change something: its form or header
// repeats the token of the cookie. The API is exempt, as in the monolith.
func (s *sessions) checkForm(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
		return true
	}
	if r.URL.Path == "/v1/create/" || r.URL.Path == "/v2/create/" {
		return true
	}
	cookie, err := r.Cookie(csrfCookie)
	if err != nil || cookie.Value == "" {
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxAttachment+1<<20)
	sent := r.Header.Get("X-CSRFToken")
	if sent == "" {
		sent = r.FormValue(csrfField)
	}
	return subtle.ConstantTimeCompare([]byte(sent), []byte(cookie.Value)) == 1
}

func setCookie(w http.ResponseWriter, name, value string, maxAge int, httpOnly bool) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: httpOnly, SameSite: http.SameSiteLaxMode,
	})
}

func (m *Monolith) loginPage(w http.ResponseWriter, r *http.Request) {
	m.render(w, r, "login", map[string]any{"Next": r.URL.Query().Get("next")})
}

func (m *Monolith) login(w http.ResponseWriter, r *http.Request) {
	next := r.PostFormValue("next")
	if !m.sessions.signIn(w, r.PostFormValue("username"), r.PostFormValue("password")) {
		m.render(w, r, "login", map[string]any{"Next": next, "Error": "Please enter a correct username and password."})
		return
	}
	// Only to a page of our own: //example.com is somebody else's.
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n") {
		next = "/tickets/"
	}
	http.Redirect(w, r, next, http.StatusFound)
}

func (m *Monolith) logout(w http.ResponseWriter, r *http.Request) {
	m.sessions.signOut(w, r)
	http.Redirect(w, r, "/faq/", http.StatusFound)
}

// agentPage is a page that only agents see.
type agentPage func(w http.ResponseWriter, r *http.Request, agent string)

// forAgents sends everybody else to the sign-in form.
func (m *Monolith) forAgents(page agentPage) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		agent := m.sessions.user(r)
		if agent == "" {
			next := strings.ReplaceAll(url.QueryEscape(r.URL.RequestURI()), "%2F", "/")
			http.Redirect(w, r, "/accounts/login/?next="+next, http.StatusFound)
			return
		}
		page(w, r, agent)
	}
}
