package rehearsal

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nghe/hub/archive/s3test"
	"nghe/hub/server"
	"nghe/shared/look/browser"
)

// ahead is a clock that runs before this machine's.
type ahead struct{ by atomic.Int64 }

func (a *ahead) now() time.Time          { return time.Now().Add(time.Duration(a.by.Load())) }
func (a *ahead) advance(d time.Duration) { a.by.Add(int64(d)) }

// TestArchiveAwayForAWeek takes the S3 server away for seven days of the hub's
// clock. Residents notice nothing: what they tap, say and photograph is
// acknowledged, and their kiosk hears from the hub that it is received. Nothing
// is called safe meanwhile, no kiosk lets go of anything, and the console says
// how far behind the archive is and how much waits. When the server is back,
// everything is archived by itself, and the console is calm.
func TestArchiveAwayForAWeek(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a hub, a kiosk and an S3 server; run without -short")
	}
	t.Parallel()
	s3, clock := s3test.Start(t), &ahead{}
	w := planWard(t)
	w.archivesTo(s3.Location)
	w.kiosk.args = append(w.kiosk.args, "--keep", "1s")
	key := keep(t, "recovery.txt", []byte(w.recoveryKey()))
	w.serveHere(clock, s3.Location)
	w.enrol()
	w.decide("backup", "--recovery-key", key) // till then the console wants it tried

	var ids []string
	for i := range 5 {
		ids = append(ids, w.tap(fmt.Sprintf("before-%d", i), 4))
	}
	ids = append(ids, w.say(saying(t, 0)).id)
	w.letGo()
	w.archived(partsOfSaid)
	w.calms()
	w.picture("console-archive-healthy")

	s3.Stop()
	safe := w.kioskStanding().Safe
	const days = 7
	for day := 1; day <= days; day++ {
		clock.advance(24 * time.Hour)
		for i := range 3 {
			ids = append(ids, w.tap(fmt.Sprintf("day-%d-%d", day, i), 1+i))
		}
		ids = append(ids, w.say(saying(t, day)).id)
		w.reaches("received", func(s standing) bool { return s.Received == s.Head })
		w.stored(day * partsOfSaid)
	}
	clock.advance(time.Hour)
	w.kiosk.stop() // it looks for what it may let go of when it starts
	w.kiosk.start()
	w.await("http://" + w.screen + "/api/status")
	w.stored(days * partsOfSaid)
	if now := w.kioskStanding(); now.Safe != safe || now.Floor > safe {
		t.Errorf("without an archive the kiosk stands at %+v, safe was %d", now, safe)
	}
	w.worries(days)
	w.picture("console-archive-away")

	s3.Start()
	const longest = 20 * time.Minute // that a chore waits after it failed
	clock.advance(longest)
	time.Sleep(5 * time.Second) // one that was trying when the server came back fails once more
	clock.advance(longest)
	w.archived(days * partsOfSaid)
	w.letGo()
	w.calms()
	w.picture("console-archive-back")
	w.holds(ids)
}

// calms waits until the console has nothing to worry about.
func (w *ward) calms() {
	w.t.Helper()
	operator := w.operator() // a session does not last a day
	w.eventually("a calm console", func() error {
		_, page := w.page(operator, "/", nil)
		_, card, _ := strings.Cut(page, `class="card keeping `)
		if card, _, _ = strings.Cut(card, "</section>"); !strings.HasPrefix(card, "ok") {
			return fmt.Errorf("it says:\n%s", card)
		}
		return nil
	})
}

// worries wants every page of the console to say how far behind the archive is,
// how much waits for it, and that no copy was made; and the first one how many
// records would go with the hub's disk.
func (w *ward) worries(days int) {
	w.t.Helper()
	operator := w.operator()
	said := []string{fmt.Sprintf("%d tệp chờ lưu trữ đã %d ngày", days*partsOfSaid, days-1), "Bản sao lưu gần nhất đã cũ 7 ngày", "lưu trữ phiếu", "lưu trữ tệp"}
	for _, path := range []string{"/", "/places", "/messages", "/log", "/access"} {
		w.eventually(path+" to worry", func() error { // once the chores have tried again
			_, page := w.page(operator, path, nil)
			for _, words := range said {
				if !strings.Contains(page, words) {
					return fmt.Errorf("it does not say %q:\n%s", words, page)
				}
			}
			return nil
		})
	}
	w.eventually("how many records are not safe", func() error {
		s := w.kioskStanding()
		_, page := w.page(operator, "/", nil)
		_, says, _ := strings.Cut(page, "Bản ghi chưa an toàn ngoài đĩa</dt><dd>")
		if n, _, _ := strings.Cut(says, "<"); n != fmt.Sprint(s.Received-s.Safe) {
			return fmt.Errorf("the console says %q, the kiosk stands at %+v", n, s)
		}
		return nil
	})
}

// reaches waits until the kiosk stands somewhere.
func (w *ward) reaches(what string, there func(standing) bool) {
	w.t.Helper()
	w.eventually("the kiosk's "+what, func() error {
		if s := w.kioskStanding(); !there(s) {
			return fmt.Errorf("it stands at %+v", s)
		}
		return nil
	})
}

// stored waits until the kiosk was told of exactly so many blobs that the hub
// has them, and keeps them.
func (w *ward) stored(blobs int) {
	w.t.Helper()
	w.eventually("the blobs at the hub", func() error {
		if here := w.blobsOf("kiosk/media/stored"); len(here) != blobs {
			return fmt.Errorf("%d of %d", len(here), blobs)
		}
		return nil
	})
}

// serveHere runs the hub in this process, by a clock of the test's.
func (w *ward) serveHere(clock *ahead, archive string) {
	w.t.Helper()
	cfg := server.Config{Data: w.path("hub"), Kiosks: w.kiosks, Listen: w.console, FirstPassword: firstPassword, Archive: archive, SameDiskOK: true,
		Now: clock.now, Logger: slog.New(slog.NewTextHandler(w.hub.log, nil)), Print: func(line string) { fmt.Fprintln(w.hub.log, line) }}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, cfg) }()
	w.t.Cleanup(sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("the hub ended with %v", err)
		}
	}))
	w.await("http://" + w.console + "/healthz")
}

// picture is what an operator sees on the first page, when pictures are wanted.
func (w *ward) picture(name string) {
	w.t.Helper()
	if *screens == "" {
		return
	}
	o := eyes{w.t, browser.Start(w.t, 1600, 1300)}
	w.signIn(o)
	o.picture(name)
}
