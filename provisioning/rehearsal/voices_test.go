package rehearsal

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"nghe/hub/archive/s3test"
	"nghe/hub/cases"
	"nghe/shared/feedback"
	"nghe/shared/seal"
)

// What a resident types on the screen, and the keys it takes.
const (
	typedWords = "Cống nhà ông tư nghẹt"
	wordKeys   = "c ô sac n g space n h a huyen space ô n g space t ư space n g h e nang t"
	typedPhone = "0912345678"
	phoneKeys  = "0 9 1 2 3 4 5 6 7 8"
	reply      = "Đội vệ sinh đã khơi cống."
)

// TestVoices is the second road from a finger to an operator's eyes and ears,
// and the way back: words, a spoken sentence and a photo are left by touch,
// both programs die with -9 while they are on their way, an operator reads,
// hears and sees them, the S3 server holds nothing but ciphertext, no file
// anywhere holds what was said, and another kiosk, cut off from the hub, tells
// the resident what became of it.
func TestVoices(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a browser and real programs; run without -short")
	}
	s3 := s3test.Start(t)
	w := planWard(t)
	begun := time.Now()
	lap := func(what string) { t.Logf("%5.1f s: %s", time.Since(begun).Seconds(), what) }
	w.archivesTo(s3.Location)
	w.hides()
	w.found()
	sight := openEyes(t, recordingFile(t), filmFile(t))

	second, other := w.neighbour()
	lap("up")
	code := w.leaves(sight)
	lap("left")
	secret := secretsOf(code, typedWords, typedPhone)
	w.hub.kill()
	w.kiosk.kill()
	w.nowhere(secret, "after both were killed", s3.Data)
	w.hub.start()
	w.kiosk.start()

	w.await("http://" + w.console + "/healthz")
	w.archived(partsOfSaid)
	lap("archived")
	operator := sight.tab(1600, 1000)
	w.decide("account", "reader", "admin")
	w.signIn(operator)
	operator.open("http://" + w.console + "/messages")
	operator.says("Phản ánh")
	for _, words := range []string{typedWords, typedPhone} {
		if strings.Contains(operator.text("body"), words) {
			t.Errorf("the list of messages tells %q", words)
		}
	}
	operator.picture("console-messages")
	w.opens(operator)
	lap("read")

	letters := w.letters(s3)
	plantMedia(secret, "voice", letters[feedback.AttachedVoice].Body)
	plantMedia(secret, "photo", letters[feedback.AttachedPhoto].Body[tables:])
	w.nowhere(secret, "after it was read", s3.Data)
	w.answers(sight, code, second, other)
	lap("answered")
	w.nowhere(secret, "in the end", s3.Data)
	w.somewhere(code)
	lap("searched")
}

// hides gives each program a temporary folder that can be looked into, and no
// more of a reserve than can be looked through.
func (w *ward) hides() {
	w.t.Helper()
	temp := w.path("temp")
	if err := os.Mkdir(temp, 0o700); err != nil {
		w.t.Fatal(err)
	}
	w.hub.env = append(w.hub.env, "TMPDIR="+temp)
	w.kiosk.env = append(w.kiosk.env, "TMPDIR="+temp, "NGHE_RESERVE_MIB=1")
}

