package cloudtaser

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"cloudtaser.io/sdk-go/internal/region"
)

// Store reads the secrets of this program. It may be used by many goroutines at once.
type Store struct {
	source  atomic.Pointer[source]
	watcher watcher
	once    sync.Once
	// onClose gives back what the store shares with others.
	onClose func()
	shared  *os.File
	// minimum is what copies must have, too.
	minimum Protection
}

// Info describes a secret. There is no value in it, nor its length.
type Info struct {
	// Reference is the canonical reference, such as secret/data/db#password. Of a text around
	// references it has each of them in ${}.
	Reference string
	// Path and Variable are where the value is delivered, empty when nowhere.
	Path, Variable string
	// Version counts the rotations since the program's start.
	Version uint64
	// Published is when the live value was published; zero for the first one.
	Published time.Time
}

func (s *Store) find(op, ref string) (*source, *region.Entry, error) {
	src := s.source.Load()
	if src == nil {
		return nil, nil, failed(op, ref, ErrClosed)
	}
	e, err := src.find(ref)
	if err != nil {
		return nil, nil, failed(op, ref, err)
	}
	return src, e, nil
}

// Use calls f with the live value and returns what f returns. It is the way with the fewest
// copies: the bytes stand in locked memory outside of Go's heap (secret memory where the kernel
// gives it), and are wiped when f returns, also by a panic. They are a whole value, whatever is
// rotated meanwhile, and they stay the same while f runs. f must not keep them.
//
// They are not the region's own pages: the wrapper wipes an old value there as soon as the new
// one is published, which would be under f's hands. It allocates nothing and makes no system call
// for values of up to 512 bytes, of 16 calls at a time.
func (s *Store) Use(ref string, f func(value []byte) error) error {
	src, e, err := s.find("use", ref)
	if err != nil {
		return err
	}
	return src.use(e, ref, s.minimum, f)
}

func (src *source) use(e *region.Entry, ref string, minimum Protection,
	f func([]byte) error,
) error {
	room, number := src.cells.take()
	if room == nil {
		return src.useBlock(e, ref, minimum, f)
	}
	n, _, err := src.region.Read(e, room)
	if err != nil {
		src.cells.give(room, number)
		return failed("use", ref, sentinel(err))
	}
	if n > len(room) {
		src.cells.give(nil, number)
		return src.useBlock(e, ref, minimum, f)
	}
	used := room[:n:n]
	defer src.cells.give(used, number)
	return f(used)
}

// useBlock is Use with memory for this call alone.
func (src *source) useBlock(e *region.Entry, ref string, minimum Protection,
	f func([]byte) error,
) error {
	b, n, _, err := src.block(e, minimum)
	if err != nil {
		return failed("use", ref, err)
	}
	runtime.KeepAlive(src)
	defer b.Free()
	return f(b.Bytes()[:n:n])
}

// GetSecret gives the live value as a string: the simplest way, and the one with least protection.
// The string is on Go's heap, which may copy it and wipes nothing.
func (s *Store) GetSecret(ref string) (string, error) {
	src, e, err := s.find("get", ref)
	if err != nil {
		return "", err
	}
	value, err := src.text(e)
	runtime.KeepAlive(src)
	if err != nil {
		return "", failed("get", ref, err)
	}
	// SAFETY: nobody else has the bytes, so they do not change any more.
	return unsafe.String(unsafe.SliceData(value), len(value)), nil
}

// Get gives a copy of the live value in locked memory of its own, of at least a page, which counts
// against RLIMIT_MEMLOCK: where that does not suffice the copy is not locked, or with
// [MinProtection] refused. Destroy it after use.
func (s *Store) Get(ref string) (*Secret, error) {
	src, e, err := s.find("get", ref)
	if err != nil {
		return nil, err
	}
	return src.secret(e, ref, s.minimum)
}

func (src *source) secret(e *region.Entry, ref string, minimum Protection) (*Secret, error) {
	b, n, version, err := src.block(e, minimum)
	runtime.KeepAlive(src)
	if err != nil {
		return nil, failed("get", ref, err)
	}
	return newSecret(b, n, version), nil
}

// Version is the live value's version: rotations since the program's start. It reads one number.
func (s *Store) Version(ref string) (uint64, error) {
	src, e, err := s.find("version", ref)
	if err != nil {
		return 0, err
	}
	version := src.region.Version(e)
	runtime.KeepAlive(src)
	return version, nil
}

// List describes every secret, in the region's order.
func (s *Store) List() ([]Info, error) {
	src := s.source.Load()
	if src == nil {
		return nil, failed("list", "", ErrClosed)
	}
	infos := make([]Info, 0, len(src.region.Entries))
	for i := range src.region.Entries {
		infos = append(infos, src.info(&src.region.Entries[i]))
	}
	runtime.KeepAlive(src)
	return infos, nil
}

func (src *source) info(e *region.Entry) Info {
	info := Info{Reference: e.Reference, Path: e.Path, Variable: e.Variable}
	info.Version = src.region.Version(e)
	if at := src.region.PublishedAt(e); at != 0 {
		info.Published = time.Unix(0, int64(at))
	}
	return info
}

// Env gives a function like os.LookupEnv that knows the secret variables (--env) as well, for
// libraries that take one. Values are strings on Go's heap, as with GetSecret; names that are no
// secrets are looked up in the environment. A secret that cannot be read is not set: whoever
// needs the reason calls GetSecret.
func (s *Store) Env() func(name string) (string, bool) {
	return func(name string) (string, bool) {
		src := s.source.Load()
		if src == nil {
			return "", false
		}
		i, ok := src.byVar[name]
		if !ok {
			return os.LookupEnv(name)
		}
		value, err := src.text(&src.region.Entries[i])
		runtime.KeepAlive(src)
		return string(value), err == nil
	}
}

// Protection is how well the values' memory is protected; ProtectionNone of a closed store.
func (s *Store) Protection() Protection {
	if src := s.source.Load(); src != nil {
		return src.level
	}
	return ProtectionNone
}

// Close ends every Watch and every later call, but not those that run. The memory is unmapped
// when the last store of this region is closed, no call runs, and the garbage collector has seen
// that; a later Open then finds nothing.
func (s *Store) Close() error {
	s.once.Do(func() {
		s.source.Store(nil)
		s.watcher.close()
		if s.onClose != nil {
			s.onClose()
		}
		if s.shared != nil {
			_ = s.shared.Close()
		}
	})
	return nil
}
