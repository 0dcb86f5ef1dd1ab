package token

import (
	"crypto"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

const crypto256 = crypto.SHA256

var epoch = time.Date(2026, 5, 4, 9, 30, 0, 0, time.UTC)

// lab is a set with its policy and clock; every failure ends the test.
type lab struct {
	t      *testing.T
	policy Policy
	set    Set
	now    time.Time
}

func newLab(t *testing.T, policy Policy, cautious bool) *lab {
	t.Helper()
	policy, err := policy.check()
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, policy: policy, now: epoch}
	if l.set, err = policy.first(epoch, cautious, NewKey); err != nil {
		t.Fatal(err)
	}
	l.at(0)
	return l
}

// at lets the clock be that long after epoch.
func (l *lab) at(after time.Duration) {
	l.t.Helper()
	l.now = epoch.Add(after)
	var err error
	if l.set, err = l.policy.next(l.set, l.now, NewKey); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) phases() string {
	text := ""
	for _, k := range l.set.Keys {
		text += string(k.Phase(l.now)) + " "
	}
	return text
}

func (l *lab) want(phases string) {
	l.t.Helper()
	if got := l.phases(); got != phases {
		l.t.Errorf("at %v: %s; want %s", l.now.Sub(epoch), got, phases)
	}
}

func (l *lab) rotate() {
	l.t.Helper()
	var err error
	if l.set, err = l.set.Rotate(l.now); err != nil {
		l.t.Fatal(err)
	}
	l.at(l.now.Sub(epoch))
}

func (l *lab) revoke(i int) {
	l.t.Helper()
	var err error
	if l.set, err = l.set.Revoke(l.set.Keys[i].ID(), l.now); err != nil {
		l.t.Fatal(err)
	}
	l.at(l.now.Sub(epoch))
}

const day = 24 * time.Hour

func TestKeysLiveThroughTheirPhases(t *testing.T) {
	t.Parallel()
	l := newLab(t, Policy{Every: day}, false)
	for _, step := range []struct {
		after time.Duration
		want  string
	}{
		{0, "signing published "},
		{day - time.Second, "signing published "},
		{day, "retired signing published "},
		{day + Keep - time.Second, "retired signing published "},
		{day + Keep, "signing published "},
		{2 * day, "retired signing published "},
	} {
		l.at(step.after)
		l.want(step.want)
	}
}

func TestFirstKeyOfAStoreThatWasLostWaits(t *testing.T) {
	t.Parallel()
	l := newLab(t, Policy{}, true)
	l.want("published ")
	l.at(Lead)
	l.want("signing published ")
}

func TestPrivateHalfOfARetiredKeyIsDropped(t *testing.T) {
	t.Parallel()
	l := newLab(t, Policy{Every: day}, false)
	l.at(day + lateness - time.Second)
	if !l.set.Keys[0].signs() {
		t.Error("dropped while a node may still sign with it")
	}
	l.at(day + lateness)
	if l.set.Keys[0].signs() || !l.set.Keys[1].signs() {
		t.Error("kept")
	}
	l.want("retired signing published ")
}

func TestRotateWaitsForVerifiers(t *testing.T) {
	t.Parallel()
	l := newLab(t, Policy{}, false)
	l.at(Lead - time.Second)
	if _, err := l.set.Rotate(l.now); !errors.Is(err, ErrNotReady) {
		t.Error(err)
	}
	l.at(Lead)
	l.rotate()
	l.want("retired signing published ")
	if _, err := l.set.Rotate(l.now); !errors.Is(err, ErrNotReady) {
		t.Error(err)
	}
	l.at(2 * Lead)
	l.rotate()
	l.want(string(Retired) + " retired signing ") // a fourth waits
	if _, err := l.set.Rotate(l.now); !errors.Is(err, ErrNotReady) {
		t.Error(err)
	}
	l.at(Lead + Keep)
	l.want("retired signing published ")
}

func TestRevokedKeyIsFollowedByTheNext(t *testing.T) {
	t.Parallel()
	l := newLab(t, Policy{}, false)
	l.at(day)
	next := l.set.Keys[1].Key
	l.revoke(0)
	l.want("signing published ")
	if l.set.Signing(l.now) != next {
		t.Error("another key signs")
	}
}

