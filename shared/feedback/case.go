package feedback

// CaseState says how far the ward is with a message. Numbers are on the wire
// and in case boxes: append only.
type CaseState uint8

// The road of most cases, in order.
const (
	CaseReceived         CaseState = 1
	CaseClassified       CaseState = 2
	CaseAssigned         CaseState = 3
	CaseInProgress       CaseState = 4
	CaseAwaitingDetails  CaseState = 5
	CaseAwaitingApproval CaseState = 6
	CaseAnswered         CaseState = 7
	CaseClosed           CaseState = 8
	CaseReopened         CaseState = 9
)

// Where a case may leave that road.
const (
	CaseForwarded   CaseState = 10 // to the body that is competent
	CaseReturned    CaseState = 11 // with guidance on where to go
	CaseNotAccepted CaseState = 12 // khiếu nại and tố cáo only
	CaseNotEligible CaseState = 13
	CaseDuplicate   CaseState = 14
	CaseNoted       CaseState = 15 // praise, suggestions
	CaseWithdrawn   CaseState = 16 // by whoever sent it
	CaseSuspended   CaseState = 17
	CaseStopped     CaseState = 18
	CaseFiled       CaseState = 19
)

// caseStates are ids, which scripts use, and what residents read.
var caseStates = [...]Option{
	CaseReceived:         {"received", Text{Vietnamese: "Mới tiếp nhận", English: "Received", Korean: "접수됨", Chinese: "已收到"}},
	CaseClassified:       {"classified", Text{Vietnamese: "Đã phân loại", English: "Classified", Korean: "분류됨", Chinese: "已分类"}},
	CaseAssigned:         {"assigned", Text{Vietnamese: "Đã phân công", English: "Assigned", Korean: "담당자 지정됨", Chinese: "已分派"}},
	CaseInProgress:       {"in-progress", Text{Vietnamese: "Đang xử lý", English: "In progress", Korean: "처리 중", Chinese: "处理中"}},
	CaseAwaitingDetails:  {"awaiting-details", Text{Vietnamese: "Chờ bổ sung thông tin", English: "Awaiting details", Korean: "추가 정보 대기 중", Chinese: "等待补充信息"}},
	CaseAwaitingApproval: {"awaiting-approval", Text{Vietnamese: "Chờ duyệt trả lời", English: "Awaiting approval of the reply", Korean: "답변 승인 대기 중", Chinese: "答复待批准"}},
	CaseAnswered:         {"answered", Text{Vietnamese: "Đã trả lời", English: "Answered", Korean: "답변 완료", Chinese: "已答复"}},
	CaseClosed:           {"closed", Text{Vietnamese: "Đã đóng", English: "Closed", Korean: "종결됨", Chinese: "已结案"}},
	CaseReopened:         {"reopened", Text{Vietnamese: "Mở lại", English: "Reopened", Korean: "다시 열림", Chinese: "已重新办理"}},
	CaseForwarded:        {"forwarded", Text{Vietnamese: "Đã chuyển đến cơ quan có thẩm quyền", English: "Forwarded to the competent body", Korean: "관할 기관으로 이송됨", Chinese: "已转交主管机关"}},
	CaseReturned:         {"returned", Text{Vietnamese: "Trả lại, hướng dẫn", English: "Returned with guidance", Korean: "안내와 함께 반려됨", Chinese: "已退回并给予指引"}},
	CaseNotAccepted:      {"not-accepted", Text{Vietnamese: "Không thụ lý", English: "Not accepted", Korean: "수리하지 않음", Chinese: "不予受理"}},
	CaseNotEligible:      {"not-eligible", Text{Vietnamese: "Không đủ điều kiện xử lý", English: "Not eligible for handling", Korean: "처리 요건을 갖추지 못함", Chinese: "不符合办理条件"}},
	CaseDuplicate:        {"duplicate", Text{Vietnamese: "Trùng lặp", English: "Duplicate", Korean: "중복", Chinese: "重复"}},
	CaseNoted:            {"noted", Text{Vietnamese: "Đã ghi nhận", English: "Noted", Korean: "기록됨", Chinese: "已记录"}},
	CaseWithdrawn:        {"withdrawn", Text{Vietnamese: "Người gửi đã rút", English: "Withdrawn by the sender", Korean: "보낸 분이 철회함", Chinese: "发送人已撤回"}},
	CaseSuspended:        {"suspended", Text{Vietnamese: "Tạm đình chỉ", English: "Suspended", Korean: "일시 중지됨", Chinese: "暂停办理"}},
	CaseStopped:          {"stopped", Text{Vietnamese: "Đình chỉ", English: "Stopped", Korean: "중단됨", Chinese: "终止办理"}},
	CaseFiled:            {"filed", Text{Vietnamese: "Lưu đơn", English: "Filed", Korean: "보관 처리됨", Chinese: "已存档"}},
}

