// Package letter makes an officer's key and opens, at the officer's own
// machine, what was sealed to that officer.
//
// It promises that no file is replaced, that a secret is never printed, and
// that of a letter which does not open whole nothing is shown or written.
//
// It asks no hub and no network, and remembers nothing between runs.
package letter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode"

	"nghe/shared/command"
	"nghe/shared/durable"
	"nghe/shared/feedback"
	"nghe/shared/seal"
)

const maxKeyFile = 64 << 10 // bytes

// Key is "provisioning key".
type Key struct {
	Out string `required:"" type:"path" placeholder:"FILE" help:"File to write the secret to; it must not exist yet."`
}

// Run makes the key pair and prints the half that may be known.
func (k *Key) Run(out command.Output) error {
	secret, public, err := seal.NewIdentity()
	if err != nil {
		return err
	}
	if err := writeNew(k.Out, []byte(secret+"\n")); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Khóa bí mật ở %s: giữ riêng, sao lưu; mất là không mở được nữa. / The secret is in %[1]s: keep it to yourself, with a copy; without it nothing opens.\nGhi vào recipients.json / Put into recipients.json:\n%s\n", k.Out, public)
	return err
}

// Open is "provisioning open".
type Open struct {
	File string `arg:"" type:"path" placeholder:"FILE" help:"The sealed file, as downloaded from the console."`
	Key  string `required:"" type:"path" placeholder:"KEYFILE" help:"The officer's secret, as written by 'provisioning key'."`
	Out  string `type:"path" placeholder:"FILE" help:"Where a photo or a recording goes; without it beside the sealed file. Words and contact are printed."`
}

// Run prints what is text and writes what is not.
func (o *Open) Run(out command.Output) error {
	secret, err := read(o.Key, maxKeyFile)
	if err != nil {
		return err
	}
	sealed, err := read(o.File, feedback.MaxAttachmentSize)
	if err != nil {
		return err
	}
	l, err := o.open(sealed, string(secret))
	if err != nil {
		return err
	}
	switch feedback.AttachmentKind(l.Kind) {
	case feedback.AttachedWords:
		_, err = fmt.Fprintln(out, shown(string(l.Body)))
		return err
	case feedback.AttachedContact:
		return o.contact(l.Body, out)
	case feedback.AttachedVoice, feedback.AttachedPhoto:
		return o.keep(l, out)
	}
	return fmt.Errorf("%s: chương trình này chưa biết loại nội dung %d / this program does not know contents of kind %[2]d", o.File, l.Kind)
}

// open tells a wrong key from a damaged file. A file damaged where its readers
// stand looks like one for somebody else.
func (o *Open) open(sealed []byte, secret string) (seal.Letter, error) {
	if _, err := seal.Public(secret); err != nil && !strings.Contains(secret, "AGE-SECRET-KEY-1") {
		return seal.Letter{}, fmt.Errorf("%s không phải khóa bí mật còn nguyên / %[1]s is not a whole secret key", o.Key)
	}
	if _, err := seal.OpenStream(bytes.NewReader(sealed), secret); errors.Is(err, seal.ErrOtherReader) {
		return seal.Letter{}, fmt.Errorf("%s được niêm phong cho khóa khác, không mở được bằng %s / %[1]s was sealed to another key than %[2]s: %[3]w", o.File, o.Key, err)
	}
	l, err := seal.Open(sealed, secret)
	if err != nil {
		return seal.Letter{}, o.damaged(err)
	}
	return l, nil
}

func (o *Open) damaged(err error) error {
	return fmt.Errorf("%s bị hỏng hoặc không phải tệp niêm phong, hãy tải lại / %[1]s is damaged or not a sealed file, download it again: %[2]w", o.File, err)
}

func (o *Open) contact(body []byte, out io.Writer) error {
	var c struct{ Name, Phone, Address string }
	if err := json.Unmarshal(body, &c); err != nil {
		return o.damaged(errors.New("the contact cannot be read"))
	}
	for _, line := range [...][2]string{{"Họ và tên / Name", c.Name}, {"Điện thoại / Phone", c.Phone}, {"Địa chỉ / Address", c.Address}} {
		if line[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(out, "%s: %s\n", line[0], shown(line[1])); err != nil {
			return err
		}
	}
	return nil
}

// endings of the media types that kiosks seal.
var endings = map[string]string{
	"image/jpeg": ".jpg", "image/webp": ".webp", "image/png": ".png",
	"audio/webm": ".webm", "audio/ogg": ".ogg", "audio/mp4": ".m4a",
}

func (o *Open) keep(l seal.Letter, out io.Writer) error {
	path := o.Out
	if path == "" {
		mediaType, _, _ := strings.Cut(l.Type, ";")
		ending, known := endings[mediaType]
		if !known {
			return command.Refusef("%s: không rõ đuôi tệp của %q, hãy thêm --out / no file ending is known for %[2]q, add --out", o.File, l.Type)
		}
		path = strings.TrimSuffix(o.File, filepath.Ext(o.File)) + ending
	}
	if err := writeNew(path, l.Body); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "Đã ghi / Written: %s\n", path)
	return err
}

// shown takes out what would command a terminal or hide or turn round text.
func shown(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' || r == '\u00a0' || r == '\u200d' {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

func read(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("không đọc được / cannot read: %w", err)
	}
	defer f.Close() // read only
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("không đọc được / cannot read: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s quá lớn / %[1]s is too large: limit %[2]d bytes", path, limit)
	}
	return data, nil
}

// writeNew holds the name first, so that of two writers one is refused.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return command.Refusef("%s đã có, không ghi đè / %[1]s exists and is not replaced", path)
	}
	if err != nil {
		return fmt.Errorf("không ghi được / cannot write: %w", err)
	}
	if err := errors.Join(f.Close(), durable.WriteFile(path, data, 0o600)); err != nil && !wholeOnWindows(path, data) {
		_ = os.Remove(path) // the first error is the one to tell
		return fmt.Errorf("không ghi được / cannot write: %w", err)
	}
	return nil
}

// wholeOnWindows: Windows refuses to sync a folder, which is the last thing
// WriteFile does; the bytes are synced and named by then.
func wholeOnWindows(path string, data []byte) bool {
	if runtime.GOOS != "windows" {
		return false
	}
	got, err := os.ReadFile(path)
	return err == nil && bytes.Equal(got, data)
}
