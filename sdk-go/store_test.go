package cloudtaser_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	cloudtaser "cloudtaser.io/sdk-go"
	"cloudtaser.io/sdk-go/cloudtasertest"
)

const (
	ref      = "secret/db#password"
	password = "hunter2-hunter2-hunter2"
)

func fake(t testing.TB) *cloudtasertest.Fake {
	return cloudtasertest.New(t, map[string]string{
		ref:                     password,
		"secret/db#user":        "alice",
		"secret/one#only":       "single",
		"secret/long#key":       strings.Repeat("k", 3000),
		"secret/empty#nothing":  "",
		"/run/secrets/db/pass":  password,
		"/run/secrets/tls.key":  "KEY",
		"/run/secrets/tls.cert": "CERT",
		"PGPASSWORD":            password,
	})
}

func TestEverySpellingOfAReference(t *testing.T) {
	store := fake(t).Store
	for _, spelling := range []string{
		ref, "secret/data/db#password", "vault:" + ref, "bao:" + ref, "vault:secret/data/db#password",
	} {
		if value, err := store.GetSecret(spelling); value != password || err != nil {
			t.Errorf("%s: %q, %v", spelling, value, err)
		}
	}
	for _, spelling := range []string{"secret/one", "secret/data/one", "vault:secret/one"} {
		if value, err := store.GetSecret(spelling); value != "single" || err != nil {
			t.Errorf("%s: %q, %v", spelling, value, err)
		}
	}
	if value, err := store.GetSecret("secret/empty"); value != "" || err != nil {
		t.Errorf("the empty value: %q, %v", value, err)
	}
}

func TestErrorsAreSentinelsAndHoldNoValue(t *testing.T) {
	store := fake(t).Store
	for name, want := range map[string]error{
		"secret/db":          cloudtaser.ErrAmbiguous,
		"secret/db#none":     cloudtaser.ErrNotFound,
		"secret/none":        cloudtaser.ErrNotFound,
		"":                   cloudtaser.ErrNotFound,
		"PGPASSWORD":         cloudtaser.ErrNotFound,
		"secret/data/data/x": cloudtaser.ErrNotFound,
	} {
		_, err := store.GetSecret(name)
		var typed *cloudtaser.Error
		if !errors.Is(err, want) || !errors.As(err, &typed) || typed.Ref != name {
			t.Errorf("%q: %v", name, err)
		}
		if use := store.Use(name, nil); !errors.Is(use, want) {
			t.Errorf("use %q: %v", name, use)
		}
		if _, watch := store.Watch(t.Context(), name); !errors.Is(watch, want) {
			t.Errorf("watch %q: %v", name, watch)
		}
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), password) {
			t.Errorf("%q tells the value", name)
		}
	}
}

func TestUseGivesTheValueAndWipesIt(t *testing.T) {
	store := fake(t).Store
	for name, want := range map[string]string{
		ref: password, "secret/long": strings.Repeat("k", 3000), "secret/empty": "",
	} {
		var kept []byte
		err := store.Use(name, func(value []byte) error {
			if string(value) != want || cap(value) != len(value) {
				t.Errorf("%s: %d bytes of %d", name, len(value), cap(value))
			}
			if len(value) < 512 {
				// Of larger ones the memory is gone afterwards.
				kept = value
			}
			return nil
		})
		if err != nil || !bytes.Equal(kept, make([]byte, len(kept))) {
			t.Errorf("%s: left %q, %v", name, kept, err)
		}
	}
	boom := errors.New("boom")
	if err := store.Use(ref, func([]byte) error { return boom }); err != boom {
		t.Errorf("the callback's error is %v", err)
	}
}

func TestUseWipesAndFreesAfterAPanic(t *testing.T) {
	store := fake(t).Store
	var kept []byte
	for range 40 {
		func() {
			defer func() { _ = recover() }()
			_ = store.Use(ref, func(value []byte) error {
				kept = value
				panic("in the callback")
			})
		}()
	}
	if !bytes.Equal(kept, make([]byte, len(kept))) {
		t.Errorf("left %q", kept)
	}
	if err := store.Use(ref, func([]byte) error { return nil }); err != nil {
		t.Error(err)
	}
}

