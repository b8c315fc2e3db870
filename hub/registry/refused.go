package registry

import (
	"fmt"
	"time"
)

// Code numbers why an enrolment is refused. Append only.
type Code uint16

const (
	CodeUnknown   Code = 1 // no such kit here
	CodeForeign   Code = 2 // a kit of another hub
	CodeAltered   Code = 3 // not made with the kit's secret
	CodeUsed      Code = 4 // used by another key
	CodeExpired   Code = 5 // over by the hub's clock
	CodeMalformed Code = 6 // not a request, or its sender does not hold the key
	CodeRevoked   Code = 7 // this key's trust has ended
)

var words = map[Code]string{
	CodeUnknown: "kit-unknown", CodeForeign: "kit-foreign", CodeAltered: "kit-altered", CodeUsed: "kit-used",
	CodeExpired: "kit-expired", CodeMalformed: "request-malformed", CodeRevoked: "key-revoked",
}

// String is the code as a word, as it stands in JSON errors.
func (c Code) String() string {
	if word, ok := words[c]; ok {
		return word
	}
	return fmt.Sprintf("refused-%d", uint16(c))
}

// Refused is an enrolment that was not granted.
type Refused struct {
	Code   Code
	Say    string // English
	SayVI  string // Vietnamese, for the screen and the ward's IT
	Device string // the device that asked, where its key was proved
}

func (e *Refused) Error() string { return fmt.Sprintf("%s (E%d)", e.Say, uint16(e.Code)) }

// Vietnamese is the same sentence for the people at the kiosk.
func (e *Refused) Vietnamese() string { return fmt.Sprintf("%s (E%d)", e.SayVI, uint16(e.Code)) }

func refuse(code Code, say, sayVI string) *Refused {
	return &Refused{Code: code, Say: say, SayVI: sayVI}
}

func day(us int64) string { return time.UnixMicro(us).UTC().Format("2006-01-02 15:04 UTC") }

func refusedUnknown() *Refused {
	return refuse(CodeUnknown, "the hub does not know this kit; make a new one with \"provisioning kit\"",
		"Hub không biết bộ kit này; hãy tạo bộ kit mới bằng \"provisioning kit\"")
}

func refusedForeign() *Refused {
	return refuse(CodeForeign, "this kit belongs to another hub; use a kit that was made at this hub",
		"Bộ kit này thuộc một hub khác; hãy dùng bộ kit tạo tại hub này")
}

func refusedAltered() *Refused {
	return refuse(CodeAltered, "the kit's secret does not fit its ticket; copy the kit file again from where it was made",
		"Mã bí mật trong bộ kit không khớp; hãy chép lại tệp kit từ nơi đã tạo")
}

func refusedUsed(t ticket) *Refused {
	return refuse(CodeUsed, fmt.Sprintf("this kit was used on %s by device %s; every kiosk needs a kit of its own, make a new one and ask who used this one", day(t.used), t.device),
		fmt.Sprintf("Bộ kit này đã dùng lúc %s cho thiết bị %s; mỗi kiosk cần một bộ kit riêng, hãy tạo bộ mới và kiểm tra ai đã dùng bộ này", day(t.used), t.device))
}

func refusedExpired(t ticket) *Refused {
	return refuse(CodeExpired, fmt.Sprintf("this kit was valid until %s; make a new one with \"provisioning kit\"", day(t.expires)),
		fmt.Sprintf("Bộ kit này đã hết hạn lúc %s; hãy tạo bộ kit mới bằng \"provisioning kit\"", day(t.expires)))
}

func refusedMalformed(why string) *Refused {
	return refuse(CodeMalformed, "the request is not a valid enrolment ("+why+"); update the agent and try again",
		"Yêu cầu ghi danh không hợp lệ; hãy cập nhật phần mềm kiosk rồi thử lại")
}

func refusedRevoked(d Device) *Refused {
	return refuse(CodeRevoked, fmt.Sprintf("the trust in device %s has ended (%s); give the kiosk a new kit, it will make itself a new key", d.ID, d.Reason),
		fmt.Sprintf("Thiết bị %s đã bị thu hồi (%s); hãy cấp bộ kit mới cho kiosk, máy sẽ tự tạo khóa mới", d.ID, d.Reason))
}
