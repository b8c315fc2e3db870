package bulletin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"nghe/shared/feedback"
	"nghe/shared/seal"
	"nghe/shared/wire"
)

// Refused says what is wrong with a folder to publish, and where.
type Refused struct {
	File  string // below the folder
	Line  int    // from 1, where it is known
	In    string // what of the file, in words, where one of several is to blame
	Field string // JSON name, where one is to blame
	Want  string // what would be right
}

func (r *Refused) Error() string {
	where := r.File
	if r.Line > 0 {
		where += fmt.Sprintf(" line %d", r.Line)
	}
	for _, part := range []string{r.In, r.Field} {
		if part != "" {
			where += ", " + part
		}
	}
	return where + ": " + r.Want
}

func refused(file string, err error) error {
	r := &Refused{File: file, Want: err.Error()}
	if told := (*feedback.Invalid)(nil); errors.As(err, &told) {
		r.In = strings.TrimSuffix(strings.TrimSuffix(err.Error(), told.Error()), ": ")
		r.Field, r.Want = told.Field, told.Want
	}
	return r
}

// content is what a folder holds.
type content struct {
	questionnaires []feedback.Questionnaire
	notices        []feedback.Notice
	texts          feedback.Texts
	facts          feedback.Facts
	named          []wire.Recipient
	recorded       map[string][]byte // recordings, by clip.Name
	recordedBytes  int
	lacking        map[feedback.Language]int // texts that are not written in it
	from           map[string]string         // file of each, by what it is: "questionnaire today"
}

// maxFile bounds one file.
const maxFile = 256 << 10

// readFolder reads the folder whole and refuses whatever has no meaning in it.
func readFolder(dir string) (content, error) {
	c := content{texts: feedback.Texts{}, recorded: map[string][]byte{}, lacking: map[feedback.Language]int{}, from: map[string]string{}}
	root, err := os.OpenRoot(dir) // no link leads out of it
	if err != nil {
		return c, fmt.Errorf("read folder: %w", err)
	}
	defer root.Close()
	files := root.FS()
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return c, fmt.Errorf("read folder: %w", err)
	}
	for _, e := range entries {
		if err := c.entry(files, e); err != nil {
			return c, err
		}
	}
	if len(c.from) == 0 {
		return c, &Refused{File: dir, Want: "nothing to publish; put questionnaires/*.json, texts/*.json, notices/*.json, ward.json or recipients.json into it"}
	}
	return c, nil
}

func (c *content) entry(files fs.FS, e fs.DirEntry) error {
	name := e.Name()
	single := map[string]func(file string, text []byte) error{"ward.json": c.ward, "recipients.json": c.recipients}
	readers := map[string]func(file string, text []byte) error{"questionnaires": c.questionnaire, "texts": c.text, "notices": c.notice}
	switch {
	case strings.HasPrefix(name, ".") || name == "README.md":
		return nil
	case single[name] != nil:
		text, err := readFile(files, name)
		if err != nil {
			return err
		}
		return single[name](name, text)
	case name == "speech" && e.IsDir():
		return c.recordings(files, name)
	case readers[name] == nil || !e.IsDir():
		return &Refused{File: name, Want: "has no meaning here; there are questionnaires/, texts/, notices/, speech/, ward.json and recipients.json"}
	}
	entries, err := fs.ReadDir(files, name) // in the order of their names
	if err != nil {
		return refused(name, err)
	}
	for _, below := range entries {
		file := path.Join(name, below.Name())
		if strings.HasPrefix(below.Name(), ".") {
			continue
		}
		if path.Ext(file) != ".json" || below.IsDir() {
			return &Refused{File: file, Want: "has no meaning here; name files *.json"}
		}
		text, err := readFile(files, file)
		if err != nil {
			return err
		}
		if err := readers[name](file, text); err != nil {
			return err
		}
	}
	return nil
}

func readFile(files fs.FS, name string) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, refused(name, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, refused(name, err)
	}
	if len(text) > maxFile {
		return nil, &Refused{File: name, Want: "is longer than 256 KiB"}
	}
	return text, nil
}

// once refuses a second thing of one name.
func (c *content) once(file, what string) error {
	if other, twice := c.from[what]; twice {
		return &Refused{File: file, Want: fmt.Sprintf("%s is in %s already; keep one of them", what, other)}
	}
	c.from[what] = file
	return nil
}

