// Package region reads the secret region: docs/region.md is the contract, and the order of the
// checks is that page's. It is safe against any content, and against content that changes
// meanwhile. It maps nothing itself: it works on the words that it is given.
package region

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"
)

// Sizes and numbers of docs/region.md, in bytes.
const (
	HeaderSize = 128
	EntrySize  = 96

	major             = 1
	incompatibleFlags = 0xffff0000

	// FlagEnviron says that a value stands as an environment string.
	FlagEnviron = 1
	// FlagOwner says that the file of an entry has an owner of its own.
	FlagOwner = 2
)

// Offsets of fields. Of the header, then of an entry.
const (
	offCapacity   = 16
	offDirectory  = 32
	offStrings    = 40
	offStringsLen = 48
	offSlots0     = 56
	offSlots1     = 64
	offSlotsLen   = 72
	offGeneration = 80

	entSequence = 0
	entSlot     = 8
	entCapacity = 16
	entLen0     = 24
	entTexts    = 40
	entFlags    = 64
	entOwner    = 72
	entOpens    = 80
	entTime     = 88
)

// attempts is how often a value is read anew while it is being rotated (docs/region.md).
const attempts = 1000

// magic is "CTREGION" as a little-endian number.
const magic = uint64('C') | 'T'<<8 | 'R'<<16 | 'E'<<24 | 'G'<<32 | 'I'<<40 | 'O'<<48 | 'N'<<56

// Region is an open region: its header and its entries were checked.
type Region struct {
	words      []uint64
	slots      [2]uint64
	protection uint32

	// Entries are in the directory's order.
	Entries []Entry
}

// Entry is one checked entry, with its texts copied. The value stays in the region.
type Entry struct {
	// Reference, Path and Variable are empty when absent.
	Reference, Path, Variable string
	// Mode is the permission bits of the file, 0 for 0400.
	Mode uint32
	// Flags are FlagEnviron, FlagOwner and what a newer writer means.
	Flags uint32

	index    int
	at       uint64 // of the entry, from the region's start
	slot     uint64
	capacity uint64
}

// isBig is true where the machine's words are not in the region's byte order.
var isBig = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// Open checks header and entries, in time proportional to their number. The words are the mapped
// memory; what does not fill a word at its end does not belong to it.
func Open(words []uint64) (*Region, error) {
	r := &Region{words: words}
	dir, err := r.openHeader()
	if err != nil {
		return nil, err
	}
	if err := r.openEntries(dir); err != nil {
		return nil, err
	}
	return r, nil
}

// directory is what openEntries needs of the header.
type directory struct {
	start, count, entrySize       uint64
	strings, stringsLen, slotsLen uint64
}

func (r *Region) openHeader() (d directory, err error) {
	mapped := uint64(len(r.words)) * 8
	if mapped < HeaderSize {
		return d, header("truncated")
	}
	if r.u64(0) != magic {
		return d, header("magic")
	}
	kind, headerSize := r.u32s(8)
	if kind&0xffff != major {
		return d, header("version")
	}
	protection, flags := r.u32s(88)
	if flags&incompatibleFlags != 0 {
		return d, header("flags")
	}
	r.protection = protection
	capacity := r.u64(offCapacity)
	if capacity > mapped {
		return d, header("truncated")
	}
	if capacity%8 != 0 || headerSize%8 != 0 || headerSize < HeaderSize ||
		uint64(headerSize) > capacity {
		return d, header("header-size")
	}
	count, entrySize := r.u32s(24)
	d.count, d.entrySize = uint64(count), uint64(entrySize)
	if d.entrySize < EntrySize || d.entrySize%8 != 0 {
		return d, header("entry-size")
	}
	// Two numbers of 32 bits: the product cannot wrap.
	d.start = r.u64(offDirectory)
	end, ok := section(uint64(headerSize), d.start, d.count*d.entrySize, capacity)
	if !ok || d.start%8 != 0 {
		return d, header("directory")
	}
	d.strings, d.stringsLen = r.u64(offStrings), r.u64(offStringsLen)
	if end, ok = section(end, d.strings, d.stringsLen, capacity); !ok {
		return d, header("strings")
	}
	d.slotsLen = r.u64(offSlotsLen)
	for i, at := range [2]uint64{offSlots0, offSlots1} {
		start := r.u64(at)
		if end, ok = section(end, start, d.slotsLen, capacity); !ok || start%8 != 0 {
			return d, header("slots")
		}
		r.slots[i] = start
	}
	return d, nil
}

// section gives a section's end, if it starts at free or later and ends within capacity.
func section(free, start, size, capacity uint64) (end uint64, ok bool) {
	end, carry := bits.Add64(start, size, 0)
	return end, carry == 0 && start >= free && end <= capacity
}

func (r *Region) openEntries(d directory) error {
	texts := r.text(d.strings, d.stringsLen)
	entries := make([]Entry, d.count)
	free := uint64(0)
	for i := range entries {
		e := &entries[i]
		e.index, e.at = i, d.start+uint64(i)*d.entrySize
		begin, end, name := r.decode(e, texts, d.slotsLen)
		if name == "" && begin < free {
			name = "entry-overlap"
		}
		if name != "" {
			return &Fault{Name: name, Entry: i}
		}
		free = end
	}
	r.Entries = entries
	return nil
}

