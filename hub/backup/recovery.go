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
# it was made, and is nowhere on this machine.
`

// ErrNoRecovery says that copies could be closed to nobody.
var ErrNoRecovery = errors.New("this hub has no recovery key yet, and no copy is made without one: run hub recovery-key --data DIR at a screen, and lock away what it prints")

// Recovery reads the recovery key kept in a folder.
func Recovery(dir string) (public string, err error) {
	path := filepath.Join(dir, recoveryFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNoRecovery
	}
	if err != nil {
		return "", fmt.Errorf("read the recovery key: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return line, nil
		}
	}
	return "", fmt.Errorf("read the recovery key: %s holds none; put it back from a copy, or remove the file and run hub recovery-key: older copies stay with the old key", path)
}

// MakeRecovery makes a recovery key and keeps its public half in a folder, in
// place of another. show is given the secret before anything is kept, so that a
// cut between the two shows another secret instead of none.
func MakeRecovery(dir string, show func(secret string)) error {
	secret, public, err := seal.NewIdentity()
	if err != nil {
		return fmt.Errorf("make the recovery key: %w", err)
	}
	show(secret)
	if err := durable.WriteFile(filepath.Join(dir, recoveryFile), []byte(recoveryText+public+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep the recovery key: %w", err)
	}
	return nil
}
