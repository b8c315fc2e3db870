package wire

// Branch is where a kiosk's own journal stands. All the records it still holds
// are one chain, Floor.Seq+1 … Head.Seq.
type Branch struct {
	Journal    JournalID
	Base       Point  // parent point: (0, Genesis), or the floor at the fork
	Floor      Point  // last pruned record; nothing at or below it is held
	Head       Point  // last record
	Received   Point  // the hub has committed up to here
	Safe       Point  // and holds up to here off its own disk
	Epoch      uint64 // highest restore epoch of the hub seen
	FloorEpoch uint64 // restore epoch under which the floor last rose
}

// Mark moves a branch's watermarks.
type Mark struct {
	Journal  JournalID
	Epoch    uint64
	Received Point
	Safe     Point
}
