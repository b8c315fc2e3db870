package browser

import "github.com/chromedp/cdproto/runtime"

// await has an evaluation wait for its promise.
func await(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
