package queue

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/strangler-proxy/strangler/examples/helpdesk/service"
)

type handler struct {
	store  *Store
	logger *slog.Logger
}

// NewHandler answers the contract from the store. Every answer carries
// servedBy in X-Served-By, so that a person sees the arm.
func NewHandler(store *Store, servedBy string, logger *slog.Logger) http.Handler {
	h := &handler{store: store, logger: logger}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/tickets/{$}", h.list)
	mux.HandleFunc("GET /v1/tickets/{id}", h.detail)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Served-By", servedBy)
		mux.ServeHTTP(w, r)
	})
}

func (h *handler) list(w http.ResponseWriter, r *http.Request) {
	all, err := h.store.All(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, r, http.StatusOK, map[string][]Ticket{"tickets": all})
}

func (h *handler) detail(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 63)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	ticket, err := h.store.Get(r.Context(), int64(id))
	switch {
	case errors.Is(err, ErrNotFound):
		h.answer(w, r, http.StatusNotFound, map[string]map[string][]string{"errors": {"id": {"There is no such ticket."}}})
	case err != nil:
		h.fail(w, r, err)
	default:
		h.answer(w, r, http.StatusOK, ticket)
	}
}

func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	h.logger.ErrorContext(r.Context(), "no answer", "path", r.URL.Path, "error", err)
	http.Error(w, "the tickets are not available", http.StatusInternalServerError)
}

func (h *handler) answer(w http.ResponseWriter, r *http.Request, status int, value any) {
	if err := service.JSON(w, status, value); err != nil {
		h.fail(w, r, err)
	}
}
