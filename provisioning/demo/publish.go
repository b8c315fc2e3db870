package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// samples are what the ward of the demonstration tells its residents; all of it
// is invented and says so.
//
//go:embed published
var samples embed.FS

func (d *demo) published() string { return filepath.Join(d.data, "published") }

// publish tells kiosks the samples before there is one; from then on the folder
// is for who tries the hub to change, and to publish again.
func (d *demo) publish(ctx context.Context) error {
	if _, err := os.Stat(d.kit()); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(d.published()); errors.Is(err, os.ErrNotExist) {
		folder, err := fs.Sub(samples, "published")
		if err == nil {
			err = os.CopyFS(d.published(), folder)
		}
		if err != nil {
			return fmt.Errorf("write the samples: %w", err)
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(d.bin, "hub"), "publish", d.published(), "--data", filepath.Join(d.data, "hub"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("publish the samples: %w\n%s", err, out)
	}
	return nil
}
