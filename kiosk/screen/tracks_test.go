package screen

import (
	"context"
	"fmt"

	"github.com/chromedp/cdproto/page"
)

// watchTracks lets a test count the tracks that are open, and the object URLs
// that were made, whatever the page says of them.
func watchTracks(ctx context.Context) error {
	_, err := page.AddScriptToEvaluateOnNewDocument(`(() => {
		window.tracks = []; window.urls = [];
		const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
		navigator.mediaDevices.getUserMedia = async (wish) => { const s = await open(wish); window.tracks.push(...s.getTracks()); return s; };
		const make = URL.createObjectURL;
		URL.createObjectURL = (b) => { const url = make.call(URL, b); window.urls.push(url); return url; };
	})()`).Do(ctx)
	return err
}

func (k *kiosk) openTracks() (n int) {
	k.t.Helper()
	k.js("window.tracks.filter((t) => t.readyState === 'live').length", &n)
	return n
}

// refuse has every device refused from now on, as a browser would.
func (k *kiosk) refuseDevices(why string) {
	k.t.Helper()
	k.js(fmt.Sprintf("navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', %q)), 0", why), nil)
}