// Known says whether this program knows the state: a newer hub may send one it
// does not.
func (s CaseState) Known() bool { return s > 0 && int(s) < len(caseStates) }

// String is the state's id, "" for one not known.
func (s CaseState) String() string {
	if !s.Known() {
		return ""
	}
	return caseStates[s].ID
}

// Text is what a resident reads; for a state not known, that work goes on.
func (s CaseState) Text() Text {
	if !s.Known() {
		return caseStates[CaseInProgress].Text
	}
	return caseStates[s].Text
}

// ParseCaseState finds a state by its id.
func ParseCaseState(id string) (CaseState, bool) {
	for s := range caseStates {
		if s > 0 && caseStates[s].ID == id {
			return CaseState(s), true
		}
	}
	return 0, false
}

// CaseStates lists every state there is, in the order of their numbers.
func CaseStates() []CaseState {
	var all []CaseState
	for s := range caseStates[1:] {
		all = append(all, CaseState(s+1))
	}
	return all
}

// Open says whether the ward still has to do something.
func (s CaseState) Open() bool {
	switch s {
	case CaseReceived, CaseClassified, CaseAssigned, CaseInProgress, CaseAwaitingDetails, CaseAwaitingApproval, CaseReopened, CaseSuspended:
		return true
	}
	return false
}

// MayReply says whether the ward has given its answer, so that whoever sent the
// message may confirm it or have the case reopened.
func (s CaseState) MayReply() bool {
	return s == CaseAnswered || s == CaseClosed || s == CaseReturned || s == CaseNotEligible
}

// mainRoad is how far along a state is; 0 beside the road.
func (s CaseState) mainRoad() int {
	if s <= CaseClosed {
		return int(s)
	}
	return 0
}

// May says whether a case may go from s to next. Steps of the main road may be
// left out, since a small ward has one person for several of them.
func (s CaseState) May(next CaseState) bool {
	switch {
	case !s.Known() || !next.Known() || next == CaseNotAccepted:
		return false // a kiosk takes no khiếu nại and no tố cáo
	case !s.Open():
		return next == CaseReopened || s == CaseAnswered && next == CaseClosed
	case next == CaseReopened:
		return false
	case s == CaseReopened, s == CaseSuspended:
		return next != CaseReceived && next != CaseClosed
	case next == CaseInProgress && s > CaseInProgress:
		return true // details came, or a reply was not approved
	case next.mainRoad() == 0:
		return true
	}
	return next.mainRoad() > s.mainRoad() && next != CaseClosed
}

// MaxNote is the longest note, in bytes, that a case box can carry.
const MaxNote = 2000

// ValidNote says why a note cannot be shown to whoever asks about a case.
func ValidNote(note string) error {
	if note == "" {
		return nil
	}
	if len(note) > MaxNote {
		return invalid("note", "write at most 2,000 bytes, about 1,300 letters")
	}
	if want := wrongTextOf(note, MaxNote); want != "" {
		return invalid("note", want)
	}
	return nil
}
