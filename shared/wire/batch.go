package wire

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"
)

// compressor and expander keep no state between calls. The expander takes no
// more memory than the largest batch, whatever the input claims.
var (
	compressor = must(zstd.NewWriter(nil, zstd.WithEncoderConcurrency(2),
		zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderCRC(false),
		zstd.WithWindowSize(MaxBatchRaw)))
	expander = must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(2),
		zstd.WithDecoderMaxMemory(MaxBatchRaw), zstd.WithDecoderMaxWindow(MaxBatchRaw)))
)

// Pack makes a Batch of the records that follow base, and the point they end
// at. The caller signs BatchStatement(journal, end) into Signature.
func Pack(j JournalID, base Point, records [][]byte) (Batch, Point, error) {
	raw, chain := 0, base.Chain
	for _, r := range records {
		raw += len(r)
		chain = chain.Extend(r)
	}
	if len(records) == 0 || len(records) > MaxBatchCount || raw > MaxBatchRaw {
		return Batch{}, Point{}, Errorf(CodeTooLarge, "batch of %d records, %d bytes", len(records), raw)
	}
	joined := make([]byte, 0, raw)
	for _, r := range records {
		joined = append(joined, r...)
	}
	b := Batch{Journal: j, Base: base, Count: uint32(len(records)), Raw: uint32(raw),
		Body: compressor.EncodeAll(joined, nil)}
	return b, At(base.Seq+uint64(len(records)), chain), nil
}

// Records unpacks a batch: the canonical bytes of each record and the point
// each one leads to. It checks shape and limits, not the signature. A record
// that is well-formed CBOR but means nothing is returned like any other: the
// chain must hold it.
func (b Batch) Records() ([][]byte, []Point, error) {
	joined, err := expander.DecodeAll(b.Body, make([]byte, 0, b.Raw))
	if err != nil {
		return nil, nil, Errorf(CodeMalformed, "batch body: %v", err)
	}
	if len(joined) != int(b.Raw) {
		return nil, nil, Errorf(CodeMalformed, "batch body is %d bytes, said %d", len(joined), b.Raw)
	}
	records, err := split(joined, int(b.Count))
	if err != nil {
		return nil, nil, err
	}
	points, chain := make([]Point, len(records)), b.Base.Chain
	for i, r := range records {
		chain = chain.Extend(r)
		points[i] = At(b.Base.Seq+uint64(i)+1, chain)
	}
	return records, points, nil
}

// End is the point a batch claims to end at, once its records are known.
func (b Batch) End() (Point, error) {
	_, points, err := b.Records()
	if err != nil {
		return Point{}, err
	}
	return points[len(points)-1], nil
}

func split(joined []byte, count int) ([][]byte, error) {
	records := make([][]byte, 0, min(count, MaxBatchCount))
	for len(joined) > 0 {
		rest, err := skip(joined)
		if err != nil {
			return nil, Errorf(CodeMalformed, "record %d of the batch: %v", len(records)+1, err)
		}
		r := joined[: len(joined)-len(rest) : len(joined)-len(rest)]
		if len(r) > MaxRecord {
			return nil, Errorf(CodeTooLarge, "record of %d bytes, limit %d", len(r), MaxRecord)
		}
		records, joined = append(records, r), rest
	}
	if len(records) != count {
		return nil, Errorf(CodeMalformed, "batch holds %d records, said %d", len(records), count)
	}
	return records, nil
}

// skip returns what follows the first CBOR item of b.
func skip(b []byte) ([]byte, error) {
	var raw cbor.RawMessage
	rest, err := decoding.UnmarshalFirst(b, &raw)
	if err != nil {
		return nil, fmt.Errorf("not CBOR: %w", err)
	}
	return rest, nil
}
