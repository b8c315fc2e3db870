package reports

import (
	"strings"
	"time"
)

// Kiosk is what completeness asks about one kiosk.
type Kiosk struct {
	Name     string
	Received uint64    // records the hub holds
	Waiting  uint64    // records it last said it still holds alone
	Lost     uint64    // records declared lost
	Silent   time.Time // since when it should have spoken and did not; zero while all is well
}

// Completeness is how much of what was answered at a place is counted here.
type Completeness struct {
	Received, Waiting, Lost uint64
	Silent                  []Kiosk
}

// Complete adds up kiosks. What a silent kiosk took since it last spoke is
// unknown, so the share is a best guess and the sentence says "about".
func Complete(kiosks []Kiosk) Completeness {
	var c Completeness
	for _, k := range kiosks {
		c.Received += k.Received
		c.Waiting += k.Waiting
		c.Lost += k.Lost
		if !k.Silent.IsZero() {
			c.Silent = append(c.Silent, k)
		}
	}
	return c
}

// Share is received over all that is known to exist, 0…1. It is 1 only when
// nothing is known to be missing.
func (c Completeness) Share() float64 {
	all := c.Received + c.Waiting + c.Lost
	if all == 0 {
		return 1
	}
	return float64(c.Received) / float64(all)
}

// Whole says that nothing is known to be missing and nobody is silent.
func (c Completeness) Whole() bool { return c.Waiting == 0 && c.Lost == 0 && len(c.Silent) == 0 }

// Sentence says it: "98,6% đầy đủ; qt-07 im lặng từ 14:10, khoảng 23 phiếu
// chờ".
func (c Completeness) Sentence(l Locale, now time.Time) string {
	parts := []string{c.percent(l) + l.say(" đầy đủ", " complete")}
	spoken := c.Waiting
	for _, k := range c.Silent {
		text := k.Name + l.say(" im lặng từ ", " silent since ") + l.When(k.Silent, now)
		if k.Waiting > 0 {
			text += ", " + about(l, k.Waiting)
			spoken -= k.Waiting
		}
		parts = append(parts, text)
	}
	if spoken > 0 {
		parts = append(parts, about(l, spoken))
	}
	if c.Lost > 0 {
		parts = append(parts, l.Integer(int64(c.Lost))+l.say(" phiếu khai báo mất", " declared lost"))
	}
	return strings.Join(parts, "; ")
}

// percent never rounds up to 100 while something is missing.
func (c Completeness) percent(l Locale) string {
	share := c.Share()
	if share < 1 {
		return l.Percent(min(share, 0.999), 1)
	}
	return l.Percent(1, 0)
}

func about(l Locale, n uint64) string {
	return l.say("khoảng ", "about ") + l.Integer(int64(n)) + l.say(" phiếu chờ", " waiting")
}

func (l Locale) say(vi, en string) string {
	if l == English {
		return en
	}
	return vi
}
