package outbox

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"nghe/shared/feedback"
	"nghe/shared/wire"
)

// childDir makes the test binary a kiosk in that folder instead of a test.
const childDir = "NGHE_OUTBOX_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// child answers until it is killed, and says of each answer that it was kept
// only once Put has returned. In between it does what an agent does.
func child(dir string) error {
	c := newClock()
	o, err := Open(config(dir, c))
	if err != nil {
		return err
	}
	b, err := o.Branch()
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		request := fmt.Sprintf("%s-%d-%d", b.Journal, b.Head.Seq, i)
		r, err := o.Put(request, rating(1+i%5), "")
		if err != nil {
			return err
		}
		fmt.Println(request, r.Seq, r.ID)
		if i%4 == 3 {
			if err := holds(o, c, request, i%8 == 7); err != nil {
				return err
			}
		}
		if i%10 == 9 {
			if err := chores(o, i/10%4); err != nil {
				return err
			}
		}
	}
}

// holds keeps a message to named officers and a claim about another, and lets in
// those whose day is over.
func holds(o *Outbox, c *clock, request string, release bool) error {
	name := "held-" + request
	if _, err := o.PutMessage(name, said(name, feedback.ReaderNamed, 1)); err != nil {
		return err
	}
	fmt.Println(name, 0, strings.Repeat("0", 32))
	open := said("open-"+request, feedback.ReaderCases, 1)
	r, err := o.PutClaim("claim-"+request, reopening(open))
	if err != nil {
		return err
	}
	fmt.Println("claim-"+request, r.Seq, r.ID)
	if !release {
		return nil
	}
	c.pass(49 * time.Hour)
	_, err = o.Release()
	return err
}

func chores(o *Outbox, which int) error {
	b, err := o.Branch()
	if err != nil {
		return err
	}
	switch which {
	case 0:
		return o.Advance(wire.Mark{Journal: b.Journal, Epoch: b.Epoch + 1, Received: b.Head, Safe: b.Base})
	case 1:
		return o.db.Checkpoint()
	case 2:
		return o.Fork(wire.JournalFork{Cause: wire.ForkDiffers})
	}
	return o.Clock(wire.Clock{Cause: wire.ClockReading})
}

// A kiosk is killed again and again in the middle of its work. Whatever it said
// was kept is there once, under its number and id.
func TestKill(t *testing.T) {
	dir, rounds := t.TempDir(), 25
	if testing.Short() {
		rounds = 5
	}
	acked := map[string]Receipt{}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range rounds {
		for request, receipt := range killed(t, dir, i%2 == 0, time.Duration(r.IntN(120))*time.Millisecond) {
			acked[request] = receipt
		}
	}
	o := mustOpen(t, config(dir, newClock()))
	t.Logf("%d rounds, %d answers acknowledged", rounds, len(acked))
	if len(acked) < rounds {
		t.Errorf("only %d answers in %d rounds: the test looked at nothing", len(acked), rounds)
	}
	if err := errors.Join(o.Verify(), integrity(o.db.Read())); err != nil {
		t.Error(err)
	}
	c := newClock()
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	o = mustOpen(t, config(dir, c))
	c.pass(49 * time.Hour)
	mustRelease(t, o)
	all := records(t, o, 0)
	answers, boots, entered := 0, -1, map[[16]byte]int{} // it was opened twice
	for _, record := range all {
		a, message := record.(wire.Answer)
		if message = message && len(a.Receipt) > 0; message {
			entered[[16]byte(a.Receipt)]++
		}
		if _, claim := claimOf(record); claim || isAnswer(record) && !message {
			answers++
		}
		if _, ok := record.(wire.Boot); ok {
			boots++
		}
	}
	held := 0
	for request := range acked {
		if strings.HasPrefix(request, "held-") {
			held++
			if n := entered[said(request, feedback.ReaderNamed, 1).Receipt]; n != 1 {
				t.Errorf("%s is in the journal %d times", request, n)
			}
			delete(acked, request)
		}
	}
	for _, n := range entered {
		if n > 1 {
			t.Errorf("a message entered %d times", n)
		}
	}
	t.Logf("%d messages held, %d entered", held, len(entered))
	if held < max(1, rounds/5) { // a busy machine is killed before it comes to one
		t.Errorf("only %d messages held in %d rounds: the test looked at nothing", held, rounds)
	}
	if boots < rounds/2+1 || boots > rounds+1 {
		t.Errorf("%d boot records after %d rounds and one opening", boots, rounds)
	}
	if answers < len(acked) || answers > len(acked)+rounds { // one a round may be kept and not yet told
		t.Errorf("%d answers held, %d acknowledged in %d rounds", answers, len(acked), rounds)
	}
	for request, receipt := range acked {
		if _, claim := claimOf(all[receipt.Seq-1]); claim != strings.HasPrefix(request, "claim-") || !claim && !isAnswer(all[receipt.Seq-1]) || pointAt(t, o, receipt.Seq).Chain.ID() != receipt.ID {
			t.Errorf("%s: record %d is not what was acknowledged", request, receipt.Seq)
		}
	}
	if aside, err := o.Quarantined(); err != nil || len(aside) > 0 {
		t.Errorf("set aside %v, %v", aside, err)
	}
}

// killed runs a kiosk in dir, kills it some time after its start, or after its
// first answer, and returns what it said was kept.
func killed(t *testing.T, dir string, working bool, after time.Duration) map[string]Receipt {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	said := map[string]Receipt{}
	if working {
		_, err = hear(lines, said)
	}
	time.AfterFunc(after, func() { cmd.Process.Kill() })
	for err == nil {
		_, err = hear(lines, said)
	}
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the kiosk was not killed, it ended: %v %s", err, complaint.String())
	}
	return said
}

// hear takes one line; the last one may have been cut by the kill.
func hear(lines *bufio.Reader, said map[string]Receipt) (request string, err error) {
	line, err := lines.ReadString('\n')
	if err != nil {
		return "", err
	}
	var r Receipt
	var id string
	if _, err := fmt.Sscan(line, &request, &r.Seq, &id); err != nil {
		return "", fmt.Errorf("kiosk said %q: %w", line, err)
	}
	journal, err := wire.ParseJournalID(id) // the same 32 digits
	r.ID = wire.RecordID(journal)
	said[request] = r
	return request, err
}
