package cloudtaser

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"cloudtaser.io/sdk-go/internal/region"
)

// memfdCreate has no name in package syscall on amd64.
var memfdCreate = map[string]uintptr{"amd64": 319, "arm64": 279, "riscv64": 279}[runtime.GOARCH]

// handedMemory gives the descriptor of a memfd with this content, sealed as the wrapper seals it.
func handedMemory(t *testing.T, content []byte, isSealed bool) int {
	t.Helper()
	name := append([]byte("test"), 0)
	fd, _, errno := syscall.Syscall(memfdCreate, uintptr(unsafe.Pointer(&name[0])), 2, 0)
	if errno != 0 {
		t.Skipf("memfd_create: %v", errno)
	}
	if _, err := syscall.Write(int(fd), content); err != nil {
		t.Fatal(err)
	}
	if isSealed {
		_, _, errno = syscall.Syscall(syscall.SYS_FCNTL, fd, 1033, 2|4)
		if errno != 0 {
			t.Fatal(errno)
		}
	}
	return int(fd)
}

func isOpen(fd int) bool {
	_, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
	return errno == 0
}

func vector(t *testing.T, name string) []byte {
	t.Helper()
	if _, err := os.Stat(filepath.Join("..", "sdk-go")); err != nil {
		t.Skip("the repository around this module, which has the vectors")
	}
	content, err := os.ReadFile(filepath.Join("..", "tests", "vectors", name+".bin"))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// openHanded opens a region as Open does.
func openHanded(t *testing.T, content []byte, opts ...Option) (*Store, int, error) {
	t.Helper()
	fd := handedMemory(t, content, true)
	h := &handover{fd: fd}
	s, err := h.open(t.Context(), newOptions(opts))
	return s, fd, err
}

func TestTheRegionThatWasHandedOver(t *testing.T) {
	s, fd, err := openHanded(t, vector(t, "two-entries"))
	if err != nil {
		t.Fatal(err)
	}
	if isOpen(fd) {
		t.Error("the descriptor is open after it was mapped")
	}
	value, err := s.GetSecret("secret/db#password")
	if value != "hunter2" || err != nil || s.Protection() != ProtectionSecretmem {
		t.Errorf("%q, %v, %v", value, err, s.Protection())
	}
	if err := s.Share(exec.Command("true")); !errors.Is(err, ErrNotShareable) {
		t.Errorf("share: %v", err)
	}
}

func TestHostileRegionsAreRefused(t *testing.T) {
	for name, want := range map[string]error{
		"magic": ErrDamaged, "entry-overlap": ErrDamaged, "cut-end": ErrDamaged,
		"major-2": ErrVersion, "flag-incompatible": ErrVersion, "entry-flag-incompatible": ErrVersion,
	} {
		// Refused whatever else there is: no falling back to the development source.
		_, fd, err := openHanded(t, vector(t, name), DevelopmentSource("file:/dev/null"))
		if !errors.Is(err, want) || isOpen(fd) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, _, err := openHanded(t, vector(t, "length-huge"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetSecret("secret/db#password"); !errors.Is(err, ErrDamaged) {
		t.Errorf("a damaged value: %v", err)
	}
	if _, err := s.Get("secret/db#password"); !errors.Is(err, ErrDamaged) {
		t.Errorf("a damaged value: %v", err)
	}
	err = s.Use("secret/db#password", func([]byte) error { return nil })
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("a damaged value: %v", err)
	}
	if value, err := s.GetSecret("secret/tls"); err != nil || len(value) != 27 {
		t.Errorf("the other value: %v", err)
	}
}

func TestAFileThatCanBeCutShortIsRefused(t *testing.T) {
	fd := handedMemory(t, vector(t, "two-entries"), false)
	if _, err := (&handover{fd: fd}).open(t.Context(), newOptions(nil)); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v", err)
	}
}

func TestMinimumOfProtection(t *testing.T) {
	_, _, err := openHanded(t, vector(t, "two-entries"), MinProtection(ProtectionEnforced))
	if !errors.Is(err, ErrProtection) {
		t.Errorf("an option: %v", err)
	}
	_, _, err = openHanded(t, vector(t, "two-entries"), MinProtection(ProtectionSecretmem))
	if err != nil {
		t.Errorf("the control: %v", err)
	}
	for word, want := range map[string]error{
		"enforced": ErrProtection, "secretmem": nil, "none": nil, "best": ErrProtection,
	} {
		t.Setenv(envMinProtection, word)
		if _, _, err := openHanded(t, vector(t, "two-entries")); !errors.Is(err, want) {
			t.Errorf("%s: %v", word, err)
		}
	}
}

func TestStoresShareOneMapping(t *testing.T) {
	h := &handover{fd: handedMemory(t, vector(t, "two-entries"), true)}
	first, err := h.open(t.Context(), newOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	second, err := h.open(t.Context(), newOptions(nil))
	if err != nil || second.source.Load() != first.source.Load() {
		t.Fatalf("%v", err)
	}
	_ = first.Close()
	_ = first.Close()
	if _, err := second.GetSecret("secret/db"); err != nil {
		t.Errorf("the other store was closed: %v", err)
	}
	_ = second.Close()
	if _, err := h.open(t.Context(), newOptions(nil)); !errors.Is(err, ErrClosed) {
		t.Errorf("after the last one was closed: %v", err)
	}
}

func TestTakeHanded(t *testing.T) {
	t.Setenv(envRegion, "")
	for text, isNotWrapped := range map[string]bool{"": true, "x": true, "-1": true, "99999": true} {
		_ = os.Setenv(envRegion, text)
		h := takeHanded()
		if h.fd >= 0 || errors.Is(h.err, ErrNotWrapped) != isNotWrapped {
			t.Errorf("%q: %d, %v", text, h.fd, h.err)
		}
		// Somebody said that there is a region: no other source will do.
		if !h.isGiven() {
			t.Errorf("%q: the development source would be used", text)
		}
		if _, ok := os.LookupEnv(envRegion); ok {
			t.Error("the variable is still set")
		}
	}
	if takeHanded().isGiven() {
		t.Error("without the variable there is a region")
	}
}

func development(t *testing.T, source string, opts ...Option) (*Store, string, error) {
	t.Helper()
	var told bytes.Buffer
	opts = append(opts, DevelopmentSource(source), Warnings(&told))
	h := &handover{fd: -1, err: ErrNotWrapped}
	s, err := h.open(t.Context(), newOptions(opts))
	return s, told.String(), err
}

func TestDevelopmentSourceIsLoudAndRefusedByAMinimum(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dev.env")
	text := "secret/db#password=hunter2\nPGPASSWORD='hunter2'\n/run/key=k\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, told, err := development(t, "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(told, "INSECURE DEVELOPMENT SOURCE") || strings.Contains(told, "hunter2") {
		t.Errorf("it says %q", told)
	}
	value, err := s.GetSecret("secret/db#password")
	variable, ok := s.Env()("PGPASSWORD")
	if value != "hunter2" || err != nil || variable != "hunter2" || !ok {
		t.Errorf("%q, %v, %q", value, err, variable)
	}
	if s.Protection() != ProtectionNone {
		t.Errorf("it claims %v", s.Protection())
	}
	_, told, err = development(t, "file:"+file, MinProtection(ProtectionLocked))
	if !errors.Is(err, ErrProtection) || told != "" {
		t.Errorf("an option: %v", err)
	}
	_, _, err = development(t, "")
	if !errors.Is(err, ErrNotWrapped) {
		t.Errorf("without one: %v", err)
	}
	_, _, err = development(t, "file:"+file+".none")
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, _, err = development(t, "elsewhere"); err == nil {
		t.Error("an unknown source is taken")
	}
	t.Setenv(envMinProtection, "none")
	_, _, err = development(t, "file:"+file)
	if !errors.Is(err, ErrProtection) {
		t.Errorf("a variable: %v", err)
	}
}

func TestDevelopmentStoreIsAskedByTheBinary(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\n[ \"$*\" = 'store export --format json' ] || exit 9\n" +
		"echo '{\"secret/db\": {\"password\": \"from the store\"}}'\n"
	if err := os.WriteFile(filepath.Join(dir, "cloudtaser"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	s, _, err := development(t, "store")
	if err != nil {
		t.Fatal(err)
	}
	if value, err := s.GetSecret("secret/db#password"); value != "from the store" || err != nil {
		t.Errorf("%q, %v", value, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := &handover{fd: -1, err: ErrNotWrapped}
	if _, err := h.open(ctx, newOptions([]Option{DevelopmentSource("store")})); err == nil {
		t.Error("a context that is over")
	}
}

// TestATextAroundReferencesIsNoSecret: its own reference has ${} around each.
func TestATextAroundReferencesIsNoSecret(t *testing.T) {
	specs := []region.Spec{
		{Reference: "${secret/data/db#password}", Variable: "URL", Value: []byte("pg://x@y")},
		{Reference: "secret/data/v1#a", Value: []byte("1")},
		{Reference: "kv/v1#b", Value: []byte("2")},
		{Reference: "kv/data/v1#b", Value: []byte("3")},
	}
	words := make([]uint64, region.Size(specs)/8)
	if _, err := region.Write(words, specs, 0); err != nil {
		t.Fatal(err)
	}
	content := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(words)*8)
	s, _, err := openHanded(t, content)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetSecret("secret/db#password"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the text is taken for the secret: %v", err)
	}
	// KV 1 and KV 2 under one name: the exact text wins, and the path alone is nobody's.
	if value, err := s.GetSecret("kv/v1#b"); value != "2" || err != nil {
		t.Errorf("%q, %v", value, err)
	}
	if _, err := s.GetSecret("kv/v1"); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("%v", err)
	}
}

// TestCopiesBelowTheMinimumAreRefused at a limit of locked memory that leaves none for copies.
func TestCopiesBelowTheMinimumAreRefused(t *testing.T) {
	if os.Getenv("CLOUDTASER_TEST_LIMITED") == "" {
		cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), "CLOUDTASER_TEST_LIMITED=1")
		output, err := cmd.CombinedOutput()
		if bytes.Contains(output, []byte("--- SKIP")) {
			t.Skip("secret memory (memfd_secret)")
		}
		if err != nil || !bytes.Contains(output, []byte("--- PASS")) {
			t.Errorf("%v\n%s", err, output)
		}
		return
	}
	const memlock = 8 // RLIMIT_MEMLOCK, of include/uapi/asm-generic/resource.h
	content := vector(t, "two-entries")
	s, _, err := openHanded(t, content, MinProtection(ProtectionSecretmem))
	if err != nil {
		t.Skipf("secret memory: %v", err)
	}
	// Root's capability lifts the limit: another user.
	if err := syscall.Setrlimit(memlock, &syscall.Rlimit{Cur: 0, Max: 0}); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := syscall.Setuid(65534); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Get("secret/tls"); !errors.Is(err, ErrProtection) {
		t.Errorf("a copy: %v", err)
	}
	if err := s.Use("secret/tls", func([]byte) error { return nil }); err != nil {
		t.Errorf("memory that was there before: %v", err)
	}
	_, _, err = openHanded(t, content, MinProtection(ProtectionSecretmem))
	if !errors.Is(err, ErrProtection) {
		t.Errorf("another store: %v", err)
	}
	control, _, err := openHanded(t, content)
	if err != nil {
		t.Fatal(err)
	}
	if secret, err := control.Get("secret/tls"); err != nil {
		t.Errorf("the control, without a minimum: %v", err)
	} else {
		secret.Destroy()
	}
}
