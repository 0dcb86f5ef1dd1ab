package book

import (
	"maps"
	"slices"
	"strings"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/diff"
	"github.com/strangler-proxy/strangler/shadow/stats"
)

// doubt notes where a mismatch lies, if it is known whole.
func (e *era) doubt(r *shadow.Record) {
	n := &e.Noise
	if !whole(&r.Result) {
		return
	}
	names := []string{word(r.Why)}
	if r.Bucket == shadow.NotReproducible {
		names[0] = r.Bucket.String()
	}
	hopeless := false
	distinct(r.Result.Differences, byPlace, func(d *diff.Difference) {
		names = append(names, d.Place)
		hopeless = hopeless || !learnable(d.Place)
	})
	slices.Sort(names[1:])
	key := strings.Join(names, "\n")
	if _, there := n.Doubtful[key]; !there {
		if hopeless || e.doubtful+len(key) > maxDoubtful {
			return
		}
		e.doubtful += len(key)
	}
	if n.Doubtful == nil {
		n.Doubtful = map[string]uint64{}
	}
	n.Doubtful[key]++
}

// settle counts as noise what has counted as the service's until it was known: the
// buckets still add up. The caller holds mu.
func (rt *route) settle(e *era) {
	n := &e.Noise
	for key, count := range n.Doubtful {
		names := strings.Split(key, "\n")
		if slices.ContainsFunc(names[1:], func(place string) bool { return !e.known[place] }) {
			continue
		}
		delete(n.Doubtful, key)
		e.doubtful -= len(key)
		was := shadow.Different
		if names[0] == shadow.NotReproducible.String() {
			was, names[0] = shadow.NotReproducible, ""
		}
		count = min(count, e.Mismatched, e.Buckets[was], rt.totals.Mismatched)
		e.Buckets[was] -= count
		e.Buckets[shadow.Noise] += count
		e.Mismatched -= count
		rt.totals.Mismatched -= count
		if why := shadow.Different.String() + "/" + names[0]; names[0] != "" && e.Whys[why] >= count {
			if e.Whys[why] -= count; e.Whys[why] == 0 {
				delete(e.Whys, why)
			}
		}
		bump(&e.Whys, shadow.Noise.String()+"/"+wordLearned, count)
	}
	maps.DeleteFunc(n.Odd, func(key string, _ stats.Odd) bool {
		return !slices.ContainsFunc(strings.Split(key, "\n"), func(place string) bool { return !e.known[place] })
	})
}
