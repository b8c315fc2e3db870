package screen

import (
	"encoding/json"
	"os"
	"testing"

	"nghe/shared/feedback"
)

// Whatever state the machine can be in, the page has words for it.
func TestEveryStateHasWords(t *testing.T) {
	for _, language := range feedback.Languages() {
		file, err := os.ReadFile("web/texts/" + string(language) + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var words struct{ States map[State]string }
		if err := json.Unmarshal(file, &words); err != nil {
			t.Fatal(err)
		}
		for _, s := range States() {
			if words.States[s] == "" {
				t.Errorf("no words in %s for the state %s", language, s)
			}
		}
		if len(words.States) != len(States()) {
			t.Errorf("%s has words for %d states, there are %d", language, len(words.States), len(States()))
		}
	}
}
