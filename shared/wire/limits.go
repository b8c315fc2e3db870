package wire

// Limits on everything a stranger may send. Each is checked before memory is
// taken for what it bounds, by the writer as well as by the reader: nothing is
// sent that the other side would refuse.
const (
	MaxFrame       = 256 << 10 // bytes of one WebSocket message
	MaxRecord      = 8 << 10   // bytes of one record
	MaxBatchRaw    = 1 << 20   // bytes of a batch's records before packing
	MaxBatchCount  = 20_000    // records in a batch
	MaxChunk       = 64 << 10  // bytes of a blob in one Chunk
	MaxBlob        = 16 << 20  // bytes of a blob; a hub refuses a larger one without ending the session
	MaxOffers      = 64        // journals in one Hello
	MaxText        = 1 << 10   // bytes of any single text, or of a checkpoint
	MaxName        = 128       // bytes of an id or name: several fit one index entry of any database
	MaxReadings    = 64        // readings, or conditions, in one Vitals
	MaxProof       = 64        // hashes in one consistency proof
	MaxChoices     = 32        // options chosen in one answer
	MaxAttachments = 16        // blobs, or consents, of one answer
	MaxRules       = 16        // rules that one flag names
	MaxReceipt     = 64        // bytes of a receipt's tag
	MaxSignature   = 128       // bytes; Ed25519 takes 64, P-256 at most 72
	MaxBulletin    = 1 << 20   // bytes of a bulletin before packing
	MaxListed      = 16 << 10  // entries of any list of a bulletin
	MaxCaseBox     = 4 << 10   // bytes of a case box
	MaxClipPart    = 16 << 10  // bytes of a piece of a recording: four seconds of the slowest line
	MaxNote        = 2000      // bytes of a note in a case box
	MaxRecipient   = 4 << 10   // bytes of an age recipient; a post-quantum one takes 1,959
	MaxNumber      = 1 << 60   // magnitude of a count or time: sums of a few stay in 64 signed bits
	maxDepth       = 6         // nested arrays
	maxElements    = 64        // elements of one array
)
