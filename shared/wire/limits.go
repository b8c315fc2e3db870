package wire

// Limits on everything a stranger may send. Each is checked before memory is
// taken for what it bounds.
const (
	MaxFrame      = 256 << 10 // bytes of one WebSocket message
	MaxRecord     = 8 << 10   // bytes of one record
	MaxBatchRaw   = 1 << 20   // bytes of a batch's records before compression
	MaxBatchCount = 20_000    // records in a batch
	MaxChunk      = 64 << 10  // bytes of a blob in one Chunk
	MaxOffers     = 64        // journals in one Hello
	MaxText       = 1 << 10   // bytes of any single text field
	MaxReadings   = 64        // readings, or conditions, in one Vitals
	maxDepth      = 6         // nested arrays
	maxElements   = 4096      // elements of one array
)
