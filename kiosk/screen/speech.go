package screen

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"unicode/utf8"

	"nghe/shared/clip"
	"nghe/shared/feedback"
	"nghe/shared/strict"
)

// maxSaid bounds the request's JSON: clip.MaxText characters of any script.
const maxSaid = 32 << 10

// said is what the page wants to hear: a text as it is shown, in the language
// it is shown in.
type said struct {
	Language feedback.Language `json:"language"`
	Text     string            `json:"text"`
}

// postSpeech is POST /api/speech: a text read aloud, as sound (200, audio/ogg
// or audio/wav), as parts to be asked for one after the other (200, JSON), or
// not at all (404, no refusal: nothing went wrong). Texts are in no address and
// in no log, and sound is kept by nobody.
func (s *Screen) postSpeech(w http.ResponseWriter, r *http.Request) {
	ask, bad := readSaid(w, r)
	if bad != nil {
		refuse(w, *bad)
		return
	}
	if s.cfg.Speech == nil {
		reply(w, http.StatusNotFound, struct{}{})
		return
	}
	heard := s.cfg.Speech.Say(r.Context(), ask.Language, ask.Text)
	switch {
	case heard.Sound != nil:
		w.Header().Set("Content-Type", heard.Type)
		w.Header().Set("Content-Length", strconv.Itoa(len(heard.Sound)))
		_, _ = w.Write(heard.Sound) // a page that went away has heard enough
	case heard.Parts != nil:
		reply(w, http.StatusOK, struct {
			Parts []string `json:"parts"`
		}{heard.Parts})
	default:
		reply(w, http.StatusNotFound, struct{}{})
	}
}

func readSaid(w http.ResponseWriter, r *http.Request) (ask said, bad *refusal) {
	if !isJSON(r.Header.Get("Content-Type")) {
		return ask, &refusal{http.StatusUnsupportedMediaType, "content-type", "Send application/json.", ""}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSaid))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return ask, &refusal{http.StatusRequestEntityTooLarge, "too-large", "Send at most 32 KiB.", ""}
	}
	if err != nil {
		return ask, &refusal{http.StatusBadRequest, "unread", "Send the whole body.", ""}
	}
	if err := strict.JSON(body, &ask); err != nil {
		return ask, &refusal{http.StatusBadRequest, "malformed", err.Error(), ""}
	}
	if n := utf8.RuneCountInString(ask.Text); n == 0 || n > clip.MaxText {
		return ask, &refusal{http.StatusUnprocessableEntity, "invalid", "1 to 4000 characters", "text"}
	}
	return ask, nil
}

// readAloud are the languages the page may offer to read in.
func (s *Screen) readAloud() []feedback.Language {
	if s.cfg.Speech == nil {
		return []feedback.Language{}
	}
	return s.cfg.Speech.Languages()
}
