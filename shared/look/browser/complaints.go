package browser

import (
	"context"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Complaints collects from now on what the browser itself objects to: broken
// policy, failed loads, uncaught errors.
func Complaints(ctx context.Context) func() []string {
	var mu sync.Mutex
	var all []string
	chromedp.ListenTarget(ctx, func(e any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := e.(type) {
		case *log.EventEntryAdded:
			if e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning {
				all = append(all, e.Entry.Text)
			}
		case *runtime.EventExceptionThrown:
			all = append(all, e.ExceptionDetails.Error())
		}
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}
