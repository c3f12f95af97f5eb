package cloudtaser

import (
	"sync/atomic"
	"unsafe"

	"cloudtaser.io/sdk-go/internal/memory"
)

// Cells: room for the copies that Use hands out. 16 of 512 bytes take 8 KiB of locked memory,
// which counts against RLIMIT_MEMLOCK (64 KiB where it is low) together with the region. Chosen:
// passwords, tokens and small keys fit; what does not fit gets memory for the time of the call.
const (
	cellCount = 16
	cellBytes = 512
)

// cells are in memory that the garbage collector does not know. One cell is used by one call at a
// time, and each goroutine begins at another one, so that processors do not meet at one place.
type cells struct {
	block *memory.Block
	state [cellCount]cellState
}

// cellState fills a cache line, so that neighbours do not disturb each other.
type cellState struct {
	busy atomic.Uint32
	_    [60]byte
}

// take gives a free cell's memory and number, or nothing.
func (c *cells) take() (room []byte, number int) {
	start := here()
	for i := range cellCount {
		number = int(start+uintptr(i)) & (cellCount - 1)
		if c.state[number].busy.CompareAndSwap(0, 1) {
			at := number * cellBytes
			return c.block.Bytes()[at : at+cellBytes : at+cellBytes], number
		}
	}
	return nil, 0
}

// give wipes the bytes that were used and frees the cell.
func (c *cells) give(used []byte, number int) {
	clear(used)
	c.state[number].busy.Store(0)
}

// here is a number that differs from goroutine to goroutine: where its stack is. It is a hint and
// no pointer; a stack that moves makes another number.
func here() uintptr {
	var local byte
	at := uintptr(unsafe.Pointer(&local))
	return at>>11 ^ at>>15
}
