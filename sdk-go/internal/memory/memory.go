// Package memory gets memory outside of Go's heap: the handed region, and room for copies that
// the garbage collector neither moves nor keeps.
package memory

import "unsafe"

// Level is how well memory is protected; the numbers are those of the region's header.
type Level uint32

// The levels. Enforced is never this package's own finding.
const (
	None Level = iota
	Locked
	Secretmem
	Enforced
)

// Block is memory of whole pages. It is not safe for use after Free.
type Block struct {
	bytes []byte
	// Level is how well it is protected.
	Level Level
	free  func()
}

// Bytes is the block's memory, zeroed at first.
func (b *Block) Bytes() []byte { return b.bytes }

// Words is the same memory in words; what does not fill one is left out. The memory begins at a
// page, or at a word where the system has no mappings.
func (b *Block) Words() []uint64 {
	if len(b.bytes) < 8 {
		return nil
	}
	// SAFETY: the block holds that many whole words, is aligned to them, and outlives the slice
	// as long as the caller keeps the block.
	return unsafe.Slice((*uint64)(unsafe.Pointer(&b.bytes[0])), len(b.bytes)/8)
}

// Free wipes what this process may write, and gives the memory back.
func (b *Block) Free() {
	if b.free != nil {
		b.free()
	}
	*b = Block{}
}
