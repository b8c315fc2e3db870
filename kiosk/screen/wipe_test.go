package screen

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"nghe/kiosk/bulletin"
	"nghe/shared/feedback"
)

// A visit that ends by itself leaves nothing: no words, no recording, no
// photo, no open camera; not in the page, not in what the page can reach.
func TestMessageIsWiped(t *testing.T) {
	k, w := openWard(t, portrait, func(c *Config) { c.Pace.Idle, c.Pace.Leave = 3*time.Second, time.Second })
	k.compose()
	k.write("c a n a r y")
	k.tap(".give[data-value=contact]")
	k.tap(".give[data-value=name]")
	k.press("z e i s i g")
	k.tap(".key.enter")
	k.tap(".actions .primary")
	k.record()
	k.tap("[data-act=replay]")
	k.tap(".actions .primary")
	k.photograph()
	if n := k.alive("Blob"); n < 2 {
		t.Fatalf("%d blobs before, want the recording and the photo: this test looks in the wrong place", n)
	}
	if found := k.inHeap("canary", "zeisig"); len(found) != 2 {
		t.Fatalf("the heap holds %v before the end: this test looks in the wrong place", found)
	}
	k.tap("[data-act=open]") // once more, and walk away
	k.see("video")
	var urls []string
	k.js("window.urls", &urls)
	k.see(".warning")
	k.expectOn("Máy ảnh đang bật")
	k.wait("attract")
	k.expectWiped(urls)
	if len(w.messages()) != 0 {
		t.Error("a message nobody sent was sent")
	}
	k.compose()
	if text := k.text(".gives"); strings.Contains(strings.ToLower(text), "canary") || strings.Contains(text, "Đã") {
		t.Errorf("the next resident finds %q", text)
	}
}

// The same while a message is being sent to a store that does not answer.
func TestSendingIsWiped(t *testing.T) {
	k, w := openWard(t, portrait, func(c *Config) { c.Pace.Idle, c.Pace.Leave = 2*time.Second, time.Second })
	w.faults = []fault{down(503, "storage"), down(503, "storage"), hang}
	k.compose()
	k.write("c a n a r y")
	k.tap("[data-act=post]")
	k.wait("sending")
	k.wait("attract")
	k.expectWiped(nil)
	sent := len(w.messages())
	time.Sleep(3 * time.Second) // longer than the pause between two attempts
	if got := len(w.messages()); got != sent {
		t.Errorf("sent %d times after the visit had ended", got-sent)
	}
}

func (k *kiosk) expectWiped(urls []string) {
	k.t.Helper()
	if n := k.openTracks(); n != 0 {
		k.t.Errorf("%d tracks are still open", n)
	}
	var left string
	k.js("document.documentElement.outerHTML + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)", &left)
	if low := strings.ToLower(left); strings.Contains(low, "canary") || strings.Contains(low, "zeisig") || strings.Contains(left, "blob:") {
		k.t.Errorf("left in the page: %s", left)
	}
	if urls != nil && len(urls) < 2 {
		k.t.Fatalf("object URLs made: %v", urls)
	}
	for _, url := range urls {
		var there bool
		k.await(fmt.Sprintf("new Promise((done) => { const i = new Image(); const a = document.createElement('audio'); i.onload = a.onloadeddata = () => done(true); let bad = 0; i.onerror = a.onerror = () => ++bad === 2 && done(false); i.src = a.src = %q; })", url), &there)
		if there {
			k.t.Errorf("%s can still be opened", url)
		}
	}
	for _, kind := range []string{"Blob", "FormData", "MediaRecorder", "AudioContext"} {
		if n := k.alive(kind); n != 0 {
			k.t.Errorf("%d of %s can still be reached", n, kind)
		}
	}
	if found := k.inHeap("canary", "zeisig"); len(found) != 0 {
		k.t.Errorf("the memory of the page still holds %v", found)
	}
}

// alive counts the objects of a kind that a collection of garbage leaves.
func (k *kiosk) alive(kind string) (n int) {
	k.t.Helper()
	k.run(chromedp.ActionFunc(func(ctx context.Context) error {
		of, _, err := runtime.Evaluate(kind + ".prototype").Do(ctx)
		if err != nil {
			return err
		}
		all, err := runtime.QueryObjects(of.ObjectID).Do(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = runtime.ReleaseObject(all.ObjectID).Do(ctx) }() // gone with the tab at the latest
		count, _, err := runtime.CallFunctionOn("function() { return this.length; }").WithObjectID(all.ObjectID).WithReturnByValue(true).Do(ctx)
		if err == nil {
			_, err = fmt.Sscan(string(count.Value), &n)
		}
		return err
	}))
	return n
}

// inHeap looks for words, in any case, in every string of the page's memory.
func (k *kiosk) inHeap(words ...string) (found []string) {
	k.t.Helper()
	var heap strings.Builder
	ctx, stop := context.WithCancel(k.ctx)
	defer stop()
	chromedp.ListenTarget(ctx, func(e any) {
		if part, ok := e.(*heapprofiler.EventAddHeapSnapshotChunk); ok {
			heap.WriteString(part.Chunk)
		}
	})
	k.run(heapprofiler.CollectGarbage(), heapprofiler.TakeHeapSnapshot().WithReportProgress(false))
	all := strings.ToLower(heap.String())
	for _, word := range words {
		if strings.Contains(all, word) {
			found = append(found, word)
		}
	}
	return found
}

// A code is a key: neither it nor what it opened is left when its holder has
// walked away, having heard it.
func TestLookUpIsWiped(t *testing.T) {
	k, w := openWard(t, portrait, func(c *Config) { reads(t, false)(c); c.Pace.Idle, c.Pace.Leave = 2*time.Second, time.Second })
	w.told.news[lookedUpTag()] = bulletin.News{State: feedback.CaseAnswered, Note: "Zeisig đã được trả lại.", Updated: time.Now(), Version: 3}
	readsOut(k, w)
	k.find()
	k.tap("[data-act=hear]")
	k.tap("[data-act=go][data-value=rights]")
	k.tap("[data-act=right][data-value=delete]")
	k.wait("demand")
	code := strings.ToLower(string(lookedUp))
	if found := k.inHeap(code, "zeisig"); len(found) != 2 {
		t.Fatalf("the heap holds %v before the end: this test looks in the wrong place", found)
	}
	k.wait("attract")
	if found := k.inHeap(code, code[:5], "zeisig"); len(found) != 0 {
		t.Errorf("the memory of the page still holds %v", found)
	}
}
