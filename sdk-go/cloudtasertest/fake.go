// Package cloudtasertest gives tests a store that holds what they say, and rotates when they say.
package cloudtasertest

import (
	"slices"
	"testing"
	"time"

	cloudtaser "cloudtaser.io/sdk-go"
	"cloudtaser.io/sdk-go/internal/bridge"
	"cloudtaser.io/sdk-go/internal/devfile"
	"cloudtaser.io/sdk-go/internal/memory"
	"cloudtaser.io/sdk-go/internal/region"
)

// Fake is a store with a writer.
type Fake struct {
	// Store is what the code under test gets.
	Store *cloudtaser.Store

	t       testing.TB
	writer  *region.Writer
	entries map[string]int
	keeper  any // of the memory that the writer writes to
}

// New makes a store of these secrets, closed at the test's end. A key is a reference
// (secret/db#password), the path of a file (/run/secrets/key), or the name of a variable. Its
// watches look every 10 ms.
func New(t testing.TB, secrets map[string]string) *Fake {
	t.Helper()
	f := &Fake{t: t, entries: map[string]int{}}
	keys := make([]string, 0, len(secrets))
	for key := range secrets {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	specs := make([]region.Spec, len(keys))
	for i, key := range keys {
		specs[i] = devfile.Spec(key, []byte(secrets[key]))
		f.entries[key] = i
	}
	block, err := memory.New(region.Size(specs))
	if err != nil {
		t.Fatal(err)
	}
	words := block.Words()
	if f.writer, err = region.Write(words, specs, 0); err != nil {
		t.Fatal(err)
	}
	store, keeper, err := bridge.OpenBlock(block)
	if err != nil {
		t.Fatal(err)
	}
	f.Store, f.keeper = store.(*cloudtaser.Store), keeper
	t.Cleanup(func() { _ = f.Store.Close() })
	return f
}

// Rotate publishes a new value, as the wrapper does: of at most 64 bytes, or a quarter more than
// the first one had. The test fails when it is longer.
func (f *Fake) Rotate(key, value string) {
	f.t.Helper()
	entry, ok := f.entries[key]
	if !ok {
		f.t.Fatalf("there is no secret %q", key)
	}
	now := uint64(time.Now().UnixNano())
	if err := f.writer.Publish(entry, []byte(value), now); err != nil {
		f.t.Fatal(err)
	}
}
