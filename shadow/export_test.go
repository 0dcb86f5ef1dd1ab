package shadow

// Crowd gives the mirrors another process to give way in. Before any request.
func (m *Mirrors) Crowd(waits func() bool) { m.pace.waits = waits }

// Patience is after how many rounds a stage no longer waits.
const Patience = patience

// Turns is how many compute at once, at most.
func (m *Mirrors) Turns() int { return cap(m.pace.turns) }
