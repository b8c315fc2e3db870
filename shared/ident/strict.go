package ident

import (
	"fmt"
	"io"

	"nghe/shared/strict"
)

// Limits of what is read from strangers.
const (
	maxMessage   = 32 << 10 // bytes of a kit, a request, an answer, an identity
	maxHubs      = 8
	maxName      = 200 // characters
	maxNote      = 1000
	maxProgram   = 100
	maxAuthority = 4
	maxCasesKey  = 4096 // characters; a post-quantum recipient has about 2,000
)

// readStrict reads one message of a stranger, of bounded length and one
// reading.
func readStrict(r io.Reader, into any) error {
	data, err := io.ReadAll(io.LimitReader(r, maxMessage+1))
	if err != nil {
		return err
	}
	if len(data) > maxMessage {
		return fmt.Errorf("longer than %d bytes", maxMessage)
	}
	return strict.JSON(data, into)
}
