// Command hub receives what kiosks kept, keeps it, and shows it to the people
// who answer.
package main

import (
	"os"

	"nghe/hub/server"
)

func main() {
	os.Exit(server.Main(os.Args[1:], os.Stdout, os.Stderr))
}
