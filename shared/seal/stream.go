package seal

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// Stream closes what is written to it to readers, whatever its length, in
// chunks as it comes. Close ends it; what was not closed does not open whole.
func Stream(w io.Writer, readers []string) (io.WriteCloser, error) {
	if len(readers) == 0 {
		return nil, errors.New("seal stream: nobody to read it")
	}
	recipients, err := age.ParseRecipients(strings.NewReader(strings.Join(readers, "\n")))
	if err != nil {
		return nil, fmt.Errorf("seal stream: %w", err)
	}
	sealed, err := age.Encrypt(w, recipients...)
	if err != nil {
		return nil, fmt.Errorf("seal stream: %w", err)
	}
	return sealed, nil
}

// OpenStream reads a stream with the secret of one of its readers. Only what
// was read up to io.EOF is all of it: an error before means that bytes are
// missing or were changed.
func OpenStream(r io.Reader, secret string) (io.Reader, error) {
	identities, err := identitiesOf(secret)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	opened, err := age.Decrypt(r, identities...)
	if none := (*age.NoIdentityMatchError)(nil); errors.As(err, &none) {
		return nil, fmt.Errorf("open stream: %w", ErrOtherReader)
	}
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	return opened, nil
}

// ErrOtherReader says that a secret is not one of those a stream was closed to.
var ErrOtherReader = errors.New("sealed to another key")

// Public is the public half of a secret that NewIdentity made.
func Public(secret string) (string, error) {
	identities, err := identitiesOf(secret)
	if err != nil {
		return "", err
	}
	if id, ok := identities[0].(*age.HybridIdentity); ok && len(identities) == 1 {
		return id.Recipient().String(), nil
	}
	return "", errNoSecret
}

var errNoSecret = errors.New("not a secret key: it begins with AGE-SECRET-KEY-PQ-1")

func identitiesOf(secret string) ([]age.Identity, error) {
	identities, err := age.ParseIdentities(strings.NewReader(secret))
	if err != nil || len(identities) == 0 {
		return nil, errNoSecret // age would quote what it read
	}
	return identities, nil
}