func TestRevokedKeyIsNotFollowedByOneThatVerifiersDoNotKnow(t *testing.T) {
	t.Parallel()
	l := newLab(t, Policy{}, false)
	l.at(time.Minute)
	l.revoke(0)
	l.want("published ")
	l.at(Lead - time.Second)
	if l.set.Signing(l.now) != nil {
		t.Error("it signs already")
	}
	l.at(Lead)
	l.want("signing published ")
	l.revoke(1)
	l.revoke(0)
	l.want("published ")
	l.at(2*Lead - time.Second)
	l.want("published ")
	l.at(2 * Lead)
	l.want("signing published ")
}

func TestNextAndRetiredKeysCanBeRevoked(t *testing.T) {
	t.Parallel()
	l := newLab(t, Policy{Every: day}, false)
	signing := l.set.Keys[0].Key
	l.at(day - time.Minute)
	l.revoke(1)
	l.at(day)
	l.want("signing published ")
	if l.set.Signing(l.now) != signing {
		t.Error("another key signs")
	}
	l.at(day - time.Minute + Lead)
	l.want("retired signing published ")
	l.revoke(0)
	l.want("signing published ")
	if _, err := l.set.Revoke("unknown", l.now); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
}

func TestAnotherAlgorithmComesByRotation(t *testing.T) {
	t.Parallel()
	l := newLab(t, Policy{}, false)
	l.at(day)
	l.policy.Algorithm = EdDSA
	l.at(day)
	l.want("signing published ")
	l.at(day + Lead)
	l.want("retired signing published ")
	if got := l.set.Signing(l.now).Algorithm(); got != EdDSA {
		t.Error(got)
	}
}

func TestAnotherPeriodMovesTheNextKey(t *testing.T) {
	t.Parallel()
	l := newLab(t, Policy{Every: 10 * day}, false)
	l.at(5 * day)
	l.policy.Every = 6 * day
	l.at(5 * day)
	l.at(6 * day)
	l.want("retired signing published ")
}

func TestPolicyIsChecked(t *testing.T) {
	t.Parallel()
	for _, policy := range []Policy{{Algorithm: "HS256"}, {Every: time.Hour}, {Every: -time.Hour}} {
		if _, err := policy.check(); err == nil {
			t.Errorf("%+v is taken", policy)
		}
	}
}

// Whatever operators do, in whatever order and how often.
func TestSetKeepsItsPromises(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 0))
			l := newLab(t, Policy{Algorithm: EdDSA, Every: MinEvery}, seed%2 == 0)
			first := l.set.Keys[0].ID()
			after, retired := time.Duration(0), map[string]time.Time{}
			for range 2000 {
				after += time.Duration(random.Int64N(int64(time.Hour)))
				before := l.set
				l.at(after)
				revoked := ""
				switch dice := random.IntN(20); {
				case dice == 0 && len(l.set.Keys) > 0:
					i := random.IntN(len(l.set.Keys))
					revoked = l.set.Keys[i].ID()
					l.revoke(i)
				case dice < 4:
					if set, err := l.set.Rotate(l.now); err == nil {
						l.set = set
						l.at(after)
					}
				}
				l.check(first, retired)
				for _, k := range before.Keys {
					if k.ID() != revoked && l.set.find(k.ID()) == nil && l.now.Before(retired[k.ID()].Add(Keep)) {
						t.Fatalf("%s vanished in phase %s", k, k.Phase(l.now))
					}
				}
			}
		})
	}
}

// check checks what must always be so, and notes when keys signed last.
func (l *lab) check(first string, signed map[string]time.Time) {
	l.t.Helper()
	if len(l.set.Keys) > maxPublic {
		l.t.Fatal("too many keys:", l.phases())
	}
	signing := 0
	for _, k := range l.set.Keys {
		if k.Phase(l.now) != Signing {
			continue
		}
		signing++
		signed[k.ID()] = l.now
		if k.ID() != first && l.now.Before(k.Published.Add(Lead)) {
			l.t.Fatalf("%s signs after %v", k, l.now.Sub(k.Published))
		}
		if !k.signs() {
			l.t.Fatalf("%s should sign and has no private half", k)
		}
	}
	if signing > 1 {
		l.t.Fatal("several sign:", l.phases())
	}
}

func (s Set) find(id string) *Key {
	for _, k := range s.Keys {
		if k.ID() == id {
			return k.Key
		}
	}
	return nil
}
