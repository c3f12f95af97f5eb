package cloudtaser

import (
	"context"
	"runtime"
	"sync"
	"time"

	"cloudtaser.io/sdk-go/internal/region"
)

// Change tells that a secret was rotated.
type Change struct {
	// Reference is what Watch was called with.
	Reference string
	// Version is the live version, and Published when it became that.
	Version   uint64
	Published time.Time
}

// Watch tells of rotations of a secret until the context or the store ends, and then closes the
// channel. Of several rotations that nobody has taken from the channel the newest is kept. A
// rotation after Watch has returned is never missed.
//
// One goroutine serves all watches of a store. It looks at one number in memory, four times a
// second or as [WatchInterval] says: there is nothing in secret memory to wait on.
func (s *Store) Watch(ctx context.Context, ref string) (<-chan Change, error) {
	src, e, err := s.find("watch", ref)
	if err != nil {
		return nil, err
	}
	sub := &subscription{ref: ref, entry: e, seen: src.region.Version(e)}
	sub.changes = make(chan Change, 1)
	if !s.watcher.add(src, sub) {
		return nil, failed("watch", ref, ErrClosed)
	}
	context.AfterFunc(ctx, func() { s.watcher.remove(sub) })
	return sub.changes, nil
}

type subscription struct {
	ref     string
	entry   *region.Entry
	seen    uint64
	changes chan Change
}

// watcher has one goroutine while there is a subscription.
type watcher struct {
	interval time.Duration

	mu     sync.Mutex
	subs   map[*subscription]struct{}
	closed bool
	// stop ends the goroutine; nil when there is none.
	stop chan struct{}
}

func (w *watcher) add(src *source, sub *subscription) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	if w.subs == nil {
		w.subs = make(map[*subscription]struct{})
	}
	w.subs[sub] = struct{}{}
	if w.stop == nil {
		w.stop = make(chan struct{})
		go w.poll(src, w.stop)
	}
	return true
}

func (w *watcher) remove(sub *subscription) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.subs[sub]; !ok {
		return
	}
	delete(w.subs, sub)
	close(sub.changes)
	if len(w.subs) == 0 {
		w.end()
	}
}

func (w *watcher) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for sub := range w.subs {
		close(sub.changes)
	}
	w.subs = nil
	w.end()
}

func (w *watcher) end() {
	if w.stop != nil {
		close(w.stop)
		w.stop = nil
	}
}

func (w *watcher) poll(src *source, stop <-chan struct{}) {
	ticker := time.NewTicker(w.interval)
	defer ticker.Stop()
	// Not the number of now: a rotation between Watch and here would be missed.
	generation, isFirst := uint64(0), true
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		now := src.region.Generation()
		if isFirst || now != generation {
			generation, isFirst = now, false
			w.tell(src, stop)
		}
		runtime.KeepAlive(src)
	}
}

// tell looks at every subscription's entry, unless the goroutine was stopped meanwhile.
func (w *watcher) tell(src *source, stop <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-stop:
		return
	default:
	}
	for sub := range w.subs {
		info := src.info(sub.entry)
		if info.Version == sub.seen {
			continue
		}
		sub.seen = info.Version
		select {
		case <-sub.changes:
		default:
		}
		sub.changes <- Change{sub.ref, info.Version, info.Published}
	}
}
