package screen

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"nghe/kiosk/bulletin"
	"nghe/kiosk/outbox"
	"nghe/kiosk/printer"
	"nghe/shared/feedback"
)

var (
	longNote   = strings.Repeat("Đường ống trước nhà văn hóa đã được thay mới, xin cảm ơn Ông/Bà đã báo. ", 20)
	longNotice = string([]rune(strings.Repeat("Phường đã lắp thêm mười hai bóng đèn ở ngõ 3 và sẽ thay các bóng còn lại trong tháng tới. ", 50))[:4000])
	answeredIs = bulletin.News{State: feedback.CaseAnswered, Version: 3, Note: "Ống nước đã được thay.", Updated: time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)}
)

// everything has the ward tell all that it can, and the kiosk take all.
func (w *ward) everything() {
	w.named()
	w.Lock()
	defer w.Unlock()
	w.paper.state = printer.Ready
	w.told.texts = feedback.Texts{
		feedback.TextReceptionPlace: {"vi": "Phòng tiếp công dân, tầng 1, trụ sở UBND phường Quảng Tiến, số 1 đường Nguyễn Du", "en": "Reception room, ground floor, ward office, 1 Nguyen Du"},
		feedback.TextReceptionDays:  {"vi": "Thứ Ba và thứ Năm hằng tuần, 7 giờ 30 đến 11 giờ", "en": "Tuesdays and Thursdays, 7.30 to 11"},
		"receipt.page":              {"vi": "https://nghe.quangtien.thanhhoa.gov.vn", "en": "https://nghe.quangtien.thanhhoa.gov.vn"},
	}
	w.told.facts = feedback.Facts{
		Contacts: contacts(),
		Houses:   []feedback.House{{Caretaker: feedback.Caretaker{Name: "Bà Nguyễn Thị Hương Giang", Phone: "0237 3821 113"}}},
		Areas:    areas(20),
	}
	w.told.notices = notices()
	w.card = Caretaker{Device: "3f9a1c07", Hub: "nghe.quangtien.thanhhoa.gov.vn:8443", Contact: "2026-11-20", Started: "2026-11-01",
		Conditions: []Condition{{Name: "disk-nearly-full", Level: "warning", Value: 91}, {Name: "clock-wrong", Level: "note"}},
		Waiting:    Waiting{Records: 2000, Files: 50}, Room: Room{Ratings: 1_200_000, Days: 900, Free: 3 << 30}, Printer: "ready"}
	w.news(answeredIs)
}

// nobody has nobody read messages, and nothing told.
func (w *ward) nobody() {
	w.forget()
	w.Lock()
	defer w.Unlock()
	w.readers[feedback.ReaderCases] = nil
}

func contacts() (all []feedback.Contact) {
	for i, kind := range []string{"ward", "health", "electricity", "water", "police", "rescue", "other"} {
		all = append(all, feedback.Contact{Kind: kind, Number: fmt.Sprintf("0237 3821 11%d", i),
			Name: feedback.Text{"vi": "Trực ban Ủy ban nhân dân phường Quảng Tiến, ngoài giờ hành chính", "en": "Duty officer of the ward, outside office hours"}})
	}
	return all
}

func areas(n int) (all []feedback.Area) {
	for i := range n {
		name := fmt.Sprintf("Tổ dân phố Tân Tiến %d", i+1)
		all = append(all, feedback.Area{Option: feedback.Option{ID: fmt.Sprintf("area-%d", i+1), Text: feedback.Text{"vi": name, "en": fmt.Sprintf("Neighbourhood Tan Tien %d", i+1)}}})
	}
	return all
}

func notices() (all []feedback.Notice) {
	for i := range 6 {
		all = append(all, feedback.Notice{ID: fmt.Sprintf("n-%d", i+1),
			Said:  feedback.Text{"vi": "Ngõ 3 tối, trẻ em đi học về sợ", "en": "Lane 3 is dark, children coming home from school are afraid"},
			Title: feedback.Text{"vi": "Đã lắp đèn ở ngõ 3, khu phố Tân Tiến", "en": "Lights in lane 3 of Tan Tien"},
			Body:  feedback.Text{"vi": "Phường đã lắp mười hai bóng đèn.", "en": "The ward has put up twelve lamps."}, Span: feedback.Span{From: "2026-11-20"}})
	}
	all[1].Said, all[1].Title, all[1].Body = nil, feedback.Text{"vi": "Lịch tiêm chủng và những điều cần biết", "en": "Vaccination days"}, feedback.Text{"vi": longNotice, "en": longNotice}
	return all
}

// news has the ward say what became of the message whose code is looked up.
func (w *ward) news(n bulletin.News) { w.told.news[lookedUpTag()] = n }

// claims are those of the kiosk, without those of other tests.
type claims struct {
	*outbox.Outbox
	w *ward
}

func (c claims) Claimed(tag [16]byte) ([]outbox.Claim, error) {
	c.w.Lock()
	defer c.w.Unlock()
	if c.w.others {
		return nil, nil
	}
	return c.Outbox.Claimed(tag)
}

// forget takes back what one test told the ward.
func (w *ward) forget() {
	w.Lock()
	defer w.Unlock()
	w.faults, w.broken, w.got, w.asked, w.readers[feedback.ReaderNamed], w.card = nil, nil, nil, nil, nil, Caretaker{}
	w.readers[feedback.ReaderCases] = w.cases
	w.paper.state, w.told.asked, w.told.notices, w.told.facts = printer.Missing, nil, nil, feedback.Facts{}
	w.told.texts, w.told.news = feedback.Texts{}, map[[16]byte]bulletin.News{}
	w.kept.Lock()
	defer w.kept.Unlock()
	w.kept.before, w.kept.after, w.kept.storage, w.kept.states, w.kept.ids, w.kept.kept = nil, nil, "", nil, nil, nil
}

// breaks has one address answer otherwise from now on.
func (w *ward) breaks(path string, f fault) {
	w.Lock()
	defer w.Unlock()
	if w.broken == nil {
		w.broken = map[string]fault{}
	}
	w.broken[path] = f
}

// undrawn takes a message whose code it cannot draw.
func undrawn(out http.ResponseWriter, _ *http.Request, _ http.Handler) {
	reply(out, http.StatusCreated, keptMessage{Receipt: string(lookedUp)})
}
