package region

import (
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"
)

// Spec is an entry to be written. It is no environment string, so that it can be rotated.
type Spec struct {
	Reference, Path, Variable string
	Mode                      uint32
	Value                     []byte
}

// ErrTooLong is for a value that outgrows its slot.
var ErrTooLong = errors.New("the value is longer than its slot")

// Writer writes a region that stands in memory of this process: for the development source and for
// tests. Publish may be called from several goroutines.
type Writer struct {
	mu      sync.Mutex
	words   []uint64
	slots   [2]uint64
	entries []Entry
}

// growth is the rule of docs/region.md: max(64, len + 25 %) and a terminator, up to 16.
func growth(size int) uint64 {
	grown := uint64(max(64, size+(size+3)/4)) + 1
	return (grown+15)&^15 - 1
}

// Size is how many bytes the region of these entries takes.
func Size(specs []Spec) int {
	_, capacity := plan(specs)
	return int(capacity)
}

// plan places entries and sections; the texts follow the directory.
func plan(specs []Spec) (w *Writer, capacity uint64) {
	w = &Writer{}
	free, texts := uint64(0), uint64(0)
	for i, spec := range specs {
		e := Entry{Reference: spec.Reference, Path: spec.Path, Variable: spec.Variable}
		e.Mode, e.index = spec.Mode, i
		e.at = HeaderSize + uint64(i)*EntrySize
		e.slot, e.capacity = (free+7)&^7, growth(len(spec.Value))
		free = e.slot + e.capacity + 1
		texts += uint64(len(spec.Reference) + len(spec.Path) + len(spec.Variable))
		w.entries = append(w.entries, e)
	}
	free = (free + 7) &^ 7
	w.slots[0] = (HeaderSize + uint64(len(specs))*EntrySize + texts + 7) &^ 7
	w.slots[1] = w.slots[0] + free
	return w, w.slots[1] + free
}

// Write writes the entries with their first values into zeroed words, which must be enough.
func Write(words []uint64, specs []Spec, protection uint32) (*Writer, error) {
	w, capacity := plan(specs)
	if uint64(len(words))*8 < capacity {
		return nil, fmt.Errorf("the region needs %d bytes", capacity)
	}
	w.words = words
	strings := HeaderSize + uint64(len(specs))*EntrySize
	w.put(8, major|HeaderSize<<32)
	w.put(offCapacity, capacity)
	w.put(24, uint64(len(specs))|EntrySize<<32)
	w.put(offDirectory, HeaderSize)
	w.put(offStrings, strings)
	w.put(offSlots0, w.slots[0])
	w.put(offSlots1, w.slots[1])
	w.put(offSlotsLen, w.slots[1]-w.slots[0])
	w.put(88, uint64(protection))
	texts := uint64(0)
	for i := range w.entries {
		e := &w.entries[i]
		w.put(e.at+entSlot, e.slot)
		w.put(e.at+entCapacity, e.capacity)
		w.put(e.at+entLen0, uint64(len(specs[i].Value)))
		w.put(e.at+entFlags, uint64(e.Flags)|uint64(e.Mode)<<32)
		for field, text := range [3]string{e.Reference, e.Path, e.Variable} {
			w.put(e.at+entTexts+uint64(field)*8, texts|uint64(len(text))<<32)
			w.copyIn(strings+texts, []byte(text))
			texts += uint64(len(text))
		}
		w.copyIn(w.slots[0]+e.slot, specs[i].Value)
	}
	w.put(offStringsLen, texts)
	w.put(0, magic)
	return w, nil
}

// Publish rotates the value of the entry, in the steps of docs/region.md. The time is in
// nanoseconds since 1970.
func (w *Writer) Publish(entry int, value []byte, now uint64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := &w.entries[entry]
	if uint64(len(value)) > e.capacity {
		return ErrTooLong
	}
	sequence := w.get(e.at + entSequence)
	live := sequence >> 1 & 1
	idle := 1 - live
	w.put(e.at+entSequence, sequence+1)
	w.wipe(e, idle)
	w.copyIn(w.slots[idle]+e.slot, value)
	w.put(e.at+entLen0+8*idle, uint64(len(value)))
	w.put(e.at+entTime, now)
	w.put(e.at+entSequence, sequence+2)
	w.put(offGeneration, w.get(offGeneration)+1)
	w.wipe(e, live)
	w.put(e.at+entLen0+8*live, 0)
	return nil
}

func (w *Writer) wipe(e *Entry, slot uint64) {
	start := w.slots[slot] + e.slot
	for at := start; at < start+e.capacity+1; at += 8 {
		w.put(at, 0)
	}
}

// copyIn stores bytes into words that hold zeros there.
func (w *Writer) copyIn(offset uint64, from []byte) {
	for i, b := range from {
		at := offset + uint64(i)
		word := at &^ 7
		w.put(word, w.get(word)|uint64(b)<<(at%8*8))
	}
}

func (w *Writer) get(offset uint64) uint64 {
	word := atomic.LoadUint64(&w.words[offset/8])
	if isBig {
		return bits.ReverseBytes64(word)
	}
	return word
}

func (w *Writer) put(offset, value uint64) {
	if isBig {
		value = bits.ReverseBytes64(value)
	}
	atomic.StoreUint64(&w.words[offset/8], value)
}
