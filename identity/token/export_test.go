package token

// RaceEnabled says that the race detector is on, which makes all that is
// computed many times slower.
const RaceEnabled = raceEnabled
