package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"nghe/shared/durable"
	"nghe/shared/seal"
)

// recoveryFile holds the public half of the recovery key.
const recoveryFile = "recovery.pub"

const recoveryText = `# Copies of this hub are closed to this key. Its secret half was printed when
# the hub was first started, and is nowhere on this machine.
`

// OpenRecovery reads the recovery key kept in a folder, making one on first
// use. show is given the secret before anything is kept, so that a cut between
// the two shows another secret instead of none.
func OpenRecovery(dir string, show func(secret string)) (public string, err error) {
	path := filepath.Join(dir, recoveryFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeRecovery(path, show)
	}
	if err != nil {
		return "", fmt.Errorf("read the recovery key: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return line, nil
		}
	}
	return "", fmt.Errorf("read the recovery key: %s holds none; put it back from a copy, or remove the file: a new key is then made, and older copies stay with the old one", path)
}

func makeRecovery(path string, show func(secret string)) (public string, err error) {
	secret, public, err := seal.NewIdentity()
	if err != nil {
		return "", fmt.Errorf("make the recovery key: %w", err)
	}
	show(secret)
	if err := durable.WriteFile(path, []byte(recoveryText+public+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the recovery key: %w", err)
	}
	return public, nil
}
