package wire

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const maxDetail = 400 // bytes of an Error's words

// Code numbers what can go wrong between a kiosk and the hub. Append only.
type Code uint16

const (
	CodeNone       Code = 0  // ordinary end
	CodeShutdown   Code = 1  // hub stops; come back after RetryAfter
	CodeBusy       Code = 2  // too many drains; come back after RetryAfter
	CodeVersion    Code = 3  // session version not spoken here; update the agent
	CodeMalformed  Code = 4  // a frame that is not a frame
	CodeTooLarge   Code = 5  // a length over its limit
	CodeUnexpected Code = 6  // a frame out of turn
	CodeSignature  Code = 7  // a batch not signed by this device
	CodeNotYours   Code = 8  // a journal that was not offered in this session
	CodeRevoked    Code = 9  // this device's trust has ended; ask the ward's IT for a new kit
	CodeUnknown    Code = 10 // certificate not in the registry; ask the ward's IT for a new kit
	CodeSilent     Code = 11 // nothing heard for too long
	CodeReplaced   Code = 12 // the same device opened a newer session
	CodeInternal   Code = 13 // the hub failed; nothing is lost; come back
	CodeEpoch      Code = 14 // the kiosk has seen a later restore epoch: this hub is an older copy
)

var codeText = map[Code]string{
	CodeNone: "bye", CodeShutdown: "hub is stopping", CodeBusy: "hub is busy",
	CodeVersion: "session version not spoken here", CodeMalformed: "malformed frame",
	CodeTooLarge: "over a limit", CodeUnexpected: "frame out of turn",
	CodeSignature: "batch signature does not verify", CodeNotYours: "journal was not offered",
	CodeRevoked: "device revoked", CodeUnknown: "device not registered",
	CodeSilent: "nothing heard", CodeReplaced: "newer session of this device",
	CodeInternal: "hub failed",
	CodeEpoch:    "hub is an older copy",
}

func (c Code) String() string {
	if s, ok := codeText[c]; ok {
		return s
	}
	return fmt.Sprintf("code %d", uint16(c))
}

// Error is a Code with the words that go beside it.
type Error struct {
	Code   Code
	Detail string
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Detail) }

// Errorf makes an Error. Its Detail always fits a Goodbye: a stranger's bytes
// quoted in it are shortened and cleaned.
func Errorf(c Code, format string, args ...any) *Error {
	detail := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return '?'
		}
		return r
	}, fmt.Sprintf(format, args...))
	if len(detail) > maxDetail {
		detail = strings.ToValidUTF8(detail[:maxDetail], "") + "…"
	}
	return &Error{Code: c, Detail: detail}
}
