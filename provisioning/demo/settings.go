package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"

	"nghe/shared/durable"
)

// settings are chosen once per data folder, so that what was enrolled at one
// address finds its hub there again.
type settings struct {
	Kiosks   string `json:"kiosks"`   // hub's listener for kiosks
	Console  string `json:"console"`  // hub's listener for people
	Screen   string `json:"screen"`   // kiosk's loopback listener
	Password string `json:"password"` // of the first account
}

func (s settings) consoleURL() string { return "http://" + s.Console }
func (s settings) screenURL() string  { return "http://" + s.Screen }

func loadSettings(path string) (settings, error) {
	var s settings
	text, err := os.ReadFile(path)
	if err == nil {
		if err := json.Unmarshal(text, &s); err != nil {
			return s, fmt.Errorf("read %s: %w; remove the data folder to begin anew", path, err)
		}
		return s, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return s, err
	}
	if s, err = chooseSettings(); err != nil {
		return s, err
	}
	text, err = json.MarshalIndent(s, "", "  ")
	if err != nil {
		return s, err
	}
	return s, durable.WriteFile(path, text, 0o600)
}

func chooseSettings() (settings, error) {
	s := settings{Password: rand.Text()[:20]}
	for _, choice := range []struct {
		address *string
		port    int
	}{{&s.Kiosks, 7443}, {&s.Console, 7080}, {&s.Screen, 7070}} {
		address, err := freeAddress(choice.port)
		if err != nil {
			return s, err
		}
		*choice.address = address
	}
	return s, nil
}

// free says whether another program answers at one of the addresses: it would
// be taken for ours, and told the password.
func (s settings) free() error {
	for _, address := range []string{s.Kiosks, s.Console, s.Screen} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("%s is taken by another program (%w); stop it, or remove the data folder to have other addresses chosen", address, err)
		}
		listener.Close()
	}
	return nil
}

// freeAddress is the wanted port of this machine, or any other that is free.
func freeAddress(port int) (string, error) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
