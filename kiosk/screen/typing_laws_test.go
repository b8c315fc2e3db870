package screen

import (
	"flag"
	"testing"
)

var typingSeed = flag.Uint("typing.seed", 0, "seed of TestTypingLaws; 0 for those of every run")

// laws presses random keys and says what broke. They are: nothing is thrown, no
// state is changed in place, what is shown is composed, has no more characters
// than keys were pressed, and stays when its letters and tones are typed
// themselves; a letter taken off is the last one seen; an undoing can be undone.
const laws = `({method, style, seed, rounds}) => {
	const broken = [];
	const random = (n) => { seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; return Math.floor(seed / 2 ** 32 * n); };
	const pick = (all) => all[random(all.length)];
	const letters = Array.from('aaaeeeiooouuuyydnnghtcpmqklbvrxsfjzwăâđêôơưAEOUDW');
	const names = Object.keys(typing.tones);
	const key = () => pick([() => pick(letters), () => pick(letters), () => pick(letters), () => pick(letters), () => pick(letters), () => pick(names), () => pick('0123456789'), () => pick(['back', 'undo', 'space', 'shift', '.', '/', 'é', 'ß', 'ㅎ', '한', '😀'])])();
	const plain = (text) => text.normalize('NFD').replace(/[\u0300\u0301\u0303\u0309\u0323]/g, '').normalize('NFC');
	const count = (text) => Array.from(text).length;
	const fixed = (d) => { Object.freeze(d.typing.keys); Object.freeze(d.typing); return Object.freeze(d); };
	const itself = (text) => typing.spell('', Array.from(text).flatMap((c) => [plain(c), ...names.filter((n) => c.normalize('NFD').includes(typing.tones[n]))]), {method: 'direct', style});
	const rule = (holds, law, keys, d) => { if (!holds && broken.length < 20) broken.push(law + ' after ' + keys.join(' ') + ': ' + d.words); };
	for (let round = 0; round < rounds; round++) {
		let d = fixed(words(method, style)), pressed = 0;
		const keys = [];
		for (let n = random(24); n >= 0; n--) {
			const k = key(), before = d;
			keys.push(k);
			try { d = fixed(press(d, [k])); } catch (e) { rule(false, String(e), keys, d); break; }
			pressed += ['back', 'undo', 'shift'].includes(k) ? 0 : 1;
			rule(d.words === d.words.normalize('NFC') && !/\p{M}/u.test(d.words), 'composed', keys, d);
			rule(count(d.words) <= pressed + keys.filter((k) => k === 'ß').length, 'no longer than its keys', keys, d);
			rule(press(before, [k]).words === d.words, 'a function', keys, d);
			rule(press(d, ['undo', 'undo']).words === d.words, 'undo is undone', keys, d);
			const word = /\p{L}*$/u.exec(d.words)[0];
			rule(itself(itself(word)) === itself(word), 'typed itself', keys, d);
			if (k === 'back') rule(plain(d.words) === Array.from(plain(before.words)).slice(0, -1).join(''), 'the last letter goes', keys, d);
		}
	}
	return broken;
}`

func TestTypingLaws(t *testing.T) {
	seeds := []uint{1, 2}
	if *typingSeed != 0 {
		seeds = []uint{*typingSeed}
	}
	for _, seed := range seeds {
		for _, method := range []string{"telex", "vni", "direct"} {
			for _, style := range []string{"old", "new"} {
				var broken []string
				runTyping(t, laws, map[string]any{"method": method, "style": style, "seed": seed, "rounds": 300}, &broken)
				for _, b := range broken {
					t.Errorf("-typing.seed %d, %s, %s tones: %s", seed, method, style, b)
				}
			}
		}
	}
}
