package media

import (
	"fmt"
	"strconv"
	"strings"

	"nghe/shared/blob"
	"nghe/shared/feedback"
)

// name is all the spool remembers of a blob, so that it needs no database:
//
//	NUMBER-KIND-SIZE-HASH
//
// with NUMBER in 16 hexadecimal digits: the order of arrival, or in the folder
// of archived blobs the moment they were.
func (e Entry) name() string {
	number := e.Number
	if e.State == Archived {
		number = uint64(e.At)
	}
	return fmt.Sprintf("%016x-%d-%d-%s", number, e.Kind, e.Ref.Size, e.Ref.Hash)
}

// parseName reads what name wrote, and nothing else.
func parseName(name string, state State) (Entry, bool) {
	part := strings.Split(name, "-")
	if len(part) != 4 {
		return Entry{}, false
	}
	number, err1 := strconv.ParseUint(part[0], 16, 63)
	kind, err2 := strconv.ParseUint(part[1], 10, 8)
	size, err3 := strconv.ParseUint(part[2], 10, 63)
	hash, err4 := blob.ParseHash(part[3])
	e := Entry{Ref: blob.Ref{Hash: hash, Size: size}, Kind: feedback.AttachmentKind(kind), State: state, Number: number}
	if state == Archived {
		e.Number, e.At = 0, int64(number)
	}
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || e.name() != name {
		return Entry{}, false
	}
	return e, true
}
