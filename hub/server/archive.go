package server

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"nghe/hub/archive"
	"nghe/shared/command"
)

type s3Command struct {
	Check checkArchiveCommand `cmd:"" help:"Try out what an archive, S3 or folder, can and cannot do; leaves nothing behind. Exit 0 when nothing is bad."`
}

type checkArchiveCommand struct {
	Archive string `required:"" placeholder:"DIR|s3://…" help:"The archive: a folder, or s3://HOST/BUCKET with NGHE_ARCHIVE_KEY and NGHE_ARCHIVE_SECRET."`
	Data    string `placeholder:"DIR" help:"The hub's data folder, to say whether the archive outlives its disk."`
	JSON    bool   `help:"Print JSON, for scripts."`
}

func (c *checkArchiveCommand) Run(ctx context.Context, out command.Output) error {
	store, err := archive.Open(c.Archive)
	if err != nil {
		return command.Refusef("%v", err)
	}
	findings := archive.Examine(ctx, store)
	if c.Data != "" {
		findings = append(findings, archive.Distance(store, c.Data))
	}
	if err := c.print(out, findings); err != nil {
		return err
	}
	bad := func(f archive.Finding) bool { return f.Level == archive.Bad }
	if slices.ContainsFunc(findings, bad) {
		return fmt.Errorf("%s is not fit to be the archive: change what is marked bad, then check again", store)
	}
	return nil
}

func (c *checkArchiveCommand) print(out command.Output, findings []archive.Finding) error {
	if c.JSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(findings)
	}
	for _, f := range findings {
		if _, err := fmt.Fprintf(out, "%-4s  %-8s  %s\n%16s%s\n", f.Level, f.Check, f.Vietnamese, "", f.English); err != nil {
			return err
		}
	}
	return nil
}
