package routes

import (
	"encoding/json"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func decide(e *Entry, s State, key string) Decision {
	return Decide(Facts{Match: Match{Entry: e}, State: s, Key: key}, noon)
}

func TestDecide(t *testing.T) {
	t.Parallel()
	quarter, nothing, whole := PPM(250_000), PPM(0), One
	table := compile(t,
		&Route{Name: "faq", Match: "/faq", Service: "faq"},
		&Route{Name: "plain", Match: "/plain"},
		&Route{Name: "declared", Match: "/declared", Service: "faq", Percent: &quarter},
		&Route{Name: "off", Match: "/off", Service: "faq", Percent: &nothing},
		&Route{Name: "full", Match: "/full", Service: "faq", Percent: &whole},
		&Route{Name: "flagged", Match: "/flagged", Service: "faq", Flag: "faq"},
	)
	const salt, low, high = "s", "h", "b" // one of the keys is below a quarter
	if Bucket(salt, low) >= quarter || Bucket(salt, high) < quarter {
		t.Fatalf("the keys do not suit the salt: %d, %d", Bucket(salt, low), Bucket(salt, high))
	}
	at := func(share PPM) State { return State{Known: true, Share: share, Salt: salt} }
	with := func(s State, change func(*State)) State { change(&s); return s }
	for _, test := range []struct {
		name   string
		route  string
		reason Reason // of the match, without a route
		state  State
		key    string
		want   Decision
		flag   FlagValue
		asks   bool // a key is needed
	}{
		{name: "no route", reason: ReasonNoRoute, want: Decision{Reason: ReasonNoRoute}},
		{name: "ambiguous path", reason: ReasonAmbiguousPath, state: at(One), key: low, want: Decision{Reason: ReasonAmbiguousPath}},
		{name: "ambiguous condition", reason: ReasonAmbiguousCondition, want: Decision{Reason: ReasonAmbiguousCondition}},
		{name: "a flag that nobody knows", route: "flagged", state: at(One), key: low, want: Decision{Reason: ReasonFlagUnavailable}, asks: true},
		{name: "a flag that is off", route: "flagged", state: at(One), key: low, flag: FlagOff, want: Decision{Reason: ReasonFlag}, asks: true},
		{name: "a flag that is on", route: "flagged", state: at(0), flag: FlagOn, want: Decision{Arm: Service, Reason: ReasonFlag}, asks: true},
		{name: "a flag that is on, held", route: "flagged", state: State{Known: true, Hold: true}, flag: FlagOn, want: Decision{Reason: ReasonHold}},
		{name: "zero match", want: Decision{Reason: ReasonNoRoute}},
		{name: "brake without route", reason: ReasonNoRoute, state: State{Brake: true}, want: Decision{Reason: ReasonBrake}},
		{
			name: "brake over hold", route: "full", key: low,
			state: with(at(One), func(s *State) { s.Brake, s.Hold = true, true }), want: Decision{Reason: ReasonBrake},
		},
		{name: "brake over unknown state", route: "faq", state: State{Brake: true}, want: Decision{Reason: ReasonBrake}},
		{
			name: "hold over declared", route: "full", key: low,
			state: with(at(One), func(s *State) { s.Hold = true }), want: Decision{Reason: ReasonHold},
		},
		{
			name: "hold over no service", route: "plain",
			state: with(at(One), func(s *State) { s.Hold = true }), want: Decision{Reason: ReasonHold},
		},
		{
			name: "hold until later", route: "faq", key: low,
			state: with(at(One), func(s *State) { s.Hold, s.HoldUntil = true, noon.Add(1) }), want: Decision{Reason: ReasonHold},
		},
		{
			name: "hold has ended", route: "faq", key: low,
			state: with(at(One), func(s *State) { s.Hold, s.HoldUntil = true, noon }), want: Decision{Arm: Service, Reason: ReasonFull, Share: One},
		},
		{name: "no service", route: "plain", state: at(One), key: low, want: Decision{Reason: ReasonNoService}},
		{name: "no service over unknown state", route: "plain", want: Decision{Reason: ReasonNoService}},
		{name: "unknown state", route: "faq", state: State{Share: One, Salt: salt}, key: low, want: Decision{Reason: ReasonNoState}},
		{name: "unknown state over declared", route: "full", key: low, want: Decision{Reason: ReasonNoState}},
		{name: "off", route: "faq", state: at(0), key: low, want: Decision{Reason: ReasonOff}},
		{name: "declared off over state", route: "off", state: at(One), key: low, want: Decision{Reason: ReasonOff}},
		{name: "full without key", route: "faq", state: at(One), want: Decision{Arm: Service, Reason: ReasonFull, Share: One}},
		{name: "full without salt", route: "faq", state: State{Known: true, Share: One}, want: Decision{Arm: Service, Reason: ReasonFull, Share: One}},
		{name: "more than full", route: "faq", state: at(One + 1), want: Decision{Arm: Service, Reason: ReasonFull, Share: One}},
		{name: "declared full over state", route: "full", state: at(0), want: Decision{Arm: Service, Reason: ReasonFull, Share: One}},
		{name: "no salt", route: "faq", state: State{Known: true, Share: 1}, key: low, want: Decision{Reason: ReasonNoState, Share: 1}},
		{name: "no key", route: "faq", state: at(One - 1), want: Decision{Reason: ReasonNoKey, Share: One - 1}, asks: true},
		{
			name: "split below", route: "faq", state: at(quarter), key: low, asks: true,
			want: Decision{Arm: Service, Reason: ReasonSplit, Share: quarter, Bucket: Bucket(salt, low)},
		},
		{
			name: "split above", route: "faq", state: at(quarter), key: high, asks: true,
			want: Decision{Reason: ReasonSplit, Share: quarter, Bucket: Bucket(salt, high)},
		},
		{
			name: "split at the bucket", route: "faq", state: at(Bucket(salt, high)), key: high, asks: true,
			want: Decision{Reason: ReasonSplit, Share: Bucket(salt, high), Bucket: Bucket(salt, high)},
		},
		{
			name: "split just above the bucket", route: "faq", state: at(Bucket(salt, high) + 1), key: high, asks: true,
			want: Decision{Arm: Service, Reason: ReasonSplit, Share: Bucket(salt, high) + 1, Bucket: Bucket(salt, high)},
		},
		{
			name: "declared split over state", route: "declared", state: at(One), key: high, asks: true,
			want: Decision{Reason: ReasonSplit, Share: quarter, Bucket: Bucket(salt, high)},
		},
	} {
		e := table.Entry(test.route)
		want := test.want
		want.Route = test.route
		if want.Reason != ReasonSplit {
			want.Bucket = NoBucket
		}
		if got := Decide(Facts{Match: Match{Entry: e, Reason: test.reason}, State: test.state, Key: test.key, Flag: test.flag}, noon); got != want {
			t.Errorf("%s: %+v, want %+v", test.name, got, want)
		}
		if got := NeedsKey(e, test.state, noon); got != test.asks {
			t.Errorf("%s: needs a key %v, want %v", test.name, got, test.asks)
		}
	}
}

func TestDecisionAsJSON(t *testing.T) {
	t.Parallel()
	for text, d := range map[string]Decision{
		`{"route":"faq","arm":"service","reason":"split","share_ppm":250000,"bucket":0}`: {Route: "faq", Arm: Service, Reason: ReasonSplit, Share: 250_000},
		`{"route":"","arm":"monolith","reason":"no_route","share_ppm":0}`:                {Reason: ReasonNoRoute, Bucket: NoBucket},
	} {
		data, err := json.Marshal(d)
		if err != nil || string(data) != text {
			t.Errorf("%s, %v, want %s", data, err, text)
		}
		var back Decision
		if err := json.Unmarshal(data, &back); err != nil || back != d {
			t.Errorf("%+v, %v, want %+v", back, err, d)
		}
	}
	for _, text := range []string{`{"arm":"both"}`, `{"bucket":"x"}`, `[]`} {
		if err := json.Unmarshal([]byte(text), &Decision{}); err == nil {
			t.Errorf("%s passes", text)
		}
	}
}
