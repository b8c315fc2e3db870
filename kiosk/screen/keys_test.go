package screen

import "testing"

// keyboardVisits are the ways to each page of a keyboard, from the start screen.
func keyboardVisits() []visit {
	words := func(language, keys string) func(*kiosk, *ward) {
		return func(k *kiosk, _ *ward) {
			k.compose()
			k.speak(language)
			k.tap(".give[data-value=words]")
			k.press(keys)
		}
	}
	return []visit{
		{name: "keys-vi", steps: words("vi", "đ ư ơ huyen n g space x a a u s")},
		{name: "keys-undone", steps: words("vi", "d a t a undo shift shift")},
		{name: "keys-signs", steps: words("vi", "signs")},
		{name: "keys-ways", steps: words("vi", "ways")},
		{name: "keys-ways-en", steps: words("en", "ways")},
		{name: "keys-direct", steps: words("vi", "ways direct a")},
		{name: "keys-vni", steps: words("vi", "ways vni d u o n g 7 9 2")},
		{name: "keys-latin", steps: words("en", "r o a d")},
		{name: "keys-hangul", steps: words("ko", "ㅇ ㅏ ㄴ ㄴ ㅕ ㅇ shift")},
		{name: "keys-latin-zh", steps: words("zh-Hans", "n i shift")},
		{name: "keys-phone", steps: func(k *kiosk, _ *ward) {
			k.compose()
			k.tap(".give[data-value=contact]")
			k.tap(".give[data-value=phone]")
			k.press("0 9 1 2 + back")
		}},
	}
}

// What is touched and what is pressed on a keyboard somebody plugged in become
// one word; what is shown is what is sent.
func TestTypedByTouchAndByKeyboard(t *testing.T) {
	t.Parallel()
	k, w := openWard(t, portrait, nil)
	k.compose()
	k.tap(".give[data-value=words]")
	k.press("d d u w o w n g f space d a t a")
	k.until("the guess", "document.querySelector('.paper span').textContent === 'Đường dât'")
	k.press("undo space")
	k.type_("ddeej")
	k.press("p back p sac")
	k.press("ways vni space t o 1 signs - letters 1")
	k.tap(".key.enter")
	k.tap("[data-act=post]")
	k.wait("receipt")
	if got := w.messages()[0]["words"]; got != "Đường data đếp tó-1" {
		t.Errorf("sent %q", got)
	}
}

// Who writes Chinese is offered to speak before anything else.
func TestChineseIsOfferedToSpeakFirst(t *testing.T) {
	t.Parallel()
	k, _ := openWard(t, portrait, nil)
	k.compose()
	for language, first := range map[string]string{"vi": "words", "zh-Hans": "voice", "ko": "words"} {
		k.speak(language)
		var got string
		k.js("document.querySelector('.give').dataset.value", &got)
		if got != first {
			t.Errorf("in %s %s is offered first", language, got)
		}
	}
}
