// Command kiosk is the agent of one touch screen: it keeps what residents say
// and carries it to the hub whenever there is a way.
package main

import (
	"os"

	"nghe/kiosk/agent"
)

func main() {
	os.Exit(agent.Main(os.Args[1:], os.Stdout, os.Stderr))
}
