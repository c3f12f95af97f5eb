//go:build !linux

package memory

import (
	"errors"
	"unsafe"
)

// New gets memory of Go's heap: nothing else is promised on this system.
func New(size int) (*Block, error) {
	words := make([]uint64, max(1, (size+7)/8))
	// SAFETY: the words are allocated memory of that many bytes, which the slice keeps alive.
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(words)*8)
	return &Block{bytes: bytes, free: func() { clear(bytes) }}, nil
}

// Map is for Linux: there is no wrapper elsewhere.
func Map(int) (*Block, error) {
	return nil, errors.New("a region can be mapped on Linux only")
}

// CloseOnExec does nothing here.
func CloseOnExec(int) bool { return false }
