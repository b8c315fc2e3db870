package agent

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"nghe/shared/durable"
	"nghe/shared/ident"
)

// membership is who this kiosk is: its key, and the identity a hub gave it or
// the kit that will earn one.
type membership struct {
	dir     string
	kitPath string
	key     crypto.Signer

	mu       sync.Mutex // guards what follows
	identity *ident.Identity
	kit      *ident.Kit
}

// errNoKit is said to whoever starts an agent that belongs nowhere.
var errNoKit = errors.New(`this kiosk is not enrolled: make a kit with "provisioning kit" and start with --kit FILE`)

// mayBegin refuses before anything is made: a typing error leaves no folder
// behind.
func mayBegin(cfg Config) error {
	m := &membership{dir: filepath.Join(cfg.Data, "identity"), kitPath: cfg.Kit}
	id, err := lookAtMembership(cfg.Data)
	if id != nil || err != nil {
		return nil // openMembership knows better what to make of it
	}
	kit, err := m.readKit()
	if err == nil && kit == nil {
		err = errNoKit
	}
	return err
}

func openMembership(cfg Config) (*membership, error) {
	m := &membership{dir: filepath.Join(cfg.Data, "identity"), kitPath: cfg.Kit}
	if err := durable.MkdirAll(m.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the identity folder: %w", err)
	}
	var err error
	if m.key, err = ident.OpenKey(m.dir); err != nil {
		return nil, fmt.Errorf("open the device key: %w", err)
	}
	if err := m.load(cfg.Logger); err != nil {
		return nil, err
	}
	if m.identity == nil && m.kit == nil {
		return nil, errNoKit
	}
	return m, nil
}

// load reads the identity, and the kit where it is another than the one the
// identity came from.
func (m *membership) load(log *slog.Logger) error {
	id, err := ident.LoadIdentity(m.dir)
	switch {
	case err == nil:
		m.identity = &id
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("read the identity: %w", err)
	}
	kit, err := m.readKit()
	if m.identity != nil {
		if unpaired := id.Belongs(m.key); unpaired != nil {
			if kit == nil {
				return errors.Join(unpaired, err)
			}
			log.Warn("the identity is not this key's; enrolling anew", "err", unpaired)
			m.identity, m.kit = nil, kit
			return nil
		}
	}
	if err != nil && m.identity != nil {
		log.Warn("the kit is not used", "err", err) // an enrolled kiosk needs none
		return nil
	}
	if err != nil {
		return err
	}
	if kit != nil && kit.Ticket != m.usedTicket() {
		m.kit = kit
	}
	return nil
}

// readKit returns nil where no kit was named, or its file has gone and is not
// needed.
func (m *membership) readKit() (*ident.Kit, error) {
	if m.kitPath == "" {
		return nil, nil
	}
	f, err := os.Open(m.kitPath)
	if errors.Is(err, fs.ErrNotExist) && m.identity != nil {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the kit: %w", err)
	}
	defer f.Close()
	kit, err := ident.ReadKit(f)
	if err != nil {
		return nil, fmt.Errorf("read the kit %s: %w", m.kitPath, err)
	}
	return &kit, nil
}

// place is where this kiosk stands: a kit's word counts only until a hub has
// spoken.
func (m *membership) place() ident.Place {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.identity != nil {
		return m.identity.Place
	}
	return m.kit.Place
}

func (m *membership) enrolled() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.identity != nil
}

func (m *membership) pending() *ident.Kit {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kit
}

func (m *membership) current() *ident.Identity {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.identity
}

// admit keeps what the hub gave: the identity first, so that a cut between the
// two files repeats the ticket, which the hub answers the same.
func (m *membership) admit(id ident.Identity, ticket string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := id.Save(m.dir); err != nil {
		return fmt.Errorf("keep the identity: %w", err)
	}
	if err := durable.WriteFile(m.ticketPath(), []byte(ticket), 0o600); err != nil {
		return fmt.Errorf("keep the ticket's name: %w", err)
	}
	m.identity, m.kit = &id, nil
	return nil
}

// renewKey gives up a key that the hub no longer trusts.
func (m *membership) renewKey() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key, err := ident.RenewKey(m.dir)
	if err != nil {
		return err
	}
	m.key, m.identity = key, nil
	return nil
}

// replaceKit puts another kit, or none, in the place of one that was refused.
func (m *membership) replaceKit(kit *ident.Kit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kit = kit
}

// lookAtMembership reads the identity without making or changing anything; nil
// when there is none.
func lookAtMembership(data string) (*ident.Identity, error) {
	id, err := ident.LoadIdentity(filepath.Join(data, "identity"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the identity: %w", err)
	}
	return &id, nil
}

func (m *membership) ticketPath() string { return filepath.Join(m.dir, "ticket") }

func (m *membership) usedTicket() string {
	text, err := os.ReadFile(m.ticketPath())
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
