//go:build linux

package memory

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// Numbers of the kernel that package syscall does not have.
const (
	madvDontfork   = 10         // include/uapi/asm-generic/mman-common.h
	madvDontdump   = 16         // the same
	magicSecretmem = 0x5345434d // include/uapi/linux/magic.h, SECRETMEM_MAGIC
	sysMemfdSecret = 447        // the same number on the machines below
	fdCloexec      = 1
	fGetSeals      = 1034    // include/uapi/linux/fcntl.h
	sealShrink     = 2       // the same, F_SEAL_SHRINK
	maxRegionBytes = 1 << 30 // chosen: a region has some KiB
)

// New gets at least size bytes: secret memory where the kernel gives it, else private memory that
// is locked if the limit (RLIMIT_MEMLOCK) allows. Neither is in a dump or in a child.
func New(size int) (*Block, error) {
	page := os.Getpagesize()
	size = max(page, (size+page-1)/page*page)
	if b := secret(size); b != nil {
		return b, nil
	}
	kind := syscall.MAP_PRIVATE | syscall.MAP_ANON
	bytes, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, kind)
	if err != nil {
		return nil, fmt.Errorf("mmap of %d bytes: %w", size, err)
	}
	b := own(bytes, None)
	if syscall.Mlock(bytes) == nil {
		b.Level = Locked
	}
	if err := apart(bytes); err != nil {
		b.Free()
		return nil, err
	}
	return b, nil
}

// secret gets secret memory, or nothing.
func secret(size int) *Block {
	switch runtime.GOARCH {
	case "amd64", "arm64", "riscv64":
	default:
		return nil
	}
	number, _, errno := syscall.Syscall(sysMemfdSecret, syscall.O_CLOEXEC, 0, 0)
	if errno != 0 {
		return nil
	}
	fd := int(number)
	defer syscall.Close(fd)
	// A filter can fake success: the file system tells.
	var fs syscall.Statfs_t
	if syscall.Fstatfs(fd, &fs) != nil || fs.Type != magicSecretmem {
		return nil
	}
	if syscall.Ftruncate(fd, int64(size)) != nil {
		return nil
	}
	bytes, err := syscall.Mmap(fd, 0, size, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_SHARED)
	if err != nil {
		return nil
	}
	b := own(bytes, Secretmem)
	if apart(bytes) != nil {
		b.Free()
		return nil
	}
	return b
}

// apart keeps memory out of dumps and of children (Go's own children share it until they execute
// a program; a fork by C code does not get it).
func apart(bytes []byte) error {
	for _, advice := range []int{madvDontdump, madvDontfork} {
		if err := syscall.Madvise(bytes, advice); err != nil {
			return fmt.Errorf("madvise: %w", err)
		}
	}
	return nil
}

func own(bytes []byte, level Level) *Block {
	return &Block{bytes: bytes, Level: level, free: func() {
		clear(bytes)
		runtime.KeepAlive(unsafe.SliceData(bytes))
		_ = syscall.Munmap(bytes)
	}}
}

// Map maps the region behind a descriptor, to read only.
func Map(fd int) (*Block, error) {
	var stat syscall.Stat_t
	if err := syscall.Fstat(fd, &stat); err != nil {
		return nil, fmt.Errorf("fstat of the region's descriptor: %w", err)
	}
	if stat.Size <= 0 || stat.Size > maxRegionBytes {
		return nil, fmt.Errorf("the region's descriptor has %d bytes", stat.Size)
	}
	if !keepsItsSize(fd) {
		return nil, errors.New("the region's descriptor is of a file that can be cut short")
	}
	bytes, err := syscall.Mmap(fd, 0, int(stat.Size), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mmap of the region: %w", err)
	}
	b := &Block{bytes: bytes, free: func() { _ = syscall.Munmap(bytes) }}
	if err := apart(bytes); err != nil {
		b.Free()
		return nil, err
	}
	return b, nil
}

// keepsItsSize is true for secret memory, which gets its size once, and for a memfd that is sealed:
// reading a file that somebody cuts short would end the program by SIGBUS.
func keepsItsSize(fd int) bool {
	var fs syscall.Statfs_t
	if syscall.Fstatfs(fd, &fs) == nil && fs.Type == magicSecretmem {
		return true
	}
	seals, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), fGetSeals, 0)
	return errno == 0 && seals&sealShrink != 0
}

// CloseOnExec keeps a descriptor out of programs that this one starts, and says whether there is
// one of that number.
func CloseOnExec(fd int) bool {
	_, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFD, fdCloexec)
	return errno == 0
}
