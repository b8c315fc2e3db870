package wire

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "append vectors that are missing; never changes one")

const (
	vectorDir = "testdata/vectors"
	manifest  = vectorDir + "/MANIFEST"
	// The manifest may grow beyond these, never differ up to them. A release
	// moves them forward; nothing ever moves them back.
	manifestHeld = 80
	manifestHash = "ad72aa33b63cb2ec8423b49a9f2a88afd34ca152e01b80d058550896bca932e6"
)

// vector is one line of a file: name, bytes, meaning, separated by tabs.
type vector struct{ file, name, digits, meaning string }

func (v vector) line() string { return v.name + "\t" + v.digits + "\t" + v.meaning }

// entry is the vector's line in the manifest.
func (v vector) entry() string {
	return fmt.Sprintf("%x\t%s\t%s", sha256.Sum256([]byte(v.line())), v.file, v.name)
}

func (v vector) bytes(t *testing.T) []byte { return unhex(t, v.digits) }

func plainExtend(c Chain, r []byte) Chain { return sha256.Sum256(append(c[:], r...)) }

// readVectors reads every committed vector, in order of file and line.
func readVectors(t *testing.T) (all []vector) {
	t.Helper()
	files, err := filepath.Glob(vectorDir + "/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		for _, line := range readLines(t, path) {
			if strings.HasPrefix(line, "#") {
				continue
			}
			part := strings.Split(line, "\t")
			if len(part) != 3 {
				t.Fatalf("%s: %q is not name, bytes, meaning", path, line)
			}
			all = append(all, vector{filepath.Base(path), part[0], part[1], part[2]})
		}
	}
	return all
}

func readLines(t *testing.T, path string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	s := bufio.NewScanner(bytes.NewReader(text))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		lines = append(lines, s.Text())
	}
	return lines
}

// TestVectorsOnlyGrow: every line once committed stays, byte for byte, and
// every sample of today's code is among them.
func TestVectorsOnlyGrow(t *testing.T) {
	if *update {
		appendMissing(t)
	}
	held, entries := readVectors(t), readLines(t, manifest)
	for _, v := range held {
		if !slices.Contains(entries, v.entry()) {
			t.Errorf("%s: vector %q was changed, or is new and not in the manifest; bytes once released keep their meaning, so undo the change, or add a new one with: go test ./shared/wire -run VectorsOnlyGrow -update", v.file, v.name)
		}
	}
	present := map[string]bool{}
	for _, v := range held {
		present[v.entry()] = true
	}
	for _, e := range entries {
		if !present[e] {
			t.Errorf("a vector of the manifest is gone from its file: %s; put it back", e)
		}
	}
	for _, want := range freshVectors(t) {
		if !slices.ContainsFunc(held, func(v vector) bool { return v.file == want.file && v.name == want.name }) {
			t.Errorf("%s: sample %q has no vector; add it with: go test ./shared/wire -run VectorsOnlyGrow -update", want.file, want.name)
		}
	}
	if len(entries) < manifestHeld {
		t.Fatalf("the manifest has %d lines of %d; put them back", len(entries), manifestHeld)
	}
	if sum := sha256.Sum256([]byte(strings.Join(entries[:manifestHeld], "\n"))); hex.EncodeToString(sum[:]) != manifestHash {
		t.Errorf("the first %d lines of the manifest hash to %x; they were changed, put them back", manifestHeld, sum)
	}
}

func appendMissing(t *testing.T) {
	held, entries := readVectors(t), readLines(t, manifest)
	for _, v := range freshVectors(t) {
		if !slices.ContainsFunc(held, func(h vector) bool { return h.file == v.file && h.name == v.name }) {
			appendLine(t, filepath.Join(vectorDir, v.file), v.line())
			held = append(held, v)
		}
	}
	for _, v := range held {
		if !slices.ContainsFunc(entries, func(e string) bool { return strings.HasSuffix(e, "\t"+v.file+"\t"+v.name) }) {
			appendLine(t, manifest, v.entry())
		}
	}
}