func (c *content) questionnaire(file string, text []byte) error {
	var q feedback.Questionnaire
	if err := c.decode(file, text, &q); err != nil {
		return err
	}
	if err := q.Validate(); err != nil {
		return refused(file, err)
	}
	for i, asked := range q.Questions {
		if asked.Kind == feedback.Words || asked.Kind == feedback.Voice || asked.Kind == feedback.Photo {
			return &Refused{File: file, Field: fmt.Sprintf("questions[%d].kind", i), Want: fmt.Sprintf("a kiosk asks no question of kind %s: leave it out; whoever has more to say leaves a message, which every kiosk offers", asked.Kind)}
		}
	}
	c.questionnaires = append(c.questionnaires, q)
	return c.once(file, fmt.Sprintf("questionnaire %q", q.ID))
}

func (c *content) notice(file string, text []byte) error {
	var n feedback.Notice
	if err := c.decode(file, text, &n); err != nil {
		return err
	}
	if err := n.Validate(); err != nil {
		return refused(file, err)
	}
	c.notices = append(c.notices, n)
	return c.once(file, fmt.Sprintf("notice %q", n.ID))
}

func (c *content) text(file string, text []byte) error {
	var some feedback.Texts
	if err := c.decode(file, text, &some); err != nil {
		return err
	}
	for _, check := range []func() error{some.Validate, some.ValidateScreen} {
		if err := check(); err != nil {
			return refused(file, err)
		}
	}
	for id, t := range some {
		if err := c.once(file, fmt.Sprintf("text %q", id)); err != nil {
			return err
		}
		c.texts[id] = t
	}
	return nil
}

func (c *content) ward(file string, text []byte) error {
	c.from["ward"] = file
	if err := c.decode(file, text, &c.facts); err != nil {
		return err
	}
	if err := c.facts.Validate(); err != nil {
		return refused(file, err)
	}
	return nil
}

func (c *content) recipients(file string, text []byte) error {
	var list struct {
		Named []struct {
			Name string `json:"name"`
			Key  string `json:"key"`
		} `json:"named"`
	}
	if err := c.decode(file, text, &list); err != nil {
		return err
	}
	c.from["recipients"] = file
	var keys []string
	for i, r := range list.Named {
		field := fmt.Sprintf("named[%d].", i)
		if name := (feedback.Texts{"name": {feedback.Vietnamese: r.Name, feedback.English: r.Name}}); name.Validate() != nil || len(r.Name) > wire.MaxName {
			return &Refused{File: file, Field: field + "name", Want: "write the officer's name as residents shall read it, at most 128 bytes"}
		}
		if _, err := seal.Seal(seal.Letter{}, []string{r.Key}, false); err != nil || strings.ContainsAny(r.Key, "\n\r") {
			return &Refused{File: file, Field: field + "key", Want: "write the public half of the officer's key: age1…"}
		}
		keys = append(keys, r.Key)
		c.named = append(c.named, wire.Recipient{Name: r.Name, Key: r.Key})
	}
	if len(keys) == 0 {
		return nil
	}
	if _, err := seal.Seal(seal.Letter{}, keys, false); err != nil {
		return &Refused{File: file, Field: "named", Want: "all keys must be of one kind; make the old ones anew"}
	}
	return nil
}

// alwaysFirst are the questionnaires as kiosks get them: a kiosk that knows no
// schedules asks the first all day, so that is one which is always asked.
func (c content) alwaysFirst() []feedback.Questionnaire {
	all := slices.Clone(c.questionnaires)
	rank := func(q feedback.Questionnaire) int {
		if q.Schedule.Always() {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b feedback.Questionnaire) int { return rank(a) - rank(b) })
	return all
}

// sheet is the content as kiosks get it.
func (c content) sheet() (wire.BulletinBody, error) {
	s := wire.Sheet{Named: c.named}
	for _, q := range c.alwaysFirst() {
		text, err := json.Marshal(q)
		if err != nil {
			return wire.BulletinBody{}, err
		}
		s.Questionnaires = append(s.Questionnaires, text)
	}
	for _, n := range c.notices {
		text, err := json.Marshal(n)
		if err != nil {
			return wire.BulletinBody{}, err
		}
		s.Notices = append(s.Notices, text)
	}
	if c.from["ward"] != "" {
		text, err := json.Marshal(factsLeaf{&c.facts})
		if err != nil {
			return wire.BulletinBody{}, err
		}
		s.Notices = append(s.Notices, text)
	}
	if len(c.texts) > 0 {
		text, err := json.Marshal(c.texts)
		if err != nil {
			return wire.BulletinBody{}, err
		}
		s.Texts = text
	}
	return wire.BulletinBody{Sheet: []wire.Sheet{s}}, nil
}

// factsLeaf is what stands behind the notices of a sheet.
type factsLeaf struct {
	Facts *feedback.Facts `json:"facts"`
}
