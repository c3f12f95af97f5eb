package region

import (
	"bytes"
	"errors"
	"sync"
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

// mixed says whether a value is of two versions: each is of one letter, and its length follows.
func mixed(value []byte) bool {
	if len(value) == 0 {
		return true
	}
	letter := value[0]
	return len(value) != 64-int(letter-'a') || bytes.Count(value, []byte{letter}) != len(value)
}

// TestNoMixture reads while a writer of this process never rests. The same with a writer in Rust,
// on secret memory, is tests/tests/sdk_go; this one runs under the race detector.
func TestNoMixture(t *testing.T) {
	r, w := written(t)
	stop := make(chan struct{})
	if err := w.Publish(0, bytes.Repeat([]byte("a"), 64), 0); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for range 4 {
		readers.Add(1)
		go func() {
			defer readers.Done()
			room := make([]byte, 128)
			newest := uint64(0)
			for range 20_000 {
				n, version, err := r.Read(&r.Entries[0], room)
				if err != nil || mixed(room[:n]) || version < newest {
					t.Errorf("%q, version %d after %d, %v", room[:n], version, newest, err)
					return
				}
				newest = version
			}
		}()
	}
	go func() {
		readers.Wait()
		close(stop)
	}()
	rotations := 0
	for done := false; !done; rotations++ {
		letter := rotations % 26
		value := bytes.Repeat([]byte{byte('a' + letter)}, 64-letter)
		if err := w.Publish(0, value, 0); err != nil {
			t.Error(err)
		}
		select {
		case <-stop:
			done = true
		default:
		}
	}
	if rotations < 100 {
		t.Errorf("only %d rotations", rotations)
	}
}

// TestControlWithoutTheSecondLook sees mixtures, or TestNoMixture would prove nothing.
func TestControlWithoutTheSecondLook(t *testing.T) {
	r, w := written(t)
	e := &r.Entries[0]
	first := r.Version(e) & 1
	size := r.Len(e)
	if err := w.Publish(0, bytes.Repeat([]byte("b"), 63), 0); err != nil {
		t.Fatal(err)
	}
	room := make([]byte, size)
	r.copyOut(room, r.slots[first]+e.slot)
	if !mixed(room) {
		t.Errorf("%q passes for whole", room)
	}
}
