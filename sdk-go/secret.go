package cloudtaser

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"

	"cloudtaser.io/sdk-go/internal/memory"
)

// Placeholder is what a [Secret] prints and marshals as.
const Placeholder = "[secret]"

// Secret is a copy of a value in locked memory outside of Go's heap, until it is destroyed. It
// prints and marshals as [Placeholder], and cannot be unmarshalled.
type Secret struct {
	mu      sync.RWMutex
	held    *held
	version uint64
}

// held is apart from Secret so that nothing that a Secret refers to refers to it: the cleanup
// runs when the garbage collector finds that nobody has the Secret any more.
type held struct {
	block *memory.Block
	n     int
}

func newSecret(b *memory.Block, n int, version uint64) *Secret {
	s := &Secret{held: &held{block: b, n: n}, version: version}
	// Destroy frees the block before; freeing twice does nothing.
	runtime.AddCleanup(s, func(b *memory.Block) { b.Free() }, b)
	return s
}

// Use calls f with the value, which f must not keep: Destroy wipes it.
func (s *Secret) Use(f func(value []byte) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	defer runtime.KeepAlive(s)
	if s.held == nil {
		return ErrDestroyed
	}
	return f(s.held.block.Bytes()[:s.held.n:s.held.n])
}

// Reveal copies the value into a string on Go's heap; empty after Destroy.
func (s *Secret) Reveal() string {
	text := ""
	_ = s.Use(func(value []byte) error {
		text = string(value)
		return nil
	})
	return text
}

// Equal compares in a time that tells nothing but whether the lengths are the same. False after
// Destroy.
func (s *Secret) Equal(other []byte) bool {
	equal := false
	_ = s.Use(func(value []byte) error {
		equal = subtle.ConstantTimeCompare(value, other) == 1
		return nil
	})
	return equal
}

// Version is the value's version: rotations since the program's start.
func (s *Secret) Version() uint64 { return s.version }

// Destroy wipes the value and gives the memory back. It waits for Use; calling it again does
// nothing. What is not destroyed is wiped when the garbage collector finds it.
func (s *Secret) Destroy() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held != nil {
		s.held.block.Free()
		s.held = nil
	}
}

// String is the placeholder.
func (*Secret) String() string { return Placeholder }

// GoString is the placeholder.
func (*Secret) GoString() string { return Placeholder }

// Format prints the placeholder, whatever the verb.
func (*Secret) Format(state fmt.State, _ rune) { _, _ = state.Write([]byte(Placeholder)) }

// LogValue is the placeholder.
func (*Secret) LogValue() slog.Value { return slog.StringValue(Placeholder) }

// MarshalJSON is the placeholder as a string.
func (*Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + Placeholder + `"`), nil }

// MarshalText is the placeholder.
func (*Secret) MarshalText() ([]byte, error) { return []byte(Placeholder), nil }

// UnmarshalText fails: secrets come from a store.
func (*Secret) UnmarshalText([]byte) error {
	return errors.New("cloudtaser: a secret cannot be unmarshalled")
}
