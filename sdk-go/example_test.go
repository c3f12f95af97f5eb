package cloudtaser_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	cloudtaser "cloudtaser.io/sdk-go"
	"cloudtaser.io/sdk-go/cloudtasertest"
)

// exampleStore stands in for cloudtaser.Open(ctx), so that the examples run in tests.
func exampleStore() *cloudtasertest.Fake {
	return cloudtasertest.New(&testing.T{}, map[string]string{
		"secret/db#password":   "hunter2",
		"secret/api#key":       "k",
		"PGPASSWORD":           "hunter2",
		"/run/secrets/tls.key": "-----BEGIN",
	})
}

// The one call for most programs.
func ExampleGetSecret() {
	password, err := cloudtaser.GetSecret("secret/db#password")
	if errors.Is(err, cloudtaser.ErrNotWrapped) {
		fmt.Println("start it as: cloudtaser run … -- ./server")
		return
	}
	_ = password // goes to the driver
	// Output: start it as: cloudtaser run … -- ./server
}

func ExampleOpen() {
	store, err := cloudtaser.Open(context.Background(),
		cloudtaser.MinProtection(cloudtaser.ProtectionSecretmem))
	if err != nil {
		fmt.Println(errors.Is(err, cloudtaser.ErrNotWrapped))
		return
	}
	defer store.Close()
	// Output: true
}

// The bytes never reach Go's heap.
func ExampleStore_Use() {
	store := exampleStore().Store
	message := []byte("message")
	var tag []byte
	err := store.Use("secret/api#key", func(key []byte) error {
		mac := hmac.New(sha256.New, key)
		mac.Write(message)
		tag = mac.Sum(nil)
		return nil
	})
	fmt.Println(len(tag), err)
	// Output: 32 <nil>
}

// A copy that lasts, in locked memory.
func ExampleStore_Get() {
	store := exampleStore().Store
	secret, err := store.Get("secret/db#password")
	if err != nil {
		return
	}
	defer secret.Destroy()
	fmt.Println(secret, secret.Equal([]byte("hunter2")))
	// Output: [secret] true
}

// In place of os.LookupEnv.
func ExampleStore_Env() {
	lookup := exampleStore().Store.Env()
	password, ok := lookup("PGPASSWORD")
	_, isPlain := os.LookupEnv("PGPASSWORD")
	fmt.Println(len(password), ok, isPlain)
	// Output: 7 true false
}

func ExampleStore_FS() {
	files, err := fs.Sub(exampleStore().Store.FS(), "run/secrets")
	if err != nil {
		return
	}
	key, err := fs.ReadFile(files, "tls.key")
	fmt.Println(len(key), err)
	// Output: 10 <nil>
}

func ExampleStore_Watch() {
	fake := exampleStore()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	changes, err := fake.Store.Watch(ctx, "secret/db#password")
	if err != nil {
		return
	}
	fake.Rotate("secret/db#password", "hunter3") // the wrapper does this
	change := <-changes
	fmt.Println(change.Reference, change.Version)
	// Output: secret/db#password 1
}
