package region

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func specs() []Spec {
	return []Spec{
		{Reference: "secret/data/db#password", Path: "/run/db", Value: []byte("hunter2")},
		{Reference: "secret/data/é#x", Variable: "KEY", Mode: 0o440, Value: nil},
		{Reference: "secret/data/long#x", Value: bytes.Repeat([]byte("k"), 5000)},
	}
}

func written(t testing.TB) (*Region, *Writer) {
	memory := make([]uint64, Size(specs())/8)
	w, err := Write(memory, specs(), 1)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(memory)
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

func TestWriterAndReaderAgree(t *testing.T) {
	r, w := written(t)
	room := make([]byte, 8192)
	for i, spec := range specs() {
		e := &r.Entries[i]
		names := [3]string{e.Reference, e.Path, e.Variable}
		if names != [3]string{spec.Reference, spec.Path, spec.Variable} || e.Mode != spec.Mode {
			t.Errorf("entry %d: %q %o", i, names, e.Mode)
		}
		n, version, err := r.Read(e, room)
		if err != nil || version != 0 || !bytes.Equal(room[:n], spec.Value) {
			t.Errorf("entry %d: %d bytes, version %d, %v", i, n, version, err)
		}
	}
	for i := range 5 {
		value := bytes.Repeat([]byte{byte('a' + i)}, 64-i)
		if err := w.Publish(0, value, uint64(i)); err != nil {
			t.Fatal(err)
		}
		n, version, err := r.Read(&r.Entries[0], room)
		if err != nil || version != uint64(i+1) || !bytes.Equal(room[:n], value) {
			t.Errorf("rotation %d: %q, version %d, %v", i, room[:n], version, err)
		}
		if r.Generation() != uint64(i+1) || r.PublishedAt(&r.Entries[0]) != uint64(i) {
			t.Errorf("generation %d", r.Generation())
		}
	}
	if err := w.Publish(0, make([]byte, 80), 0); !errors.Is(err, ErrTooLong) {
		t.Errorf("80 bytes in a slot of 79: %v", err)
	}
}

func TestTheOldValueIsWipedFromItsSlot(t *testing.T) {
	r, w := written(t)
	e := &r.Entries[2]
	if err := w.Publish(2, []byte("short"), 1); err != nil {
		t.Fatal(err)
	}
	if left := r.text(r.slots[0]+e.slot, e.capacity+1); bytes.ContainsRune([]byte(left), 'k') {
		t.Error("the old value is still there")
	}
}

func TestReadSaysHowMuchRoomItNeeds(t *testing.T) {
	r, _ := written(t)
	n, _, err := r.Read(&r.Entries[2], make([]byte, 16))
	if n != 5000 || err != nil || r.Len(&r.Entries[2]) != 5000 {
		t.Errorf("%d, %v", n, err)
	}
}

// whole5000 is a value of entry 2: of one letter, and its length follows from that.
func whole5000(letter int) []byte {
	return bytes.Repeat([]byte{byte('a' + letter)}, 5000-8*letter)
}

// mixed says whether a value is of two versions.
func mixed(value []byte) bool {
	return len(value) == 0 || !bytes.Equal(value, whole5000(int(value[0]-'a')))
}

// race rotates entry 2 without a rest while four readers call read, each until it says that it is
// done. It gives the number of rotations.
func race(t *testing.T, w *Writer, read func() (done bool)) (rotations int) {
	t.Helper()
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for !read() {
			}
		}()
	}
	go func() {
		readers.Wait()
		close(stop)
	}()
	for {
		if err := w.Publish(2, whole5000(rotations%26), 0); err != nil {
			t.Error(err)
		}
		rotations++
		select {
		case <-stop:
			return rotations
		default:
		}
	}
}

// TestNoMixture reads while a writer of this process never rests. The same with a writer in Rust,
// on secret memory, is tests/tests/sdk_go.rs; this one runs under the race detector.
func TestNoMixture(t *testing.T) {
	r, w := written(t)
	if err := w.Publish(2, whole5000(0), 0); err != nil {
		t.Fatal(err)
	}
	rooms := sync.Pool{New: func() any { return make([]byte, 8192) }}
	var reads, newest atomic.Int64
	rotations := race(t, w, func() bool {
		room := rooms.Get().([]byte)
		defer rooms.Put(room)
		before := newest.Load()
		n, version, err := r.Read(&r.Entries[2], room)
		if err != nil || mixed(room[:n]) || int64(version) < before {
			t.Errorf("%d bytes, version %d after %d, %v", n, version, before, err)
			return true
		}
		newest.CompareAndSwap(before, int64(version))
		return reads.Add(1) > 20_000
	})
	if rotations < 100 {
		t.Errorf("only %d rotations", rotations)
	}
}

// TestControlWithoutTheSecondLook is the same reader without its last check: it must see a mixture,
// or TestNoMixture proves nothing.
func TestControlWithoutTheSecondLook(t *testing.T) {
	r, w := written(t)
	e := &r.Entries[2]
	if err := w.Publish(2, whole5000(0), 0); err != nil {
		t.Fatal(err)
	}
	var seen atomic.Bool
	var reads atomic.Int64
	race(t, w, func() bool {
		live := r.Version(e) & 1
		room := make([]byte, min(r.u64(e.at+entLen0+8*live), e.capacity))
		r.copyOut(room, r.slots[live]+e.slot)
		if mixed(room) {
			seen.Store(true)
		}
		return seen.Load() || reads.Add(1) > 10_000_000
	})
	if !seen.Load() {
		t.Error("no mixture was seen")
	}
}
