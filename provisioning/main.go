// Command provisioning is the ward IT's tool: it makes the kits that admit
// kiosks and finds out why one does not work.
package main

import (
	"os"

	"nghe/provisioning/kit"
)

func main() {
	os.Exit(kit.Main(os.Args[1:], os.Stdout, os.Stderr))
}
