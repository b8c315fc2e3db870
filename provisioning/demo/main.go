// Command demo keeps a hub and one enrolled kiosk running on this machine, as
// real processes: the shortest way from a clone to a tapped face.
//
// It promises that the kiosk comes to the hub the way every kiosk does, by a
// kit; that what was tapped is still there when it is run again on the same
// data folder; and that Ctrl-C stops all it started. A program that dies is
// started again after a pause long enough to try what the screen does without
// it.
//
// It is for trying and for tests; a ward installs packages instead.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	var d demo
	flag.StringVar(&d.bin, "bin", "bin", "folder of the three programs")
	flag.StringVar(&d.data, "data", "data", "folder to keep everything in")
	flag.DurationVar(&d.pause, "pause", 10*time.Second, "wait before a program that died is started again")
	flag.StringVar(&d.archive, "archive", "", `"s3" archives to a real S3 server on this machine (bin/s3server); else a folder`)
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := d.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}