// TestUseMayNestAndBeManyAtOnce needs more memory at once than the store keeps ready.
func TestUseMayNestAndBeManyAtOnce(t *testing.T) {
	store := fake(t).Store
	var nest func(depth int) error
	nest = func(depth int) error {
		return store.Use(ref, func(value []byte) error {
			if depth > 0 {
				if err := nest(depth - 1); err != nil {
					return err
				}
			}
			if string(value) != password {
				return fmt.Errorf("at depth %d it became %q", depth, value)
			}
			return nil
		})
	}
	if err := nest(40); err != nil {
		t.Error(err)
	}
}

func TestValuesStayWholeWhileTheyRotate(t *testing.T) {
	fake := fake(t)
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for range 5000 {
				err := fake.Store.Use(ref, func(value []byte) error {
					first := bytes.Clone(value)
					runtime.Gosched()
					if !bytes.Equal(first, value) {
						t.Error("the value changed under the callback")
					}
					if bytes.Count(value, value[:1]) != len(value) && string(value) != password {
						t.Errorf("a mixture: %q", value)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		}()
	}
	go func() { readers.Wait(); close(stop) }()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
			fake.Rotate(ref, strings.Repeat(string(rune('a'+i%26)), 20+i%40))
		}
	}
}

func TestSecretPrintsAndMarshalsAsAPlaceholder(t *testing.T) {
	secret, err := fake(t).Store.Get(ref)
	if err != nil {
		t.Fatal(err)
	}
	defer secret.Destroy()
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", secret)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", secret)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%p", "%T %v"} {
		fmt.Fprintf(&out, verb, secret)
	}
	fmt.Fprint(&out, secret, []any{secret}, struct{ S *cloudtaser.Secret }{secret})
	text, err := json.Marshal(map[string]any{"s": secret})
	if err != nil || string(text) != `{"s":"[secret]"}` {
		t.Errorf("%s, %v", text, err)
	}
	out.Write(text)
	_ = gob.NewEncoder(&out).Encode(secret)
	if strings.Contains(out.String(), "hunter2") || strings.Contains(out.String(), "68756e74") {
		t.Errorf("it tells the value: %s", out.String())
	}
	if err := json.Unmarshal([]byte(`"x"`), secret); err == nil {
		t.Error("it can be unmarshalled")
	}
	if secret.Reveal() != password {
		t.Error("the value is not there any more")
	}
}

func TestSecretIsDestroyed(t *testing.T) {
	fake := fake(t)
	secret, err := fake.Store.Get(ref)
	if err != nil {
		t.Fatal(err)
	}
	fake.Rotate(ref, "new")
	if !secret.Equal([]byte(password)) || secret.Equal([]byte("new")) || secret.Version() != 0 {
		t.Error("a copy follows the rotation")
	}
	secret.Destroy()
	secret.Destroy()
	err = secret.Use(func([]byte) error { return nil })
	if !errors.Is(err, cloudtaser.ErrDestroyed) || secret.Reveal() != "" || secret.Equal(nil) {
		t.Errorf("after Destroy: %v", err)
	}
}

func TestListAndEnv(t *testing.T) {
	fake := fake(t)
	fake.Rotate(ref, "second")
	infos, err := fake.Store.List()
	if err != nil || len(infos) != 9 {
		t.Fatalf("%v, %v", infos, err)
	}
	for _, info := range infos {
		isRotated := info.Reference == "secret/data/db#password"
		if (info.Version == 1) != isRotated || info.Published.IsZero() == isRotated {
			t.Errorf("%+v", info)
		}
	}
	t.Setenv("CLOUDTASER_TEST_PLAIN", "plain")
	env := fake.Store.Env()
	for name, want := range map[string]string{
		"PGPASSWORD": password, "CLOUDTASER_TEST_PLAIN": "plain",
	} {
		if value, ok := env(name); value != want || !ok {
			t.Errorf("%s: %q", name, value)
		}
	}
	if _, ok := env("CLOUDTASER_TEST_NOTHING"); ok {
		t.Error("what is not set is found")
	}
	if os.Getenv("PGPASSWORD") != "" {
		t.Error("the process's own environment has it")
	}
}

