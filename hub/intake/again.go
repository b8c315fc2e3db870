package intake

import (
	"context"

	"nghe/shared/blob"
	"nghe/shared/wire"
)

// BlobLost asks a device, if it is here, for a blob that the archive lost; else
// it is asked when it greets.
func (i *Intake) BlobLost(device string, ref blob.Ref) {
	i.mu.Lock()
	s := i.live[device]
	i.mu.Unlock()
	if s != nil {
		s.post(item{frame: wire.ChunkAck{Hash: ref.Hash, State: wire.BlobWanted}})
	}
}

// askAgain asks for all that the archive lost of a device, after its welcome.
func (s *session) askAgain() {
	lost, err := s.cfg.Ledger.LostBlobs(context.Background(), s.device)
	if err != nil {
		s.log.Error("look for what the archive lost", "err", err)
		return
	}
	for _, ref := range lost {
		s.post(item{frame: wire.ChunkAck{Hash: ref.Hash, State: wire.BlobWanted}})
	}
}