func appendLine(t *testing.T, path, line string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(f, line); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// freshVectors are what today's code makes of the samples.
func freshVectors(t *testing.T) (all []vector) {
	t.Helper()
	add := func(file, name string, b []byte, meaning string) {
		all = append(all, vector{file, name, hex.EncodeToString(b), meaning})
	}
	for name, r := range sampleRecords() {
		b, err := EncodeRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		add("records.txt", name, b, meaningOf(mustRecord(t, b)))
	}
	for name, f := range sampleFrames() {
		b, err := EncodeFrame(f)
		if err != nil {
			t.Fatal(err)
		}
		add("frames.txt", name, b, meaningOf(mustFrame(t, b)))
	}
	for name, digits := range hostileRecords() {
		add("refused-records.txt", name, unhex(t, digits), "must be refused")
	}
	for name, digits := range hostileFrames() {
		add("refused-frames.txt", name, unhex(t, digits), "must be refused")
	}
	for name, b := range sampleBatches(t) {
		f, err := EncodeFrame(b)
		if err != nil {
			t.Fatal(err)
		}
		add("batches.txt", name, f, batchMeaning(t, b))
	}
	for name, b := range sampleBulletins() {
		body, err := EncodeBulletin(b)
		if err != nil {
			t.Fatal(err)
		}
		add("bulletins.txt", name, body, meaningOf(b))
	}
	for name, n := range sampleNews() {
		b, err := EncodeCaseNews(n)
		if err != nil {
			t.Fatal(err)
		}
		add("case-news.txt", name, b, meaningOf(n))
	}
	all = append(all, chainVectors(t)...)
	sort.Slice(all, func(i, j int) bool { return all[i].file+all[i].name < all[j].file+all[j].name })
	return all
}

func mustRecord(t *testing.T, b []byte) Record {
	t.Helper()
	r, err := DecodeRecord(b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustFrame(t *testing.T, b []byte) Frame {
	t.Helper()
	f, err := DecodeFrame(b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// sampleBatches hold records in a known order.
func sampleBatches(t *testing.T) map[string]Batch {
	t.Helper()
	pack := func(base Point, records ...[]byte) Batch {
		b, _, err := Pack(JournalID(idOf(1)), base, records)
		if err != nil {
			t.Fatal(err)
		}
		b.Signature = seq(0, 64)
		return b
	}
	encode := func(name string) []byte {
		b, err := EncodeRecord(sampleRecords()[name])
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	genesis := At(0, JournalID(idOf(1)).Genesis())
	return map[string]Batch{
		"boot alone":        pack(genesis, encode("boot")),
		"boot and answers":  pack(genesis, encode("boot"), encode("answer with a score"), encode("answer skipped"), encode("replaces")),
		"unreadable record": pack(At(7, chainOf(1)), []byte{0xff, 0x00}, encode("self-test"), []byte{0x82, 0x17, 0x00}),
		"packed columns":    pack(At(1000, chainOf(2)), ratings(t, 60, 9, true)...),
	}
}

func batchMeaning(t *testing.T, b Batch) string {
	t.Helper()
	records, points, err := b.Records()
	if err != nil {
		t.Fatal(err)
	}
	var s strings.Builder
	for _, r := range records {
		fmt.Fprintf(&s, "%x ", r)
	}
	fmt.Fprintf(&s, "end %s", meaningOf(points[len(points)-1]))
	return s.String()
}

// chainVectors are the values of PROTOCOL.md that are hashed and signed. The
// signatures are of the Ed25519 key whose seed is the octets 0 to 31.
func chainVectors(t *testing.T) (all []vector) {
	add := func(name string, b []byte, meaning string) {
		all = append(all, vector{"chain.txt", name, hex.EncodeToString(b), meaning})
	}
	id := JournalID(idOf(1))
	chain := id.Genesis()
	add("chain 0", chain[:], "journal "+id.String())
	for n, name := range []string{"boot", "answer with a score", "answer skipped"} {
		r, err := EncodeRecord(sampleRecords()[name])
		if err != nil {
			t.Fatal(err)
		}
		chain = plainExtend(chain, r)
		add(fmt.Sprintf("chain %d", n+1), chain[:], fmt.Sprintf("after %x", r))
	}
	key := ed25519.NewKeyFromSeed(seq(0, 32))
	end := At(3, chain)
	batch := BatchStatement(id, end)
	custody := CustodyStatement(2, id, end, At(0, id.Genesis()))
	add("batch statement", batch, "journal "+id.String()+" end "+meaningOf(end))
	add("batch signature", ed25519.Sign(key, batch), "of the batch statement, seed 000102…1f")
	add("custody statement", custody, "epoch 2 journal "+id.String()+" received "+meaningOf(end)+" safe "+meaningOf(At(0, id.Genesis())))
	add("custody signature", ed25519.Sign(key, custody), "of the custody statement, seed 000102…1f")
	bulletin := BulletinStatement(2<<versionBits|7, []byte("body"))
	add("bulletin statement", bulletin, "version 536870919 body 626f6479")
	add("bulletin signature", ed25519.Sign(key, bulletin), "of the bulletin statement, seed 000102…1f")
	return all
}

// TestVectors reads every committed vector with today's code.
func TestVectors(t *testing.T) {
	fresh := chainVectors(t)
	for _, v := range readVectors(t) {
		b := v.bytes(t)
		got := ""
		switch v.file {
		case "records.txt":
			sameRecord(t, b)
			got = meaningOf(mustRecord(t, b))
		case "frames.txt":
			sameFrame(t, b)
			got = meaningOf(mustFrame(t, b))
		case "batches.txt":
			got = batchMeaning(t, mustFrame(t, b).(Batch))
		case "bulletins.txt":
			body, err := DecodeBulletin(b)
			if err != nil {
				t.Errorf("%s: %q: %v", v.file, v.name, err)
			}
			got = meaningOf(body)
		case "case-news.txt":
			news, err := DecodeCaseNews(b)
			if err != nil {
				t.Errorf("%s: %q: %v", v.file, v.name, err)
			}
			got = meaningOf(news)
		case "refused-records.txt":
			if _, err := DecodeRecord(b); err != nil {
				got = "must be refused"
			}
		case "refused-frames.txt":
			if _, err := DecodeFrame(b); err != nil {
				got = "must be refused"
			}
		case "chain.txt":
			i := slices.IndexFunc(fresh, func(f vector) bool { return f.name == v.name })
			if i < 0 || fresh[i].digits != v.digits {
				t.Errorf("%s: %q is not what the code makes today", v.file, v.name)
				continue
			}
			got = fresh[i].meaning
		default:
			t.Errorf("%s: no test reads this file", v.file)
		}
		if got != v.meaning {
			t.Errorf("%s: %q means\n  %s, said\n  %s", v.file, v.name, got, v.meaning)
		}
	}
}

// meaningOf writes a value so that a person can compare it: bytes in hex.
func meaningOf(v any) string { return meaning(reflect.ValueOf(v)) }

func meaning(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Struct:
		var fields []string
		for i := range v.NumField() {
			f := v.Type().Field(i)
			absent := f.Tag.Get("cbor") == "-" && v.Field(i).Len() == 0 // came later, behind the array
			if name := f.Name; name != "_" && !absent {
				fields = append(fields, name+":"+meaning(v.Field(i)))
			}
		}
		return v.Type().Name() + "{" + strings.Join(fields, " ") + "}"
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return hexOf(v)
		}
		var items []string
		for i := range v.Len() {
			items = append(items, meaning(v.Index(i)))
		}
		return "[" + strings.Join(items, " ") + "]"
	case reflect.String:
		return strconv.Quote(v.String())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10)
	case reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	}
	return "?"
}

// hexOf ignores that some arrays know how to write themselves.
func hexOf(v reflect.Value) string {
	b := make([]byte, v.Len())
	for i := range b {
		b[i] = byte(v.Index(i).Uint())
	}
	return hex.EncodeToString(b)
}
