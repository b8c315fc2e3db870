package wire

// Pack makes a Batch of the records that follow base, and the point they end
// at. The caller signs BatchStatement(journal, end) into Signature. A record is
// any 1 to MaxRecord bytes: a spoilt one must not keep the others from
// travelling. Incompressible records may make a Body that does not fit a frame;
// the caller then packs fewer.
func Pack(j JournalID, base Point, records [][]byte) (Batch, Point, error) {
	raw, chain := 0, base.Chain
	for i, r := range records {
		if len(r) == 0 || len(r) > MaxRecord {
			return Batch{}, Point{}, Errorf(CodeTooLarge, "record %d of the batch has %d bytes, limit %d", i+1, len(r), MaxRecord)
		}
		raw += len(r)
		chain = chain.Extend(r)
	}
	if len(records) == 0 || len(records) > MaxBatchCount || raw > MaxBatchRaw {
		return Batch{}, Point{}, Errorf(CodeTooLarge, "batch of %d records, %d bytes", len(records), raw)
	}
	b := Batch{Journal: j, Base: base, Count: uint32(len(records)), Raw: uint32(raw), Body: layOut(records)}
	return b, At(base.Seq+uint64(len(records)), chain), nil
}

// Records unpacks a batch: the exact bytes of each record and the point each
// one leads to. It checks shape and limits, not the signature, and not what a
// record means: the chain must hold it either way.
func (b Batch) Records() ([][]byte, []Point, error) {
	if err := checkFrame(b); err != nil {
		return nil, nil, err
	}
	records, err := restore(b.Body, int(b.Count), int(b.Raw))
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