// leaves is a resident who gives everything there is, by touch.
func (w *ward) leaves(sight eyes) seal.Code {
	w.t.Helper()
	r := resident{sight.tab(1080, 1920), w}
	r.begin(w.screen)
	r.on("attract", "[data-act=compose]")
	r.through("compose", "[data-act=kind][data-value=phan-anh]", "[data-act=subject][data-value=sanitation]")
	r.on("compose", ".give[data-value=words]")
	r.press("write", wordKeys)
	r.picture("kiosk-words")
	r.on("write", ".key.enter")
	r.on("compose", ".give[data-value=voice]")
	r.on("voice", "[data-act=open]")
	r.until("three seconds of speech", `document.querySelector(".remaining b")?.textContent <= 57`)
	r.picture("kiosk-speaking")
	r.on("voice", "[data-act=stop]")
	r.on("voice", ".primary[data-act=go]")
	r.on("compose", ".give[data-value=photo]")
	r.on("photo", "[data-act=open]")
	r.until("a picture", `document.querySelector("video")?.videoWidth > 0`)
	r.on("photo", "[data-act=stop]")
	r.until("the photo", `document.querySelector("img.taken")?.naturalWidth > 0`)
	r.picture("kiosk-photo")
	r.on("photo", ".primary[data-act=go]")
	r.on("compose", ".give[data-value=contact]")
	r.on("contact", ".give[data-value=phone]")
	r.press("write", phoneKeys)
	r.on("write", ".key.enter")
	r.on("contact", ".primary[data-act=go]")
	r.on("compose", "[data-act=post]")
	r.until("the consents", `document.querySelector("#app[data-screen=agree]")`)
	r.picture("kiosk-consents")
	r.through("receipt", "[data-act=consent]")
	r.picture("kiosk-receipt")
	code, err := seal.ParseCode(r.text(".code"))
	if err != nil {
		w.t.Fatalf("the screen shows %q: %v", r.text(".code"), err)
	}
	return code
}

// archived waits until the kiosk was told of so many blobs that they are in the
// archive.
func (w *ward) archived(blobs int) {
	w.t.Helper()
	w.eventually("the blobs in the archive", func() error {
		if here := w.blobsOf("kiosk/media/archived"); len(here) != blobs {
			return fmt.Errorf("%d of %d; %d stored, %d to be sent", len(here), blobs, len(w.blobsOf("kiosk/media/stored")), len(w.blobsOf("kiosk/media/pending")))
		}
		return nil
	})
}

func (w *ward) signIn(operator eyes) {
	w.t.Helper()
	operator.open("http://" + w.console + "/signin")
	operator.tell(`(() => { document.querySelector("input[name=name]").value = "admin"; document.querySelector("input[name=password]").value = "`+firstPassword+`";
		document.querySelector("input[name=password]").form.requestSubmit(); return 0; })()`, nil)
	operator.until("the first page", `document.querySelector("#rows")`)
}

// opens is an operator who opens the one message there is, and reads, hears and
// sees it.
func (w *ward) opens(o eyes) {
	w.t.Helper()
	var address string
	o.tell(`document.querySelector("td a[href^='/messages/'], th a[href^='/messages/']").href`, &address)
	o.open(address)
	o.picture("console-message")
	if text := o.text("body"); strings.Contains(text, typedWords) {
		w.t.Error("the message is told before it is opened")
	}
	o.run(chromedp.Click("button[value=content]"), chromedp.WaitVisible(".words"))
	o.run(chromedp.Click("button[value=contact]"), chromedp.WaitVisible(".letter .facts"))
	o.until("the photo and the voice", `document.querySelector(".letter img")?.naturalWidth > 0 && document.querySelector(".letter audio")?.readyState >= 3`)
	o.says(typedWords, typedPhone)
	o.picture("console-message-opened")
	w.seen(o)
	w.heard(o)
	o.open("http://" + w.console + "/access")
	o.says("Giao quyền đọc lời nhắn", strings.TrimPrefix(address[strings.LastIndex(address, "/"):], "/"))
	o.picture("console-access")
}

// seen wants the photo to show what stood before the camera.
func (w *ward) seen(o eyes) {
	w.t.Helper()
	var left, right []float64
	look := `(async (from) => { const i = document.querySelector(".letter img"); await i.decode();
		const c = new OffscreenCanvas(1, 1).getContext("2d"); c.drawImage(i, i.naturalWidth * from, i.naturalHeight / 3, i.naturalWidth / 8, i.naturalHeight / 3, 0, 0, 1, 1);
		return [...c.getImageData(0, 0, 1, 1).data]; })`
	o.tell(look+"(0.1)", &left)
	o.tell(look+"(0.8)", &right)
	if left[0] < 2*left[2] || right[2] < 2*right[0] {
		w.t.Errorf("the photo is %v on the left and %v on the right, not orange and blue", left, right)
	}
}

