package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"nghe/shared/clip"
	"nghe/shared/feedback"
)

const (
	// mostQuestions is up to which "Câu 1/2" is one clip; beyond, the numbers are
	// clips of their own.
	mostQuestions = 5
	// mostNumber is the largest such number: seconds of a recording.
	mostNumber = 60
	// leave is what the "still here?" of the screen counts down from.
	leave = "20"
)

// unread are parts of a catalogue that say how words are broken.
var unread = []string{"compounds", "breakable"}

// texts are those to make clips of, by the clip's name.
type texts map[string]text

type text struct {
	language feedback.Language
	said     string
}

// read collects all that a kiosk shows and that is known before it stands
// anywhere.
func read(root string) (texts, error) {
	all := texts{}
	files, err := filepath.Glob(filepath.Join(root, "kiosk/screen/web/texts/*.json"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("find the screen's texts below %s: %d files, %w", root, len(files), err)
	}
	for _, file := range files {
		if err := all.catalogue(file); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
	}
	for _, told := range vocabulary() {
		if err := all.vocabulary(told); err != nil {
			return nil, fmt.Errorf("read the vocabulary: %w", err)
		}
	}
	for _, l := range feedback.Languages() {
		for n := range mostNumber + 1 {
			all.say(l, strconv.Itoa(n))
		}
		for _, c := range feedback.Emergency() {
			all.say(l, c.Number)
		}
	}
	return all, nil
}

// catalogue takes in the screen's own words in one language.
func (all texts) catalogue(file string) error {
	l := feedback.Language(strings.TrimSuffix(filepath.Base(file), ".json"))
	body, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var c map[string]any
	if err := json.Unmarshal(body, &c); err != nil {
		return err
	}
	still, ok1 := c["stillText"].(string)
	seconds, ok2 := c["seconds"].(string)
	if !ok1 || !ok2 {
		return fmt.Errorf(`it has no "stillText" and "seconds", of which the warning is made`)
	}
	all.say(l, still+" "+leave+" "+seconds)
	maps.DeleteFunc(c, func(key string, _ any) bool { return slices.Contains(unread, key) })
	all.walk(l, c)
	return nil
}

func (all texts) walk(l feedback.Language, value any) {
	switch value := value.(type) {
	case string:
		all.fill(l, value)
	case []any:
		for _, v := range value {
			all.walk(l, v)
		}
	case map[string]any:
		for _, v := range value {
			all.walk(l, v)
		}
	}
}

// fill takes in a text with each number that may stand in it. What has another
// blank, like the page of a hub, can only be read where a voice is.
func (all texts) fill(l feedback.Language, template string) {
	blanks := feedback.Blanks(template)
	if slices.ContainsFunc(blanks, func(b string) bool { return b != "{n}" && b != "{of}" }) {
		return
	}
	with := func(n, of int) string {
		return strings.NewReplacer("{n}", strconv.Itoa(n), "{of}", strconv.Itoa(of)).Replace(template)
	}
	if slices.Contains(blanks, "{of}") {
		for of := 1; of <= mostQuestions; of++ {
			for n := 1; n <= of; n++ {
				all.say(l, with(n, of))
			}
		}
	}
	if len(blanks) > 0 {
		for _, part := range clip.Numbered(with(0, 0)) {
			all.say(l, part)
		}
		return
	}
	all.say(l, template)
}

// vocabulary is what the agent tells the page in texts of all languages.
func vocabulary() []any {
	seed := feedback.Seed()
	told := []any{seed.Questionnaires, feedback.Messages(), feedback.Agreements(), feedback.Emergency()}
	for score := 1; score <= 5; score++ {
		told = append(told, feedback.ScoreText(score))
	}
	for state := feedback.CaseReceived; state.Known(); state++ {
		told = append(told, state.Text())
	}
	told = append(told, feedback.CaseState(0).Text()) // for one newer than this program
	ward := slices.IndexFunc(seed.Units, func(u feedback.Unit) bool { return u.Kind == feedback.Ward })
	return append(told, promised(seed.Units[ward].Name))
}

// promised is what the residents of a ward agree to, now and next. In another
// ward its name is heard where there is a voice or a recording.
func promised(ward string) (all []feedback.Text) {
	promises := feedback.Promises()
	for _, p := range promises[max(0, len(promises)-2):] {
		for _, part := range p.Parts {
			all = append(all, part.In(ward))
		}
	}
	return all
}

// vocabulary takes in every text of all languages inside a value.
func (all texts) vocabulary(value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		return err
	}
	all.walkTexts(tree)
	return nil
}

func (all texts) walkTexts(value any) {
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			all.walkTexts(v)
		}
	case map[string]any:
		if _, ok := value[string(feedback.Vietnamese)].(string); ok {
			for l, said := range value {
				all.say(feedback.Language(l), said.(string))
			}
			return
		}
		for _, v := range value {
			all.walkTexts(v)
		}
	}
}

// say takes in a text, or its sentences: many texts share some, and the first
// is there sooner.
func (all texts) say(l feedback.Language, said string) {
	parts := clip.Parts(said)
	if parts == nil {
		parts = []string{said}
	}
	for _, part := range parts {
		all[clip.Name(l, part)] = text{l, part}
	}
}
