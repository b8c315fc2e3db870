package media

import (
	"cmp"

	"nghe/shared/feedback"
)

// Level says what is still taken. Each step down takes less than the one
// before.
type Level int

const (
	OK      Level = iota
	NoVoice       // no new voice
	NoPhoto       // and no new photo
	NoWords       // and no new words: ratings only
)

func (l Level) String() string {
	switch l {
	case OK:
		return "ok"
	case NoVoice:
		return "no-voice"
	case NoPhoto:
		return "no-photo"
	}
	return "no-words"
}

// Takes says whether a blob of that kind is still taken.
func (l Level) Takes(kind feedback.AttachmentKind) bool {
	switch kind {
	case feedback.AttachedVoice:
		return l < NoVoice
	case feedback.AttachedPhoto:
		return l < NoPhoto
	}
	return l < NoWords
}

// Steps are bytes of room below which the next thing is given up, the earlier
// the larger it is. A step is taken back when there is a quarter more.
type Steps struct {
	Early   int64 // below it, what is safe elsewhere goes before its time; 512 MiB
	NoVoice int64 // 256 MiB
	NoPhoto int64 // 128 MiB
	NoWords int64 // 32 MiB
}

func (s Steps) filled() Steps {
	return Steps{cmp.Or(s.Early, 512<<20), cmp.Or(s.NoVoice, 256<<20), cmp.Or(s.NoPhoto, 128<<20), cmp.Or(s.NoWords, 32<<20)}
}

// Room is how many bytes blobs may still take: what the quota leaves, and what
// the disk leaves beyond the reserve. It is negative when they have too many.
func (s *Spool) Room() (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room()
}

func (s *Spool) room() (int64, error) {
	free, err := s.cfg.Free(s.cfg.Dir)
	if err != nil {
		return 0, err
	}
	room := free - s.cfg.Reserve()
	if s.cfg.Quota > 0 {
		room = min(room, s.cfg.Quota-s.bytes)
	}
	return room, nil
}

// Tight says whether what is safe elsewhere should go before its time.
func (s *Spool) Tight() bool {
	room, err := s.Room()
	return err == nil && room < s.cfg.Steps.Early
}

// Level is what is taken now. A disk that cannot be examined takes ratings
// only.
func (s *Spool) Level() Level {
	s.mu.Lock()
	defer s.mu.Unlock()
	room, err := s.room()
	if err != nil {
		return NoWords
	}
	s.level = s.cfg.Steps.level(room, s.level)
	return s.level
}

// level goes down at once and up with a quarter to spare, so that it does not
// flap.
func (s Steps) level(room int64, was Level) Level {
	down := s.below(room)
	if down >= was {
		return down
	}
	return min(was, s.below(room-room/5))
}

func (s Steps) below(room int64) Level {
	switch {
	case room < s.NoWords:
		return NoWords
	case room < s.NoPhoto:
		return NoPhoto
	case room < s.NoVoice:
		return NoVoice
	}
	return OK
}