// heard plays the recording, and compares it with the sentence that was said.
func (w *ward) heard(o eyes) {
	w.t.Helper()
	var at float64
	o.tell(`(async () => { const a = document.querySelector(".letter audio"); a.muted = true; await a.play();
		await new Promise((done) => a.addEventListener("timeupdate", () => a.currentTime > 0.5 && done())); a.pause(); return a.currentTime; })()`, &at)
	var loud []float64
	o.tell(fmt.Sprintf(`(async () => { const b = await (await fetch(document.querySelector(".letter audio").src)).arrayBuffer();
		const a = await new OfflineAudioContext(1, 48000, 48000).decodeAudioData(b);
		const d = a.getChannelData(0), step = a.sampleRate / %d, loud = [];
		for (let i = 0; i + step <= d.length; i += step) loud.push(Math.sqrt(d.slice(i, i + step).reduce((sum, v) => sum + v * v, 0) / step));
		return loud; })()`, stepsPerSecond), &loud)
	if len(loud) < 2*stepsPerSecond {
		w.t.Fatalf("only %d steps of sound were heard", len(loud))
	}
	said := spokenLoudness(w.t)
	back := slices.Clone(said)
	slices.Reverse(back)
	as, backwards := alike(loud, said), alike(loud, back)
	w.t.Logf("%.1f s were heard, like the sentence %.2f, like it backwards %.2f", float64(len(loud))/stepsPerSecond, as, backwards)
	if as < 0.6 || backwards > as-0.2 {
		w.t.Errorf("what is heard is not the sentence: %.2f, backwards %.2f", as, backwards)
	}
}

// letters opens what the archive holds, with the hub's own key: one of each
// kind, and nothing but letters.
func (w *ward) letters(s3 *s3test.Server) map[feedback.AttachmentKind]seal.Letter {
	w.t.Helper()
	id, err := cases.OpenIdentity(w.path("hub/authority"))
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[feedback.AttachmentKind]seal.Letter{}
	err = filepath.WalkDir(filepath.Join(s3.Data, "objects/nghe/blobs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		sealed, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		letter, err := seal.Open(sealed, id.Secret)
		all[feedback.AttachmentKind(letter.Kind)] = letter
		return err
	})
	if err != nil || len(all) != partsOfSaid {
		w.t.Fatalf("the archive holds %d letters, %v", len(all), err)
	}
	if got := string(all[feedback.AttachedWords].Body); got != typedWords {
		w.t.Errorf("the words are %q", got)
	}
	return all
}

// answers tells the other kiosk what became of the message, takes its hub away,
// and asks there by touch.
func (w *ward) answers(sight eyes, code seal.Code, address string, kiosk *process) {
	w.t.Helper()
	if out, err := w.command("cases", "set", code.String(), "answered", "--note", reply); err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	public := sight.tab(800, 1280)
	public.open("http://" + w.console + "/r/" + string(code))
	public.says("Đã trả lời", reply)
	public.picture("receipt-page")
	w.publish(1, "Đèn có sáng không?") // told in one bulletin with what came before
	w.asks(address, "lights")
	w.hub.kill()
	kiosk.kill()
	kiosk.start()
	w.await("http://" + address + "/api/status")
	r := resident{sight.tab(1080, 1920), w}
	r.begin(address)
	r.on("attract", "[data-act=lookup]")
	r.press("lookup", strings.Join(strings.Split(string(code), ""), " "))
	r.on("lookup", "[data-act=find]")
	r.until("the state", `document.querySelector(".state")?.innerText.replaceAll("\u00a0", " ") === "Đã trả lời"`)
	r.says(reply)
	r.picture("kiosk-answer-offline")
}
