package cloudtaser_test

import (
	"fmt"
	"testing"
	"time"

	cloudtaser "cloudtaser.io/sdk-go"
	"cloudtaser.io/sdk-go/cloudtasertest"
	"cloudtaser.io/sdk-go/internal/bridge"
	"cloudtaser.io/sdk-go/internal/memory"
	"cloudtaser.io/sdk-go/internal/region"
)

const (
	benchRef = "secret/data/db#password"
	benchKey = "secret/db#password"
)

func benchStore(b *testing.B) *cloudtasertest.Fake {
	return cloudtasertest.New(b, map[string]string{
		benchKey: "0123456789abcdef0123456789abcdef",
	})
}

var sink byte

// BenchmarkUse: bar 50 ns, no allocation.
func BenchmarkUse(b *testing.B) {
	store := benchStore(b).Store
	b.ReportAllocs()
	for b.Loop() {
		if err := store.Use(benchRef, func(value []byte) error {
			sink += value[31]
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGetSecret: bar 200 ns, one allocation.
func BenchmarkGetSecret(b *testing.B) {
	store := benchStore(b).Store
	b.ReportAllocs()
	for b.Loop() {
		if _, err := store.GetSecret(benchRef); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen: bar 200 µs with 1,000 entries. What the kernel takes to map the region is not in
// it; the memory of the copies is.
func BenchmarkOpen(b *testing.B) {
	var specs []region.Spec
	for i := range 1000 {
		ref := fmt.Sprintf("secret/data/app-%d#password", i)
		specs = append(specs, region.Spec{Reference: ref, Value: make([]byte, 32)})
	}
	size := region.Size(specs)
	for b.Loop() {
		b.StopTimer()
		block, err := memory.New(size)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := region.Write(block.Words(), specs, 0); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		store, _, err := bridge.OpenBlock(block)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		_ = store.(*cloudtaser.Store).Close()
		b.StartTimer()
	}
}

// BenchmarkUseWhileRotating: 64 goroutines read while one rotates.
func BenchmarkUseWhileRotating(b *testing.B) {
	fake := benchStore(b)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				fake.Rotate(benchKey, fmt.Sprintf("%032d", i))
				// Some thousand rotations a second: far more than there are in earnest.
				time.Sleep(100 * time.Microsecond)
			}
		}
	}()
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := fake.Store.Use(benchRef, func([]byte) error { return nil }); err != nil {
				b.Error(err)
			}
		}
	})
	close(stop)
	<-done
}
