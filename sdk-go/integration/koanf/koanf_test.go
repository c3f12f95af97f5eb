// Package koanf shows the SDK with a library for configuration.
package koanf

import (
	"fmt"
	"testing"

	"github.com/knadh/koanf/parsers/json"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/fs"
	"github.com/knadh/koanf/v2"

	"cloudtaser.io/sdk-go/cloudtasertest"
)

// A value by its reference, and a file that the wrapper delivers (--file /run/app.json=@template).
func Example() {
	store := cloudtasertest.New(&testing.T{}, map[string]string{
		"secret/db#password": "hunter2",
		"/run/app.json":      `{"api": {"key": "k"}}`,
	}).Store
	password, err := store.GetSecret("secret/db#password")
	if err != nil {
		return
	}
	k := koanf.New(".")
	values := map[string]any{"db.password": password}
	if err := k.Load(confmap.Provider(values, "."), nil); err != nil {
		return
	}
	if err := k.Load(fs.Provider(store.FS(), "run/app.json"), json.Parser()); err != nil {
		return
	}
	fmt.Println(len(k.String("db.password")), k.String("api.key"))
	// Output: 7 k
}
