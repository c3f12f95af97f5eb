package cloudtaser

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"cloudtaser.io/sdk-go/internal/memory"
)

// The variables that the wrapper hands over, and that demands protection.
const (
	envRegion        = "CLOUDTASER_REGION_FD"
	envMinProtection = "CLOUDTASER_MIN_PROTECTION"
)

// handed is the wrapper's region of this process. Every store shares one mapping of it.
var handed = takeHanded()

// handover is a region that was handed to this process by a descriptor.
type handover struct {
	mu sync.Mutex
	// fd is the descriptor, or -1 when there is none any more.
	fd     int
	source *source
	err    error
	users  int
}

// takeHanded runs before main, and before any other package starts a program: it takes the number
// out of the environment and closes the descriptor in children. It maps nothing.
func takeHanded() *handover {
	h := &handover{fd: -1, err: ErrNotWrapped}
	text, ok := os.LookupEnv(envRegion)
	if !ok {
		return h
	}
	_ = os.Unsetenv(envRegion)
	fd, err := strconv.Atoi(text)
	if err != nil || fd < 0 || !memory.CloseOnExec(fd) {
		h.err = fmt.Errorf("%w: %s names no open descriptor", ErrNotWrapped, envRegion)
		return h
	}
	h.fd = fd
	return h
}

// use maps the region, the first time, and closes its descriptor, or keeps it in a file of its own.
func (h *handover) use(isShareable bool) (src *source, file *os.File, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fd >= 0 {
		h.source, h.err = mapRegion(h.fd)
		if isShareable && h.err == nil {
			file = os.NewFile(uintptr(h.fd), "cloudtaser region")
		} else {
			_ = os.NewFile(uintptr(h.fd), "cloudtaser region").Close()
		}
		h.fd = -1
	} else if isShareable && h.err == nil {
		return nil, nil, fmt.Errorf("%w: another store was opened before", ErrNotShareable)
	}
	if h.err != nil {
		return nil, nil, h.err
	}
	h.users++
	return h.source, file, nil
}

func (h *handover) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.users--; h.users == 0 {
		h.source, h.err = nil, fmt.Errorf("%w: its region was given back", ErrClosed)
	}
}

func mapRegion(fd int) (*source, error) {
	block, err := memory.Map(fd)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return newSource(block)
}

// Open opens the secrets of this program: the region that the wrapper handed to it, or, where
// there is none, the development source. Open once and keep the store; stores share one mapping.
// The context bounds the time that the development source may take.
func Open(ctx context.Context, opts ...Option) (*Store, error) {
	o := newOptions(opts)
	s, err := handed.open(ctx, o)
	if err != nil {
		return nil, failed("open", "", err)
	}
	return s, nil
}

func (h *handover) open(ctx context.Context, o options) (*Store, error) {
	minimum, err := o.leastProtection()
	if err != nil {
		return nil, err
	}
	src, file, err := h.use(o.isShareable)
	if err == nil {
		s := &Store{onClose: h.release, shared: file, minimum: minimum}
		s.watcher.interval = o.interval
		s.source.Store(src)
		if src.level < minimum {
			_ = s.Close()
			return nil, fmt.Errorf("%w: memory is at level %v, %v is demanded",
				ErrProtection, src.level, minimum)
		}
		if err := suffices(src.cells.block, minimum); err != nil {
			_ = s.Close()
			return nil, err
		}
		return s, nil
	}
	if h.isGiven() || o.development == "" {
		return nil, err
	}
	return openDevelopment(ctx, o, minimum)
}

// isGiven says whether the wrapper handed a region: then there is no falling back from it.
func (h *handover) isGiven() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err != ErrNotWrapped
}

func (o options) leastProtection() (Protection, error) {
	word := os.Getenv(envMinProtection)
	if word == "" {
		return o.minimum, nil
	}
	level, err := parseProtection(word)
	return max(level, o.minimum), err
}

// defaultStore is the one of GetSecret. A failure is not kept: a later call tries again.
var defaultStore struct {
	mu    sync.Mutex
	store atomic.Pointer[Store]
}

// Default is the store that [GetSecret] uses, opened at the first call with no options. Do not
// close it.
func Default() (*Store, error) {
	if s := defaultStore.store.Load(); s != nil {
		return s, nil
	}
	defaultStore.mu.Lock()
	defer defaultStore.mu.Unlock()
	if s := defaultStore.store.Load(); s != nil {
		return s, nil
	}
	s, err := Open(context.Background())
	if err != nil {
		return nil, err
	}
	defaultStore.store.Store(s)
	return s, nil
}

// GetSecret gives the live value of a secret as a string: the one call for most programs. See
// [Store.GetSecret] for what it does not protect, and [Store.Use] for more.
func GetSecret(ref string) (string, error) {
	s, err := Default()
	if err != nil {
		return "", err
	}
	return s.GetSecret(ref)
}
