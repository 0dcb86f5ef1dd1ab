package questions

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"

	"github.com/strangler-proxy/strangler/examples/helpdesk/service"
)

// maxBody is how much of a question is read, in bytes: Django's own limit.
const maxBody = 2_621_440

// Options are what a handler of the contract needs to know.
type Options struct {
	// ServedBy stands in X-Served-By of every answer, so that a person sees the arm.
	ServedBy string
	// Survey, when it is not nil, decides whether a reader of a single question is
	// asked whether it helped.
	Survey func() bool
	// Logger gets what goes wrong.
	Logger *slog.Logger
}

type handler struct {
	Options
	store *Store
}

// OneInThirty is a survey of one reader in thirty, whoever that is: an answer to
// the same question differs from another now and then.
func OneInThirty() bool { return rand.IntN(30) == 0 }

// NewHandler answers the contract from the store.
func NewHandler(store *Store, o Options) http.Handler {
	h := &handler{o, store}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/faq/{$}", h.list)
	mux.HandleFunc("GET /v1/faq/{id}", h.detail)
	mux.HandleFunc("POST /v1/create/{$}", h.createV1)
	mux.HandleFunc("POST /v2/create/{$}", h.createV2)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Served-By", o.ServedBy)
		mux.ServeHTTP(w, r)
	})
}

func (h *handler) list(w http.ResponseWriter, r *http.Request) {
	all, err := h.store.All(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, r, http.StatusOK, map[string][]Question{"faq": all})
}

func (h *handler) detail(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 63)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	question, err := h.store.Get(r.Context(), int64(id))
	switch {
	case errors.Is(err, ErrNotFound):
		h.refuse(w, r, http.StatusNotFound, Refusal{"id": {"There is no such question."}})
	case err != nil:
		h.fail(w, r, err)
	default:
		if h.Survey != nil {
			question.Survey = new(h.Survey())
		}
		h.answer(w, r, http.StatusOK, question)
	}
}

func (h *handler) createV1(w http.ResponseWriter, r *http.Request) {
	if question, _, ok := h.create(w, r, false); ok {
		h.answer(w, r, http.StatusCreated, question)
	}
}

func (h *handler) createV2(w http.ResponseWriter, r *http.Request) {
	if question, related, ok := h.create(w, r, true); ok {
		h.answer(w, r, http.StatusCreated, struct {
			Question
			Related []int64 `json:"related"`
		}{question, related})
	}
}

// create stores what was sent; when it is not ok, it has answered.
func (h *handler) create(w http.ResponseWriter, r *http.Request, withRelated bool) (q Question, related []int64, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the question could not be read", http.StatusBadRequest)
		return Question{}, nil, false
	}
	draft, refusal, err := h.store.parseDraft(r.Context(), body, withRelated)
	if err != nil {
		h.fail(w, r, err)
		return Question{}, nil, false
	}
	if len(refusal) > 0 {
		h.refuse(w, r, http.StatusBadRequest, refusal)
		return Question{}, nil, false
	}
	if q, err = h.store.Add(r.Context(), draft); err != nil {
		h.fail(w, r, err)
		return Question{}, nil, false
	}
	w.Header().Set("Location", fmt.Sprintf("/v1/faq/%d", q.ID))
	return q, draft.Related, true
}

func (h *handler) refuse(w http.ResponseWriter, r *http.Request, status int, refusal Refusal) {
	h.answer(w, r, status, map[string]Refusal{"errors": refusal})
}

func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	h.Logger.ErrorContext(r.Context(), "no answer", "path", r.URL.Path, "error", err)
	http.Error(w, "the questions are not available", http.StatusInternalServerError)
}

func (h *handler) answer(w http.ResponseWriter, r *http.Request, status int, value any) {
	if err := service.JSON(w, status, value); err != nil {
		h.fail(w, r, err)
	}
}
