package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

// one is a table with one route of that name.
func one(name string) string {
	return fmt.Sprintf("targets:\n  monolith: { url: MONOLITH }\nmonolith: monolith\nroutes:\n  - { name: %s, match: /x, owner: o }\n", name)
}

// runs waits until the running table has the route.
func (b *bed) runs(name string) {
	b.t.Helper()
	eventually(b.t, "a table with "+name, func() bool { return b.Table().Entry(name) != nil })
}

// refuses waits until the file is refused for a reason that contains text.
func (b *bed) refuses(text string) {
	b.t.Helper()
	eventually(b.t, "refused: "+text, func() bool {
		refused := b.Status().Refused
		return refused != nil && strings.Contains(fmt.Sprint(refused.Problems), text)
	})
}

func (b *bed) accepted() {
	b.t.Helper()
	eventually(b.t, "nothing refused", func() bool { return b.Status().Refused == nil })
}

func TestWatchSeesAFileThatIsReplaced(t *testing.T) {
	t.Parallel()
	b := newBed(t, one("first"))
	for i := range 5 {
		name := fmt.Sprint("r", i)
		b.write(one(name))
		b.runs(name)
	}
}

func TestWatchSeesAFileThatIsWrittenInPlace(t *testing.T) {
	t.Parallel()
	b := newBed(t, one("first"))
	must(t, os.WriteFile(b.path, []byte(b.table(one("second"))), 0o600))
	b.runs("second")
}

func TestWatchWaitsForAFileThatIsWrittenInParts(t *testing.T) {
	t.Parallel()
	b := newBed(t, one("first"), func(_ *bed, o *Options) { o.Quiet = 300 * time.Millisecond })
	whole := b.table(one("second")) + "  - { name: third, match: /y, owner: o }\n"
	file, err := os.Create(b.path) // truncates
	must(t, err)
	for part := range strings.SplitAfterSeq(whole, "\n") { // each prefix from a line on is a valid table
		_, err := file.WriteString(part)
		must(t, err)
	}
	must(t, file.Close())
	eventually(t, "another table", func() bool { return b.Table().Entry("first") == nil })
	if b.Table().Entry("third") == nil {
		t.Error("half a table was taken")
	}
}

func TestWatchRefusesAnEmptyFileUntilItIsWritten(t *testing.T) {
	t.Parallel()
	b := newBed(t, one("first"))
	must(t, os.Truncate(b.path, 0))
	b.refuses("empty")
	b.runs("first")
	must(t, os.WriteFile(b.path, []byte(b.table(one("second"))[:90]), 0o600))
	b.refuses("routes")
	b.write(one("second"))
	b.runs("second")
	b.accepted()
}

func TestWatchIsNotDelayedByAnotherFileOfTheFolder(t *testing.T) {
	t.Parallel()
	const quiet = 200 * time.Millisecond
	b := newBed(t, one("first"), func(_ *bed, o *Options) { o.Quiet = quiet })
	busy, err := os.Create(filepath.Join(filepath.Dir(b.path), "access.log"))
	must(t, err)
	writing := time.NewTicker(quiet / 40)
	defer writing.Stop()
	b.write(one("second"))
	start := time.Now()
	for b.Table().Entry("second") == nil {
		<-writing.C
		if _, err := busy.WriteString("a line\n"); err != nil {
			t.Fatal(err)
		}
		if time.Since(start) > mostQuiet/2*quiet {
			t.Fatal("the table waits for the log to rest")
		}
	}
	must(t, busy.Close())
}

func TestWatchTakesNoBeginningOfAFileThatIsWrittenInPlace(t *testing.T) {
	t.Parallel()
	const quiet = 200 * time.Millisecond
	first := one("first") + "  - { name: more, match: /more, owner: o }\n  - { name: most, match: /most, owner: o }\n"
	b := newBed(t, first, func(_ *bed, o *Options) { o.Quiet = quiet })
	second := b.table(one("second"))
	rest := "  - { name: third, match: /y, owner: o }\n"
	must(t, os.WriteFile(b.path, []byte(second), 0o600))
	late := time.After(3 * quiet)
	for waiting := true; waiting; {
		select {
		case <-late:
			waiting = false
		case <-time.After(quiet / 20):
		}
		if b.Table().Entry("first") == nil {
			t.Fatal("the beginning of a table is in force")
		}
	}
	must(t, os.WriteFile(b.path, []byte(second+rest), 0o600))
	b.runs("third")
}

func TestWatchSeesKubernetesSwapALink(t *testing.T) {
	t.Parallel()
	b := newBed(t, "")
	mount := t.TempDir()
	version := func(name string) {
		folder := filepath.Join(mount, ".."+name)
		must(t, os.Mkdir(folder, 0o700))
		must(t, os.WriteFile(filepath.Join(folder, "routes.yaml"), []byte(b.table(one(name))), 0o600))
		must(t, os.Symlink(".."+name, filepath.Join(mount, "..data_tmp")))
		must(t, os.Rename(filepath.Join(mount, "..data_tmp"), filepath.Join(mount, "..data")))
	}
	version("first")
	must(t, os.Symlink(filepath.Join("..data", "routes.yaml"), filepath.Join(mount, "routes.yaml")))
	must(t, b.Watch(filepath.Join(mount, "routes.yaml")))
	b.runs("first")
	for _, name := range []string{"second", "third"} {
		version(name)
		b.runs(name)
	}
	must(t, os.RemoveAll(filepath.Join(mount, "..first")))
	version("fourth")
	b.runs("fourth")
}

