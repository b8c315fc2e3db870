package outbox

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"nghe/shared/feedback"
	"nghe/shared/sqlite/powercut"
	"nghe/shared/wire"
)

// said is a message of n blobs to a reader; its content is its name.
func said(name string, reader feedback.Reader, n int) Message {
	m := Message{Questionnaire: "message", Version: 1, Question: "message", Language: "vi", Choices: []string{"phan-anh", "sanitation"},
		Content: sha256.Sum256([]byte(name)), Consents: []Consent{{"photo", [32]byte{1}}}}
	m.Receipt = [16]byte(m.Content[16:])
	for i := range n {
		m.Attachments = append(m.Attachments, feedback.Attachment{Kind: feedback.AttachmentKind(i + 1), Reader: reader,
			Hash: sha256.Sum256(fmt.Append(nil, name, i)), Size: uint64(100 + i)})
	}
	return m
}

func mustSay(t testing.TB, o *Outbox, request string, m Message) MessageReceipt {
	t.Helper()
	r, err := o.PutMessage(request, m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func naming(t testing.TB, o *Outbox, h [32]byte) (named, recorded bool) {
	t.Helper()
	named, err1 := o.Names(h)
	recorded, err2 := o.Recorded(h)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return named, recorded
}

func TestMessageIsOneRecordThatNamesItsBlobs(t *testing.T) {
	c := newClock()
	o := mustOpen(t, config(t.TempDir(), c))
	c.pass(7 * time.Second)
	m := said("first", feedback.ReaderCases, 3)
	r := mustSay(t, o, "r-1", m)
	all := records(t, o, 0)
	a, ok := all[len(all)-1].(wire.Answer)
	if !ok || r.Held || r.Again || r.Seq != 2 || pointAt(t, o, 2).Chain.ID() != r.ID {
		t.Fatalf("receipt %+v, record %+v", r, all[len(all)-1])
	}
	if a.Uptime != 7_000_000 || a.Day != 0 || a.Questionnaire != "message" || !slices.Equal(a.Choices, m.Choices) || !bytes.Equal(a.Receipt, m.Receipt[:]) || len(a.Consents) != 1 || a.Consents[0].Purpose != "photo" {
		t.Errorf("record %+v", a)
	}
	for i, at := range a.Attachments {
		if at.Hash != m.Attachments[i].Hash || at.Size != m.Attachments[i].Size || at.Reader != feedback.ReaderCases || at.Kind != m.Attachments[i].Kind {
			t.Errorf("attachment %+v, want %+v", at, m.Attachments[i])
		}
		if named, recorded := naming(t, o, at.Hash); !named || !recorded {
			t.Errorf("blob %x: named %v, recorded %v", at.Hash[:4], named, recorded)
		}
	}
	if len(a.Attachments) != 3 {
		t.Errorf("%d attachments", len(a.Attachments))
	}
	if named, _ := naming(t, o, [32]byte{9}); named {
		t.Error("names a blob of nobody")
	}
	select {
	case <-o.Wake():
	default:
		t.Error("nobody was woken")
	}
}

func TestMessageRepeated(t *testing.T) {
	o := mustOpen(t, config(t.TempDir(), newClock()))
	for _, reader := range []feedback.Reader{feedback.ReaderCases, feedback.ReaderNamed} {
		request := fmt.Sprint("r-", reader)
		first := mustSay(t, o, request, said(request, reader, 1))
		again := said(request, reader, 1)
		again.Attachments[0].Hash = [32]byte{byte(reader)} // sealed anew, so other bytes
		r := mustSay(t, o, request, again)
		if !r.Again || r.Held != first.Held || r.ID != first.ID || r.Seq != first.Seq {
			t.Errorf("repeated: %+v, first %+v", r, first)
		}
		if named, _ := naming(t, o, again.Attachments[0].Hash); named {
			t.Error("the second sealing is named though nothing was stored")
		}
		if r, known, err := o.Message(request, again.Content); err != nil || !known || r.Held != first.Held || r.ID != first.ID {
			t.Errorf("Message = %+v, %v, %v", r, known, err)
		}
		if _, err := o.PutMessage(request, said("other", reader, 1)); !errors.Is(err, ErrConflict) {
			t.Errorf("other content: %v", err)
		}
		if _, _, err := o.Message(request, [32]byte{}); !errors.Is(err, ErrConflict) {
			t.Errorf("Message of other content: %v", err)
		}
		if _, err := o.Put(request, rating(3), ""); !errors.Is(err, ErrConflict) {
			t.Errorf("a rating under the request of a message: %v", err)
		}
	}
	mustPut(t, o, "rating")
	if _, err := o.PutMessage("rating", said("x", feedback.ReaderNamed, 1)); !errors.Is(err, ErrConflict) {
		t.Errorf("a message under the request of a rating: %v", err)
	}
	if _, known, err := o.Message("new", [32]byte{}); known || err != nil {
		t.Errorf("a new request: %v, %v", known, err)
	}
}

func TestMessageRefused(t *testing.T) {
	o := mustOpen(t, config(t.TempDir(), newClock()))
	before := headOf(t, o)
	good := said("good", feedback.ReaderCases, 2)
	for name, change := range map[string]func(*Message){
		"no blob":      func(m *Message) { m.Attachments = nil },
		"two readers":  func(m *Message) { m.Attachments[1].Reader = feedback.ReaderNamed },
		"reader 0":     func(m *Message) { m.Attachments[0].Reader, m.Attachments[1].Reader = 0, 0 },
		"version":      func(m *Message) { m.Version = -1 },
		"one blob two": func(m *Message) { m.Attachments[1].Hash = m.Attachments[0].Hash },
		"many choices": func(m *Message) { m.Choices = make([]string, 100) },
	} {
		m := good
		m.Attachments = slices.Clone(good.Attachments)
		change(&m)
		if r, err := o.PutMessage("r", m); err == nil {
			t.Errorf("%s: kept as %+v", name, r)
		}
	}
	if _, err := o.PutMessage("", good); err == nil {
		t.Error("kept without a request")
	}
	if all, err := o.Blobs(); headOf(t, o) != before || len(all) != 0 || err != nil {
		t.Errorf("a refused message left something: %d blobs, %v", len(all), err)
	}
}

// A message to named officers tells nothing of its time but the day, and no
// order: not before its release, not after.
func TestHeldMessageEntersLater(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	o := mustOpen(t, config(dir, c))
	c.pass(time.Hour)
	before := headOf(t, o)
	m := said("secret", feedback.ReaderNamed, 2)
	if r := mustSay(t, o, "r", m); !r.Held || r.Seq != 0 || r.ID != (wire.RecordID{}) {
		t.Errorf("receipt %+v", r)
	}
	if headOf(t, o) != before {
		t.Error("the journal moved")
	}
	if named, recorded := naming(t, o, m.Attachments[0].Hash); !named || recorded {
		t.Errorf("its blob: named %v, recorded %v", named, recorded)
	}
	minutes := 0
	for ; headOf(t, o) == before; minutes++ {
		if minutes > 47*60 { // 22 of them are the rest of its day
			t.Fatal("still held a day after its own")
		}
		c.pass(time.Minute)
		if _, err := o.Release(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("entered after %d minutes", minutes)
	all := records(t, o, before.Seq)
	a := all[0].(wire.Answer)
	if a.Uptime != 0 || a.Day == 0 || time.Unix(int64(a.Day)*86400, 0).UTC().Format(time.DateOnly) != "2026-11-23" {
		t.Errorf("uptime %d, day %d", a.Uptime, a.Day)
	}
	if _, recorded := naming(t, o, m.Attachments[1].Hash); !recorded {
		t.Error("its blob may not be sent")
	}
	if held, err := o.Held(); held != 0 || err != nil {
		t.Errorf("%d held, %v", held, err)
	}
	if r := mustSay(t, o, "r", m); !r.Again || !r.Held || headOf(t, o) != wire.At(before.Seq+1, headOf(t, o).Chain) {
		t.Errorf("repeated after its release: %+v", r)
	}
	c.pass(72 * time.Hour)
	if _, err := o.Prune(0); err != nil {
		t.Fatal(err)
	}
	if _, known, err := o.Message("r", m.Content); known || err != nil {
		t.Errorf("three days later its request is still known: %v", err)
	}
}

// The moments are spread over the whole day, whatever the wall clock does and
// however often the kiosk restarts.
func TestMomentsOfRelease(t *testing.T) {
	c := newClock()
	cfg := config(t.TempDir(), c)
	cfg.Rand = newChance(7)
	o := mustOpen(t, cfg)
	c.pass(300 * time.Hour) // before anything was held: must not count
	const n = 48
	for i := range n {
		mustSay(t, o, fmt.Sprint(i), said(fmt.Sprint(i), feedback.ReaderNamed, 1))
	}
	perQuarter := [4]int{}
	for range 11*4 - 1 { // the rest of the day they came
		c.pass(15 * time.Minute)
		if released, err := o.Release(); released != 0 || err != nil {
			t.Fatalf("%d released on the day they came, %v", released, err)
		}
	}
	c.pass(15 * time.Minute)
	for minute := 0; minute < 24*60; minute += 5 {
		c.pass(5 * time.Minute)
		switch minute % 100 {
		case 10:
			c.set(c.now().AddDate(-30, 0, 0))
		case 20:
			c.set(c.now().AddDate(30, 0, 0))
		}
		if minute%600 == 350 {
			if err := o.Close(); err != nil {
				t.Fatal(err)
			}
			o = mustOpen(t, cfg)
		}
		released, err := o.Release()
		if err != nil {
			t.Fatal(err)
		}
		perQuarter[minute/360] += released
	}
	if held, _ := o.Held(); held > 3 { // a restart forgets the minutes since the last count
		t.Errorf("%d still held after a day", held)
	}
	for _, released := range perQuarter {
		if released < n/12 || released > n/2 {
			t.Errorf("released in the quarters of a day: %v of %d", perQuarter, n)
			break
		}
	}
	if err := o.Verify(); err != nil {
		t.Error(err)
	}
}

func TestDamagedHeldMessageStopsNoOther(t *testing.T) {
	c := newClock()
	o := mustOpen(t, config(t.TempDir(), c))
	for _, name := range []string{"a", "b", "c"} {
		mustSay(t, o, name, said(name, feedback.ReaderNamed, 1))
	}
	pragmaOn(t, o.held.db, "UPDATE held SET bytes = zeroblob(length(bytes)) WHERE request = 'a'", "UPDATE held SET sum = zeroblob(32) WHERE request = 'b'")
	c.pass(49 * time.Hour)
	before := headOf(t, o)
	if n, err := o.Release(); err != nil || headOf(t, o).Seq != before.Seq+1 {
		t.Errorf("released %d, %v; head %v", n, err, headOf(t, o))
	}
	if held, _ := o.Held(); held != 0 {
		t.Errorf("%d still wait", held)
	}
}

func TestEraseLeavesTheChainWhole(t *testing.T) {
	o := mustOpen(t, config(t.TempDir(), newClock()))
	one, two, held := said("one", feedback.ReaderCases, 3), said("two", feedback.ReaderCases, 2), said("held", feedback.ReaderNamed, 1)
	for _, m := range []Message{one, two, held} {
		mustSay(t, o, fmt.Sprintf("%x", m.Content[:4]), m)
	}
	var removed [][32]byte
	remove := func(h [32]byte) error { removed = append(removed, h); return nil }
	order := Erasure{Receipts: [][16]byte{one.Receipt, held.Receipt}, Blobs: [][32]byte{two.Attachments[1].Hash, {77}}}
	raw, err := o.Read(0, 100, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("disk fails")
	if _, err := o.Erase(order, func([32]byte) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("Erase = %v", err)
	}
	if all, _ := o.Blobs(); len(all) != 6 {
		t.Errorf("%d blobs named after a failure, want all 6", len(all))
	}
	if n, err := o.Erase(order, remove); n != 5 || err != nil || len(removed) != 6 {
		t.Errorf("Erase = %d, %v; removed %d", n, err, len(removed))
	}
	if all, err := o.Blobs(); err != nil || len(all) != 1 || all[0] != two.Attachments[0].Hash {
		t.Errorf("still named: %x, %v", all, err)
	}
	after, err := o.Read(0, 100, 1<<20)
	if err != nil || !slices.EqualFunc(raw, after, bytes.Equal) || o.Verify() != nil {
		t.Errorf("the records changed: %v", err)
	}
	if n, err := o.Erase(order, remove); n != 0 || err != nil {
		t.Errorf("ordered again: %d, %v", n, err)
	}
	if err := o.Forget(two.Attachments[0].Hash); err != nil {
		t.Error(err)
	}
	if all, _ := o.Blobs(); len(all) != 0 {
		t.Error("a forgotten blob is still named")
	}
}

// messagePlay says messages on a recorded disk, and remembers when each was
// acknowledged.
type messagePlay struct {
	*script
	acked map[string]int
}

func (p *messagePlay) message(i int) (string, Message) {
	name := fmt.Sprint("message-", i)
	return name, said(name, []feedback.Reader{feedback.ReaderCases, feedback.ReaderNamed}[i%2], 1+i%3)
}

// claim is what the sender of message i says of it later.
func (p *messagePlay) claim(i int) (string, Claim) {
	name, m := p.message(i)
	c := reopening(m)
	if i%3 == 0 {
		c = using(m, feedback.RightSee)
	}
	return "claim-" + name, c
}

func playMessages(t *testing.T) *messagePlay {
	p := &messagePlay{newScript(t, false), map[string]int{}}
	if err := p.open(); err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		name, m := p.message(i)
		mustSay(t, p.o, name, m)
		p.acked[name] = p.disk.Ops()
		name, c := p.claim(i)
		mustClaim(t, p.o, name, c)
		p.acked[name] = p.disk.Ops()
		p.cl.pass(3 * time.Hour)
		if _, err := p.o.Release(); err != nil {
			t.Fatal(err)
		}
		if i == 7 {
			if err := p.reopen(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return p
}

// judge opens what a cut left: an acknowledged message is in the journal or
// waits, and never both; none is there by half.
func (p *messagePlay) judge(at int, left powercut.State) error {
	dir, err := os.MkdirTemp("", "powercut")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := left.Save(dir); err != nil {
		return err
	}
	cl := newClock()
	o, err := Open(config(dir, cl))
	if err != nil {
		return fmt.Errorf("does not open: %w", err)
	}
	defer o.Close()
	for i := range 12 {
		name, m := p.message(i)
		_, known, err := o.Message(name, m.Content)
		if err != nil || !known && at >= p.acked[name] {
			return fmt.Errorf("%s is lost: %w", name, err)
		}
		for _, a := range m.Attachments {
			if named, err := o.Names(a.Hash); err != nil || named != known {
				return fmt.Errorf("%s is known %v, its blob is named %v, %w", name, known, named, err)
			}
		}
		if left, err := o.Left(m.Receipt); err != nil || left != known {
			return fmt.Errorf("%s is known %v, left here %v, %w", name, known, left, err)
		}
		name, c := p.claim(i)
		if _, known, err := o.Claim(name, c); err != nil || !known && at >= p.acked[name] {
			return fmt.Errorf("%s is lost: %w", name, err)
		}
	}
	cl.pass(49 * time.Hour)
	if _, err := o.Release(); err != nil {
		return err
	}
	seen, claimed, err := receipts(o)
	if err != nil {
		return err
	}
	for i := range 12 {
		name, m := p.message(i)
		_, known, _ := o.Message(name, m.Content)
		if n := seen[m.Receipt]; n > 1 || known != (n == 1) {
			return fmt.Errorf("%s is known %v and is in the journal %d times", name, known, n)
		}
		name, c := p.claim(i)
		_, known, _ = o.Claim(name, c)
		if n := claimed[m.Receipt]; n > 1 || known != (n == 1) {
			return fmt.Errorf("%s is known %v and is in the journal %d times", name, known, n)
		}
	}
	return errors.Join(o.Verify(), integrity(o.db.Read()))
}

// receipts counts the messages, and the claims, in the journal by receipt.
func receipts(o *Outbox) (seen, claimed map[[16]byte]int, err error) {
	raw, err := o.Read(0, 1000, 1<<20)
	if err != nil {
		return nil, nil, err
	}
	seen, claimed = map[[16]byte]int{}, map[[16]byte]int{}
	for _, b := range raw {
		r, err := wire.DecodeRecord(b)
		if err != nil {
			return nil, nil, err
		}
		if a, ok := r.(wire.Answer); ok {
			seen[[16]byte(a.Receipt)]++
		}
		if c, ok := claimOf(r); ok {
			claimed[c.Receipt]++
		}
	}
	return seen, claimed, nil
}

func TestPowerCutOfMessages(t *testing.T) {
	p := playMessages(t)
	all := cutsOf(p.disk.Ops(), number())
	t.Logf("%d states over %d operations", len(all), p.disk.Ops())
	r := rand.New(rand.NewPCG(3, 4))
	for i := range all {
		all[i].at = r.IntN(p.disk.Ops() + 1)
	}
	for _, err := range survey(all, func(c cut) error { return p.judge(c.at, p.disk.Cut(c.at, c.choice, c.seed)) }) {
		t.Error(err)
	}
}

// Every operation of the disk fails once, in both ways; the page repeats its
// request and the agent goes on. In the end every message is there once.
func TestEveryFaultOfMessages(t *testing.T) {
	ops := playMessages(t).disk.Ops()
	step := 3
	if testing.Short() {
		step = 20
	}
	for at := 0; at < ops; at += step {
		for _, done := range []bool{false, true} {
			if err := faultyMessages(t, at, done); err != nil {
				t.Errorf("at %d, done %v: %v", at, done, err)
			}
		}
	}
}

func faultyMessages(t *testing.T, at int, done bool) error {
	p := &messagePlay{newScript(t, false), nil}
	defer func() {
		if p.o != nil {
			p.o.Close() // what counts was judged
		}
		p.o = nil
	}()
	p.disk.Fail(at, done)
	try := func(f func() error) error {
		var err error
		for range 4 {
			if err = f(); err == nil {
				return nil
			}
			if err := p.recover(err); err != nil {
				return err
			}
		}
		return err
	}
	if err := try(p.open); err != nil {
		return err
	}
	for i := range 6 {
		name, m := p.message(i)
		if err := try(func() error { _, err := p.o.PutMessage(name, m); return err }); err != nil {
			return err
		}
		name, c := p.claim(i)
		if err := try(func() error { _, err := p.o.PutClaim(name, c); return err }); err != nil {
			return err
		}
		p.cl.pass(5 * time.Hour)
		if err := try(func() error { _, err := p.o.Release(); return err }); err != nil {
			return err
		}
	}
	last := func() error { // an outbox opened again counts from then on
		p.cl.pass(49 * time.Hour)
		_, err := p.o.Release()
		return err
	}
	if err := try(last); err != nil {
		return err
	}
	seen, claimed, err := receipts(p.o)
	if err != nil {
		return err
	}
	for i := range 6 {
		if name, m := p.message(i); seen[m.Receipt] != 1 || claimed[m.Receipt] != 1 {
			return fmt.Errorf("%s is in the journal %d times, its claim %d times", name, seen[m.Receipt], claimed[m.Receipt])
		}
	}
	return errors.Join(p.o.Verify(), integrity(p.o.db.Read()))
}
