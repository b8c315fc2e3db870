package screen

import (
	"embed"
	"encoding/json"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"

	"nghe/shared/feedback"
)

//go:embed web/texts/*.json
var builtTexts embed.FS

// catalogue is the screen's own words in one language, as its file has them:
// key to text, or to an object of texts, or to a list of how words are broken.
type catalogue map[string]any

// catalogues are those built in, by language, a fresh copy at every call.
func catalogues() map[feedback.Language]catalogue {
	files, _ := fs.Glob(builtTexts, "web/texts/*.json") // the pattern is valid
	all := map[feedback.Language]catalogue{}
	for _, file := range files {
		var c catalogue
		text, err := builtTexts.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &c)
		}
		if err != nil {
			panic(err) // the embedded data is part of the program; a test guards it
		}
		all[feedback.Language(strings.TrimSuffix(path.Base(file), ".json"))] = c
	}
	return all
}

// getTexts is GET /api/texts: the catalogue of every language, with what the
// ward words itself in place of ours. A language it left out keeps ours, and so
// does a text whose blanks it did not keep: it was written for another version.
func (s *Screen) getTexts(w http.ResponseWriter, _ *http.Request) {
	all := catalogues()
	if s.cfg.Bulletin != nil {
		own := s.cfg.Bulletin.Texts()
		for language, c := range all {
			reword(c, "", language, own)
		}
	}
	reply(w, http.StatusOK, all)
}

// reword replaces the texts below a key path, "refusedFor." or "".
func reword(c map[string]any, below string, l feedback.Language, own feedback.Texts) {
	for key, is := range c {
		switch is := is.(type) {
		case string:
			said := own[feedback.ScreenTextID(below+key)][l]
			if said != "" && slices.Equal(feedback.Blanks(said), feedback.Blanks(is)) {
				c[key] = said
			}
		case map[string]any:
			reword(is, below+key+".", l, own)
		}
	}
}