func TestWatchSeesWhatALinkPointsTo(t *testing.T) {
	t.Parallel()
	b := newBed(t, "")
	shared := filepath.Join(t.TempDir(), "shared.yaml")
	must(t, os.WriteFile(shared, []byte(b.table(one("first"))), 0o600))
	must(t, os.Symlink(shared, b.path))
	must(t, b.Watch(b.path))
	must(t, os.WriteFile(shared, []byte(b.table(one("second"))), 0o600))
	b.runs("second")
}

func TestWatchKeepsTheTableOfAFileThatIsGone(t *testing.T) {
	t.Parallel()
	b := newBed(t, one("first"))
	must(t, os.Remove(b.path))
	b.refuses("gone")
	b.runs("first")
	b.write(one("first")) // the same as before
	b.accepted()
	b.write(one("second"))
	b.runs("second")
}

func TestPollSeesAFolderThatIsReplaced(t *testing.T) {
	t.Parallel()
	b := newBed(t, "", func(_ *bed, o *Options) { o.Poll = 20 * time.Millisecond })
	folder := filepath.Join(t.TempDir(), "release")
	b.path = filepath.Join(folder, "routes.yaml")
	for i := range 3 {
		name := fmt.Sprint("r", i)
		must(t, os.Mkdir(folder, 0o700))
		b.write(one(name))
		if i == 0 {
			must(t, b.Watch(b.path))
		}
		b.runs(name)
		must(t, os.Rename(folder, folder+name))
		b.refuses("gone")
	}
}

// TestARefusalIsOneRecord: however much is wrong, with the first few problems and
// where all are said.
func TestARefusalIsOneRecord(t *testing.T) {
	t.Parallel()
	b := newBed(t, one("first"))
	var many strings.Builder
	for i := range 19 {
		fmt.Fprintf(&many, "wrong%d: x\n", i)
	}
	b.write(many.String() + one("second"))
	b.refuses("wrong18")
	lines := b.logs.lines("route table refused")
	if len(lines) != 1 || !strings.Contains(lines[0], "problems=19") || !strings.Contains(lines[0], "wrong2") || strings.Contains(lines[0], "wrong3") {
		t.Errorf("%q", lines)
	}
}

func TestBadEditIsRefusedShownAndForgottenWhenFixed(t *testing.T) {
	t.Parallel()
	b := newBed(t, one("first"))
	version := b.Table().Version()
	b.write(strings.Replace(one("second"), "match:", "mach:", 1))
	b.refuses("mach")
	status := b.Status()
	equal(t, "running", status.Table.Version, version)
	problem := status.Refused.Problems[0]
	equal(t, "line", problem.Line, 5)
	equal(t, "file", problem.File, b.path)
	equal(t, "severity", problem.Severity, routes.Error)
	if !b.logs.contains("route table refused") || !b.logs.contains("mach") || !b.logs.contains("all=\"strangler routes lint ") {
		t.Error("not logged")
	}
	since := status.Refused.At
	if err := b.Reload(); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "mach") {
		t.Errorf("reload: %v", err)
	}
	equal(t, "refused since", b.Status().Refused.At, since)
	must(t, b.Watch(b.path)) // a new configuration is not stopped by it
	if b.Status().Refused == nil {
		t.Error("forgotten before it was fixed")
	}
	b.write(one("second"))
	b.runs("second")
	b.accepted()
}

func TestFirstTableMustBeGood(t *testing.T) {
	t.Parallel()
	b := newBed(t, "")
	if err := b.Watch(b.path); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "gone") {
		t.Errorf("no file: %v", err)
	}
	b.write("routes: 7\n")
	if err := b.Watch(b.path); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "routes.yaml:1:") {
		t.Errorf("bad file: %v", err)
	}
	if status := b.Status(); status.Refused != nil || status.Table != nil {
		t.Errorf("status %+v", status)
	}
	b.write(one("first"))
	must(t, b.Watch(b.path))
	other := filepath.Join(t.TempDir(), "other.yaml")
	if err := b.Watch(other); !errors.Is(err, ErrRefused) {
		t.Errorf("another file: %v", err)
	}
	b.write(one("second")) // the first file is watched still
	b.runs("second")
	must(t, os.WriteFile(other, []byte(b.table(one("third"))), 0o600))
	must(t, b.Watch(other))
	b.runs("third")
	equal(t, "path", b.Status().Table.Path, other)
}

func TestReloadReadsTheFileAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t, one("first"), func(_ *bed, o *Options) { o.Quiet = time.Hour })
	b.write(one("second"))
	must(t, b.Reload())
	b.runs("second")
}

func TestNoisyNeighboursDoNotKeepTheTableFromBeingRead(t *testing.T) {
	t.Parallel()
	b := newBed(t, one("first"))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // like a database or a log in the same folder
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				if os.WriteFile(filepath.Join(filepath.Dir(b.path), "noise"), []byte("x"), 0o600) != nil {
					return
				}
			}
		}
	}()
	b.write(one("second"))
	b.runs("second")
	close(stop)
	<-stopped
}
