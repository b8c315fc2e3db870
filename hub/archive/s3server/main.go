// Command s3server is a real S3 server, for tests and for trying things out:
// it keeps a bucket in a folder and speaks HTTPS on loopback, with a
// certificate of its own.
//
//	s3server -data DIR [-listen 127.0.0.1:PORT] [-bucket NAME] [-leash]
//
// Once it answers it prints, among what the gateway says, two lines: the
// bucket's location with its key and secret, and the file of its certificate:
//
//	s3://KEY:SECRET@127.0.0.1:PORT/NAME
//	DIR/certificate.pem
//
// Started again on the same folder it is the same server: address, key,
// secret, certificate and objects stay.
//
// It does not promise to keep anything through a power cut: the gateway in it
// never syncs. It is a module of its own, so that its weight stays out of the
// hub's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

func main() {
	var c config
	flag.StringVar(&c.data, "data", "", "folder of everything the server keeps; made when missing")
	flag.StringVar(&c.listen, "listen", "", "loopback address; empty: the one it had before, or a free one")
	flag.StringVar(&c.bucket, "bucket", "nghe", "bucket to make when missing")
	flag.BoolVar(&c.leash, "leash", false, "end when standard input ends, so as not to outlive who started it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if c.leash {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	if err := run(ctx, c); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "s3server:", err)
		os.Exit(1)
	}
}

type config struct {
	data, listen, bucket string
	leash                bool
}

func run(ctx context.Context, c config) error {
	if c.data == "" {
		return errors.New("say where to keep the objects: -data DIR")
	}
	k, err := openKeep(c)
	if err != nil {
		return err
	}
	backend, err := posix.New(k.file("objects"), k.meta(), posix.PosixOpts{VersioningDir: k.file("versions"), SideCarDir: k.sidecar, Concurrency: 64})
	if err != nil {
		return fmt.Errorf("open the objects: %w", err)
	}
	go k.announce(ctx)
	return embedgw.RunVersityGW(ctx, backend, &embedgw.Config{
		RootUserAccess: k.Key, RootUserSecret: k.Secret, Ports: []string{k.Address},
		CertFile: k.file(certificate), KeyFile: k.file(certificateKey),
		MaxConnections: 256, MaxRequests: 256, MultipartMaxParts: 10_000, KeepAlive: true, Quiet: true,
	})
}

// meta keeps what S3 knows of an object beside its bytes: in the file system's
// own attributes where it has them.
func (k *keep) meta() meta.MetadataStorer {
	if k.sidecar == "" {
		return meta.XattrMeta{}
	}
	s, err := meta.NewSideCar(k.sidecar)
	if err != nil { // the folder was made a moment ago
		panic(err)
	}
	return s
}

// announce prints the location once the listener answers.
func (k *keep) announce(ctx context.Context) {
	for ctx.Err() == nil {
		c, err := net.DialTimeout("tcp", k.Address, time.Second)
		if err == nil {
			c.Close()
			fmt.Printf("s3://%s:%s@%s/%s\n%s\n", k.Key, k.Secret, k.Address, k.bucket, filepath.Join(k.dir, certificate))
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