// decode reads the fields of an entry once and checks them; it gives the range that the entry
// occupies in either slot area, or the name of the fault.
func (r *Region) decode(e *Entry, texts string, slotsLen uint64) (begin, end uint64, fault string) {
	e.Flags, e.Mode = r.u32s(e.at + entFlags)
	if e.Flags&incompatibleFlags != 0 {
		return 0, 0, "entry-flags"
	}
	for i, text := range [3]*string{&e.Reference, &e.Path, &e.Variable} {
		offset, size := r.u32s(e.at + entTexts + uint64(i)*8)
		if size == 0 {
			continue
		}
		last := uint64(offset) + uint64(size)
		if last > uint64(len(texts)) {
			return 0, 0, "entry-text"
		}
		*text = texts[offset:last]
	}
	prefix := uint64(0)
	if e.Flags&FlagEnviron != 0 {
		if e.Variable == "" {
			return 0, 0, "entry-variable"
		}
		prefix = uint64(len(e.Variable)) + 1
	}
	e.slot, e.capacity = r.u64(e.at+entSlot), r.u64(e.at+entCapacity)
	if e.slot%8 != 0 {
		return 0, 0, "entry-unaligned"
	}
	end, carry := bits.Add64(e.slot, e.capacity, 0)
	end, more := bits.Add64(end, 1, 0)
	if e.slot < prefix || carry|more != 0 || end > slotsLen {
		return 0, 0, "entry-slot"
	}
	return e.slot - prefix, end, ""
}

// Protection is the level's number as the writer found it; one that is not known counts as 0.
func (r *Region) Protection() uint32 {
	if r.protection > 3 {
		return 0
	}
	return r.protection
}

// Generation counts the publications of all entries. Values that are read after it are at least
// as new.
func (r *Region) Generation() uint64 { return r.u64(offGeneration) }

// Version is the live version of an entry's value, from 0 on.
func (r *Region) Version(e *Entry) uint64 { return r.u64(e.at+entSequence) >> 1 }

// PublishedAt is when the live value was published, in nanoseconds since 1970; 0 for the first.
func (r *Region) PublishedAt(e *Entry) uint64 { return r.u64(e.at + entTime) }

// Len is the length of the live value just now: a hint for the room that Read will need.
func (r *Region) Len(e *Entry) int {
	live := r.Version(e) & 1
	return int(min(r.u64(e.at+entLen0+8*live), e.capacity))
}

// Read copies the live value into room and answers its length and version. When the room does not
// suffice it copies nothing and answers the length that is needed, which is then more than
// len(room). No copy of half an old and half a new value is ever answered as whole; after an
// error the room may hold such a mixture, and the caller wipes it.
func (r *Region) Read(e *Entry, room []byte) (n int, version uint64, err error) {
	for range attempts {
		version = r.Version(e)
		live := version & 1
		size := r.u64(e.at + entLen0 + 8*live)
		if size <= min(e.capacity, uint64(len(room))) {
			r.copyOut(room[:size], r.slots[live]+e.slot)
		}
		// The copy is made of acquiring loads, so none of them comes after this one.
		if r.Version(e) != version {
			continue
		}
		if size > e.capacity {
			return 0, version, &Fault{Name: "damaged", Entry: e.index}
		}
		return int(size), version, nil
	}
	return 0, 0, &Fault{Name: "contended", Entry: e.index}
}

// Environ gives where the environment string of the version stands, from the region's start. The
// value, of n bytes, was read before; the string is not there when its frame is damaged.
func (r *Region) Environ(e *Entry, version uint64, n int) (offset uint64, err error) {
	value := r.slots[version&1] + e.slot
	start := value - uint64(len(e.Variable)) - 1
	frame := r.text(start, value-start)
	end := r.text(value+uint64(n), 1)
	if r.Version(e) != version {
		return 0, &Fault{Name: "stale", Entry: e.index}
	}
	if frame != e.Variable+"=" || end != "\x00" {
		return 0, &Fault{Name: "damaged", Entry: e.index}
	}
	return start, nil
}

// u64 loads a word, acquiring. The offset was checked, and is a multiple of 8.
func (r *Region) u64(offset uint64) uint64 {
	word := atomic.LoadUint64(&r.words[offset/8])
	if isBig {
		return bits.ReverseBytes64(word)
	}
	return word
}

// u32s loads two neighbouring numbers.
func (r *Region) u32s(offset uint64) (low, high uint32) {
	word := r.u64(offset)
	return uint32(word), uint32(word >> 32)
}

// copyOut copies from a multiple of 8. Every load is an acquiring one: the one that follows the
// copy cannot come before it, which plain loads would allow on arm64.
func (r *Region) copyOut(to []byte, offset uint64) {
	words := r.words[offset/8:][:(len(to)+7)/8]
	i := 0
	for ; len(to) >= 8; i++ {
		binary.NativeEndian.PutUint64(to, atomic.LoadUint64(&words[i]))
		to = to[8:]
	}
	if len(to) > 0 {
		var last [8]byte
		binary.NativeEndian.PutUint64(last[:], atomic.LoadUint64(&words[i]))
		copy(to, last[:])
		clear(last[:])
	}
}

// text copies bytes from anywhere.
func (r *Region) text(offset, size uint64) string {
	start := offset &^ 7
	buffer := make([]byte, offset-start+size)
	r.copyOut(buffer, start)
	return string(buffer[offset-start:])
}
