package cloudtaser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"cloudtaser.io/sdk-go/internal/bridge"
	"cloudtaser.io/sdk-go/internal/devfile"
	"cloudtaser.io/sdk-go/internal/memory"
	"cloudtaser.io/sdk-go/internal/region"
)

func init() {
	bridge.EachValue = func(store any, f func(value []byte) error) error {
		return store.(*Store).each(f)
	}
	bridge.OpenBlock = func(block *memory.Block) (store, keeper any, err error) {
		src, err := newSource(block)
		if err != nil {
			return nil, nil, err
		}
		s := &Store{}
		s.watcher.interval = shortestInterval
		s.source.Store(src)
		return s, src, nil
	}
}

// each calls f with every value.
func (s *Store) each(f func(value []byte) error) error {
	src := s.source.Load()
	if src == nil {
		return failed("use", "", ErrClosed)
	}
	for i := range src.region.Entries {
		e := &src.region.Entries[i]
		if err := src.use(e, e.Reference, s.minimum, f); err != nil {
			return err
		}
	}
	return nil
}

// openDevelopment reads the development source into a region in ordinary memory, and says so.
// Fails closed: whoever demands protection gets none of this.
func openDevelopment(ctx context.Context, o options, minimum Protection) (*Store, error) {
	if os.Getenv(envMinProtection) != "" || minimum > ProtectionNone {
		return nil, fmt.Errorf("%w: not started by the wrapper, and a minimum forbids the "+
			"development source", ErrProtection)
	}
	specs, err := readDevelopment(ctx, o.development)
	if err != nil {
		return nil, fmt.Errorf("development source: %w", err)
	}
	block, err := memory.New(region.Size(specs))
	if err != nil {
		return nil, err
	}
	_, err = region.Write(block.Words(), specs, uint32(ProtectionNone))
	for _, spec := range specs {
		clear(spec.Value)
	}
	if err != nil {
		block.Free()
		return nil, err
	}
	src, err := newSource(block)
	if err != nil {
		return nil, err
	}
	s := &Store{}
	s.watcher.interval = o.interval
	s.source.Store(src)
	fmt.Fprintf(o.warnings, "cloudtaser: WARNING: INSECURE DEVELOPMENT SOURCE (%s): secrets were "+
		"read by this process itself and lay in ordinary memory; not for production\n",
		o.development)
	return s, nil
}

func readDevelopment(ctx context.Context, source string) ([]region.Spec, error) {
	if file, ok := strings.CutPrefix(source, "file:"); ok {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		defer clear(text)
		return devfile.Lines(text)
	}
	if source != "store" {
		return nil, fmt.Errorf("CLOUDTASER_DEV_SOURCE is neither store nor file:PATH")
	}
	// It may ask for a passphrase on the terminal; its errors go where ours go.
	cmd := exec.CommandContext(ctx, "cloudtaser", "store", "export", "--format", "json")
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cloudtaser store export: %w", err)
	}
	defer clear(text)
	return devfile.Export(text)
}
