package feedback

// Right is what a person may ask about the data they gave (Law 91/2025/QH15
// art. 4). Its text is on the wire.
type Right string

const (
	RightSee      Right = "see"
	RightCorrect  Right = "correct"
	RightDelete   Right = "delete"
	RightWithdraw Right = "withdraw" // the consent once given
)

// Known says whether this program knows the right: a newer kiosk may send one
// it does not.
func (r Right) Known() bool {
	switch r {
	case RightSee, RightCorrect, RightDelete, RightWithdraw:
		return true
	}
	return false
}
