package rehearsal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"nghe/shared/clip"
	"nghe/shared/wire"
)

// heard is what a kiosk has to hear of a text, in Vietnamese.
func heard(address, text string) (kind string, sound []byte, err error) {
	ask, err := json.Marshal(map[string]string{"language": "vi", "text": text})
	if err != nil {
		return "", nil, err
	}
	response, err := impatient.Post("http://"+address+"/api/speech", "application/json", bytes.NewReader(ask))
	if err != nil {
		return "", nil, err
	}
	defer response.Body.Close()
	sound, err = io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d %s", response.StatusCode, sound)
	}
	return response.Header.Get("Content-Type"), sound, err
}

// record publishes sounds of a voice of the ward's own, by the text they speak.
func (w *ward) record(sounds map[string][]byte) {
	w.t.Helper()
	dir := w.path("published/speech/vi")
	if err := os.RemoveAll(dir); err != nil {
		w.t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		w.t.Fatal(err)
	}
	n := 0
	for text, sound := range sounds {
		n++
		for name, content := range map[string][]byte{fmt.Sprint(n, ".ogg"): sound, fmt.Sprint(n, ".txt"): []byte(text + "\n")} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	w.publish(1, "Đèn có sáng không?")
}

// recorded is a recording of several pieces.
func (w *ward) recorded(text string) []byte {
	w.t.Helper()
	_, wav, err := heard(w.screen, text)
	if err != nil {
		w.t.Fatal(err)
	}
	pack := exec.Command("opusenc", "--quiet", "--bitrate", "48", "-", "-")
	pack.Stdin = bytes.NewReader(wav)
	sound, err := pack.Output()
	if err != nil || len(sound) < 2*wire.MaxClipPart {
		w.t.Fatalf("pack a recording: %d octets, %v", len(sound), err)
	}
	return sound
}

func (w *ward) hears(text string, want []byte) {
	w.t.Helper()
	w.eventually("the ward's own voice", func() error {
		kind, sound, err := heard(w.screen, text)
		if err == nil && (kind != clip.Type || !bytes.Equal(sound, want)) {
			err = fmt.Errorf("%d octets of %s, want %d", len(sound), kind, len(want))
		}
		return err
	})
}

// What the ward recorded is heard in the place of the built-in voice, without a
// hub and over a restart, until it is published no more.
func TestRecordedThenOffline(t *testing.T) {
	const here, notice = "Tôi vẫn ở đây", "Mời bà con đến họp lúc bảy giờ."
	w := newWard(t)
	w.asks(w.screen, "today")
	kind, built, err := heard(w.screen, here)
	if err != nil || kind != clip.Type {
		t.Fatalf("the built-in clip: %s, %v; run make web", kind, err)
	}
	_, short, err := heard(w.screen, "Quay lại")
	if err != nil {
		t.Fatal(err)
	}
	long := w.recorded("Tôi là Lan, cán bộ trực ở nhà văn hóa này, và tôi đọc chậm rãi để bà con ai cũng nghe rõ từng chữ trên màn hình")
	w.record(map[string][]byte{here: long, notice: short})
	w.hears(here, long)
	w.hears(notice, short)
	w.hub.kill()
	w.kiosk.kill()
	w.kiosk.start()
	w.await("http://" + w.screen + "/api/status")
	w.hears(here, long)
	w.hears(notice, short)
	w.hub.start()
	w.record(nil)
	w.hears(here, built)
}
