package cloudtaser

import (
	"fmt"
	"runtime"
	"strings"
	"sync"

	"cloudtaser.io/sdk-go/internal/memory"
	"cloudtaser.io/sdk-go/internal/region"
)

// source is an open region with what is needed to find and read its entries. It is unmapped when
// nobody refers to it any more: so a call that runs while its store is closed has its memory.
type source struct {
	region *region.Region
	cells  cells
	level  Protection
	// byRef and byVar: the first match in the directory's order counts.
	byRef, byVar map[string]int32

	once    sync.Once
	aliases map[string]int32

	treeOnce sync.Once
	files    map[string]*node
}

// ambiguous stands in aliases for what several secrets answer to.
const ambiguous = -1

// newSource checks the region in the block, which is the source's from then on, even on failure.
func newSource(block *memory.Block) (*source, error) {
	open, err := region.Open(block.Words())
	if err != nil {
		block.Free()
		return nil, sentinel(err)
	}
	room, err := memory.New(cellCount * cellBytes)
	if err != nil {
		block.Free()
		return nil, err
	}
	src := &source{region: open, level: Protection(open.Protection())}
	src.cells.block = room
	src.byRef = make(map[string]int32, len(open.Entries))
	src.byVar = make(map[string]int32)
	for i := len(open.Entries) - 1; i >= 0; i-- {
		e := &open.Entries[i]
		if e.Reference != "" {
			src.byRef[e.Reference] = int32(i)
		}
		if e.Variable != "" {
			src.byVar[e.Variable] = int32(i)
		}
	}
	runtime.AddCleanup(src, func(blocks [2]*memory.Block) {
		blocks[0].Free()
		blocks[1].Free()
	}, [2]*memory.Block{block, room})
	return src, nil
}

// find gives the entry that a reference names: the region's own text, or one of its other
// spellings.
func (src *source) find(ref string) (*region.Entry, error) {
	i, ok := src.byRef[ref]
	if !ok {
		src.once.Do(src.fillAliases)
		plain := strings.TrimPrefix(strings.TrimPrefix(ref, "vault:"), "bao:")
		if i, ok = src.byRef[plain]; !ok {
			i, ok = src.aliases[plain]
		}
	}
	switch {
	case !ok || ref == "":
		return nil, ErrNotFound
	case i == ambiguous:
		return nil, ErrAmbiguous
	}
	return &src.region.Entries[i], nil
}

// fillAliases finds the other spellings: KV 2 without data/ (as users write references), and a
// path without its field where it has one only.
func (src *source) fillAliases() {
	src.aliases = make(map[string]int32)
	for i := len(src.region.Entries) - 1; i >= 0; i-- {
		ref := src.region.Entries[i].Reference
		// A text with several references in it is a secret of its own.
		if ref == "" || strings.HasPrefix(ref, "${") {
			continue
		}
		path, _, _ := strings.Cut(ref, "#")
		short := strings.Replace(ref, "/data/", "/", 1)
		shortPath, _, _ := strings.Cut(short, "#")
		for _, alias := range [...]string{short, path, shortPath} {
			src.alias(alias, int32(i))
		}
	}
}

func (src *source) alias(name string, entry int32) {
	before, ok := src.aliases[name]
	if ok && (before == ambiguous || src.reference(before) != src.reference(entry)) {
		entry = ambiguous
	}
	src.aliases[name] = entry
}

func (src *source) reference(entry int32) string {
	return src.region.Entries[entry].Reference
}

// text copies a value onto Go's heap: one allocation of its length.
func (src *source) text(e *region.Entry) ([]byte, error) {
	for size := src.region.Len(e); ; {
		room := make([]byte, size)
		n, _, err := src.region.Read(e, room)
		if err != nil {
			clear(room)
			return nil, sentinel(err)
		}
		if n <= size {
			return room[:n], nil
		}
		size = n
	}
}

// block copies a value into locked memory of its own. Fails closed: what is below the minimum is
// not used.
func (src *source) block(e *region.Entry, minimum Protection) (b *memory.Block, n int,
	version uint64, err error,
) {
	for size := src.region.Len(e); ; {
		if b, err = memory.New(size); err != nil {
			return nil, 0, 0, err
		}
		if err = suffices(b, minimum); err != nil {
			b.Free()
			return nil, 0, 0, err
		}
		n, version, err = src.region.Read(e, b.Bytes())
		if err != nil {
			b.Free()
			return nil, 0, 0, sentinel(err)
		}
		if n <= len(b.Bytes()) {
			return b, n, version, nil
		}
		b.Free()
		size = n
	}
}

// suffices compares memory for copies with the minimum. What an enforcer adds is the region's.
func suffices(b *memory.Block, minimum Protection) error {
	if level := Protection(b.Level); level < min(minimum, ProtectionSecretmem) {
		return fmt.Errorf("%w: a copy would be at level %v, %v is demanded; raise "+
			"RLIMIT_MEMLOCK", ErrProtection, level, minimum)
	}
	return nil
}
