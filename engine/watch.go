package engine

import (
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	defaultPoll  = 2 * time.Second
	defaultQuiet = 50 * time.Millisecond
	// mostQuiet is how many quiet times a file that never rests is waited for.
	mostQuiet = 40
	// shrunkQuiet is how many quiet times a file is left alone that is written in
	// place and shorter than before: its writer may not be done with it.
	shrunkQuiet = 10
)

// watcher tells when a file may have changed. It watches the folders of the
// name and of what the name resolves to, not the file: editors replace files
// by renaming, and Kubernetes swaps a symbolic link (..data) on the way to
// them. Besides it compares the file's place, size and time now and then, for
// file systems and folders that tell nothing.
type watcher struct {
	path        string
	poll, quiet time.Duration
	changed     func()
	log         *slog.Logger

	notify *fsnotify.Watcher // nil when the system gives none
	told   sighting          // when changed was last called, or watching began
	last   sighting          // the newest one
	end    chan struct{}
	done   sync.WaitGroup
}

// sighting is what tells one state of a file from another without reading it.
type sighting struct {
	path string // with all symbolic links resolved
	info os.FileInfo
}

func (s sighting) equal(other sighting) bool {
	if s.info == nil || other.info == nil {
		return s.info == nil && other.info == nil
	}
	return s.path == other.path && os.SameFile(s.info, other.info) && s.info.Mode() == other.info.Mode() &&
		s.info.Size() == other.info.Size() && s.info.ModTime().Equal(other.info.ModTime())
}

func sight(path string) sighting {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return sighting{}
	}
	info, err := os.Stat(resolved)
	if err != nil {
		return sighting{}
	}
	return sighting{path: resolved, info: info}
}

// watch calls changed, from one goroutine, when the file at path may have
// changed and was then left alone for quiet.
func watch(path string, poll, quiet time.Duration, log *slog.Logger, changed func()) *watcher {
	if poll <= 0 {
		poll = defaultPoll
	}
	if quiet <= 0 {
		quiet = defaultQuiet
	}
	w := &watcher{path: path, poll: poll, quiet: quiet, changed: changed, log: log, end: make(chan struct{})}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("the route table is only looked at now and then", slog.Duration("every", poll), slog.Any("error", err))
	} else {
		w.notify = notify
	}
	w.look()
	w.done.Go(w.run)
	return w
}

func (w *watcher) stop() {
	close(w.end)
	w.done.Wait()
}

func (w *watcher) run() {
	var events <-chan fsnotify.Event
	var errs <-chan error
	if w.notify != nil {
		defer w.notify.Close()
		events, errs = w.notify.Events, w.notify.Errors
	}
	poll := time.NewTicker(w.poll)
	defer poll.Stop()
	// The file may have changed between its first reading and its watching.
	rest := time.NewTimer(w.quiet)
	defer rest.Stop()
	var since time.Time // the first change that was not told yet
	touched := func() {
		if since.IsZero() {
			since = time.Now()
		}
		w.last = sight(w.path)
		if time.Since(since) < mostQuiet*w.quiet {
			rest.Reset(w.rest())
		}
	}
	for {
		select {
		case <-w.end:
			return
		case event := <-events:
			if w.concerns(event) {
				touched()
			}
		case err := <-errs:
			w.log.Warn("watching the route table", slog.Any("error", err))
			touched()
		case <-poll.C:
			if !w.last.equal(sight(w.path)) {
				touched()
			}
			w.follow(w.last.path)
		case <-rest.C:
			since = time.Time{}
			w.look()
			w.changed()
		}
	}
}

// rest is how long the file must be left alone now. One that replaced another is
// whole at once; one that is written in place has lost its old end first.
func (w *watcher) rest() time.Duration {
	was, now := w.told.info, w.last.info
	if was != nil && now != nil && os.SameFile(was, now) && now.Size() < was.Size() {
		return shrunkQuiet * w.quiet
	}
	return w.quiet
}

// concerns reports whether an event in one of the folders is about the file.
// Other files in them, a log for example, may change all the time.
func (w *watcher) concerns(event fsnotify.Event) bool {
	name := filepath.Base(event.Name)
	if name == filepath.Base(w.path) || name == filepath.Base(w.last.path) {
		return true
	}
	return !w.last.equal(sight(w.path))
}

// look remembers the file as it is now and watches the folders it is in.
func (w *watcher) look() {
	w.last = sight(w.path)
	w.told = w.last
	w.follow(w.last.path)
}

// follow watches the folders of the path and of what it resolves to. Watching
// twice is harmless; a folder that was replaced is watched anew.
func (w *watcher) follow(resolved string) {
	if w.notify == nil {
		return
	}
	folders := []string{filepath.Dir(w.path)}
	if resolved != "" && filepath.Dir(resolved) != folders[0] {
		folders = append(folders, filepath.Dir(resolved))
	}
	for _, folder := range folders {
		if err := w.notify.Add(folder); err != nil {
			w.log.Debug("watching the route table's folder", slog.String("folder", folder), slog.Any("error", err))
		}
	}
}
