package kit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"time"

	"nghe/shared/ident"
)

type grade int

const (
	good grade = iota
	odd
	bad
)

// finding is one sentence of the examination, in both languages.
type finding struct {
	grade  grade
	vi, en string
}

func (f finding) String() string {
	return fmt.Sprintf("%s %s\n      %s", [...]string{"[ĐẠT]", "[CHÚ Ý]", "[LỖI]"}[f.grade], f.vi, f.en)
}

// clockDrift is how far two clocks may differ before it is worth a word.
const clockDrift = 2 * time.Minute

// hubPatience bounds the examination of one address.
const hubPatience = 10 * time.Second

// examine looks at the file, then at every address in it.
func examine(ctx context.Context, path string, now func() time.Time) []finding {
	k, found := examineFile(path)
	if found[len(found)-1].grade == bad {
		return found
	}
	if k.Expired(now()) {
		found = append(found, finding{odd, fmt.Sprintf("Theo đồng hồ máy này, kit đã hết hạn lúc %s; chỉ đồng hồ của hub mới quyết định.", stamp(k.Expires)),
			fmt.Sprintf("By this machine's clock the kit was over on %s; only the hub's clock decides.", stamp(k.Expires))})
	}
	reached := false
	for _, hub := range k.Hub {
		at, f := examineHub(ctx, k, hub)
		found = append(found, f)
		if f.grade == good {
			reached = true
			found = append(found, compareClocks(k, at, now())...)
		}
	}
	return append(found, verdict(k, reached, found))
}

func examineFile(path string) (ident.Kit, []finding) {
	file, err := os.Open(path)
	if err != nil {
		return ident.Kit{}, []finding{{bad, "Không mở được tệp kit: hãy kiểm tra đường dẫn và quyền đọc.", "The kit cannot be opened: " + err.Error()}}
	}
	defer file.Close()
	k, err := ident.ReadKit(file)
	if err != nil {
		return k, []finding{{bad, "Tệp kit bị hỏng hoặc bị cắt: hãy chép lại từ nơi đã tạo, hoặc tạo kit mới.", err.Error()}}
	}
	found := []finding{{good, fmt.Sprintf("Tệp kit nguyên vẹn, dành cho %s (%s, %s).", k.Place.Name, k.Place.ID, k.Place.Ward), "The kit is whole, for " + k.Place.ID + "."}}
	if info, err := file.Stat(); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		found = append(found, finding{odd, "Người dùng khác trên máy này đọc được tệp kit; hãy chạy: chmod 600 " + path, "Others on this machine can read the kit; run: chmod 600 " + path})
	}
	return k, found
}

// examineHub connects as an enrolling kiosk would and reads the hub's clock.
func examineHub(ctx context.Context, k ident.Kit, hub string) (hubClock time.Time, f finding) {
	ctx, cancel := context.WithTimeout(ctx, hubPatience)
	defer cancel()
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: ident.EnrolTLS(k), DisableKeepAlives: true}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, hub+"/healthz", nil)
	if err != nil {
		return hubClock, unreachable(hub, err)
	}
	resp, err := client.Do(q)
	if err != nil {
		return hubClock, unreachable(hub, err)
	}
	defer resp.Body.Close()
	hubClock, _ = http.ParseTime(resp.Header.Get("Date"))
	return hubClock, finding{good, fmt.Sprintf("Kết nối được %s và đúng là hub trong kit.", hub), fmt.Sprintf("%s answers and is the hub in the kit.", hub)}
}

func unreachable(hub string, err error) finding {
	missing := (*net.DNSError)(nil)
	switch ident.Diagnose(err) {
	case ident.FaultOtherHub:
		return finding{bad, fmt.Sprintf("%s là một hub khác với hub trong kit: nếu hub đã cài lại, hãy khôi phục hub hoặc tạo kit mới; nếu không, hãy sửa địa chỉ.", hub), err.Error()}
	case ident.FaultForeignAuthority:
		return finding{bad, fmt.Sprintf("%s không phải là hub: có thiết bị kiểm tra nội dung giữa đường, hoặc sai địa chỉ; hãy xin miễn kiểm tra cho địa chỉ này.", hub), err.Error()}
	case ident.FaultWrongName:
		return finding{bad, fmt.Sprintf("Đúng hub, nhưng chứng thư của hub không ghi địa chỉ %s; hãy khởi động hub với tên này.", hub), err.Error()}
	case ident.FaultNotTLS:
		return finding{bad, fmt.Sprintf("%s không trả lời bằng TLS: sai cổng, hoặc mạng đòi đăng nhập (trang chào Wi-Fi).", hub), "No TLS there: a wrong port, or a network that wants a sign-in first: " + err.Error()}
	}
	if errors.As(err, &missing) {
		return finding{odd, fmt.Sprintf("Không tìm thấy tên máy trong %s: hãy kiểm tra DNS.", hub), "The name is not found, check DNS: " + err.Error()}
	}
	return finding{odd, fmt.Sprintf("Không kết nối được %s: hãy kiểm tra dây mạng, tường lửa và hub đang chạy.", hub), "Not reachable, check cable, firewall, and that the hub runs: " + err.Error()}
}

func compareClocks(k ident.Kit, hub, here time.Time) (found []finding) {
	if hub.IsZero() {
		return []finding{{odd, "Hub không cho biết giờ của mình.", "The hub does not tell its time."}}
	}
	if k.Expired(hub) {
		found = append(found, finding{bad, fmt.Sprintf("Theo đồng hồ của hub, kit đã hết hạn lúc %s; hãy tạo kit mới.", stamp(k.Expires)),
			fmt.Sprintf("By the hub's clock the kit was over on %s; make a new one.", stamp(k.Expires))})
	}
	behind := hub.Sub(here).Round(time.Second)
	if behind.Abs() <= clockDrift {
		return append(found, finding{good, fmt.Sprintf("Đồng hồ máy này lệch hub %s.", behind), fmt.Sprintf("This machine's clock is %s from the hub's.", behind)})
	}
	return append(found, finding{odd, fmt.Sprintf("Đồng hồ máy này lệch hub %s; kiosk vẫn chạy, nhưng nên chỉnh lại giờ.", behind),
		fmt.Sprintf("This machine's clock is %s from the hub's; a kiosk works all the same, but set it right.", behind)})
}

func verdict(k ident.Kit, reached bool, found []finding) finding {
	if !reached {
		return finding{bad, "Không tới được hub bằng địa chỉ nào trong kit.", "The hub cannot be reached under any address in the kit."}
	}
	if slices.ContainsFunc(found, func(f finding) bool { return f.grade == bad }) {
		return finding{bad, "Chưa ghi danh được: hãy sửa các lỗi ở trên.", "Not ready to enrol: put right what is above."}
	}
	return finding{good, fmt.Sprintf("Máy này ghi danh được cho đến %s, nếu bộ kit chưa dùng cho máy khác (chỉ hub biết điều này, khi ghi danh).", stamp(k.Expires)),
		fmt.Sprintf("This machine can enrol until %s, unless the kit was used for another (only enrolling tells).", stamp(k.Expires))}
}

func stamp(t time.Time) string { return t.Local().Format("15:04 02/01/2006") }