func TestFS(t *testing.T) {
	fake := fake(t)
	files := fake.Store.FS()
	err := fstest.TestFS(files, "run/secrets/db/pass", "run/secrets/tls.key", "run/secrets/tls.cert")
	if err != nil {
		t.Error(err)
	}
	matches, err := fs.Glob(files, "run/secrets/tls.*")
	if err != nil || len(matches) != 2 {
		t.Errorf("%v, %v", matches, err)
	}
	open, err := files.Open("run/secrets/tls.key")
	if err != nil {
		t.Fatal(err)
	}
	fake.Rotate("/run/secrets/tls.key", "NEWER")
	text := make([]byte, 16)
	n, _ := open.Read(text)
	info, _ := open.Stat()
	if string(text[:n]) != "KEY" || info.Size() != 3 || info.Mode() != 0o400 {
		t.Errorf("an open file: %q, %v", text[:n], info)
	}
	if err := open.Close(); err != nil {
		t.Error(err)
	}
	if _, err := open.Read(text); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a closed file: %v", err)
	}
	again, err := fs.ReadFile(files, "run/secrets/tls.key")
	if string(again) != "NEWER" || err != nil {
		t.Errorf("%q, %v", again, err)
	}
	later, err := fs.Stat(files, "run/secrets/tls.key")
	if err != nil || later.ModTime().IsZero() {
		t.Errorf("%v, %v", later, err)
	}
}

func TestWatch(t *testing.T) {
	fake := fake(t)
	ctx, cancel := context.WithCancel(t.Context())
	changes, err := fake.Store.Watch(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	others, err := fake.Store.Watch(t.Context(), "secret/db#user")
	if err != nil {
		t.Fatal(err)
	}
	fake.Rotate(ref, "two")
	if change := <-changes; change.Version != 1 || change.Reference != ref ||
		time.Since(change.Published) > time.Minute {
		t.Errorf("%+v", change)
	}
	// Nobody takes from the channel: the newest is kept.
	for range 5 {
		fake.Rotate(ref, "more")
	}
	for change := range changes {
		if change.Version == 6 {
			break
		}
	}
	select {
	case change := <-others:
		t.Errorf("told of another secret's rotation: %+v", change)
	default:
	}
	cancel()
	for range changes {
		t.Error("told after the context's end")
	}
	fake.Rotate("secret/db#user", "bob")
	if change := <-others; change.Version != 1 {
		t.Errorf("%+v", change)
	}
	if err := fake.Store.Close(); err != nil {
		t.Error(err)
	}
	if _, ok := <-others; ok {
		t.Error("told after Close")
	}
}

// TestWatchesNeedOneGoroutine and none when nobody watches.
func TestWatchesNeedOneGoroutine(t *testing.T) {
	fake := fake(t)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	var all []<-chan cloudtaser.Change
	for range 100 {
		changes, err := fake.Store.Watch(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, changes)
	}
	if during := runtime.NumGoroutine(); during > before+1 {
		t.Errorf("%d goroutines before, %d with 100 watches", before, during)
	}
	fake.Rotate(ref, "two")
	for _, changes := range all {
		if change := <-changes; change.Version != 1 {
			t.Errorf("%+v", change)
		}
	}
	cancel()
	for _, changes := range all {
		for range changes {
			t.Error("told after the end")
		}
	}
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
		runtime.Gosched()
	}
}

func TestClosedStore(t *testing.T) {
	store := fake(t).Store
	running, err := make(chan struct{}), error(nil)
	done := make(chan error)
	go func() {
		done <- store.Use(ref, func(value []byte) error {
			close(running)
			for range 3 {
				// The memory stays while a call has it.
				runtime.GC()
			}
			if string(value) != password {
				return errors.New("the value is gone")
			}
			return nil
		})
	}()
	<-running
	_ = store.Close()
	if err = <-done; err != nil {
		t.Error(err)
	}
	_, err = store.GetSecret(ref)
	if !errors.Is(err, cloudtaser.ErrClosed) {
		t.Error(err)
	}
	if _, err := fs.ReadFile(store.FS(), "run/secrets/tls.key"); !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
	if _, ok := store.Env()("PGPASSWORD"); ok {
		t.Error("Env of a closed store")
	}
	if _, err := store.List(); !errors.Is(err, cloudtaser.ErrClosed) {
		t.Error(err)
	}
}
