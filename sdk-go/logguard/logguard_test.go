package logguard_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	cloudtaser "cloudtaser.io/sdk-go"
	"cloudtaser.io/sdk-go/cloudtasertest"
	"cloudtaser.io/sdk-go/logguard"
)

var handlers = map[string]func(io.Writer) slog.Handler{
	"json": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
}

func TestEveryPlaceOfARecordIsMasked(t *testing.T) {
	fake := cloudtasertest.New(t, map[string]string{
		"secret/db#password": `hun"ter\2`, "PGPASSWORD": "variable-1", "secret/x#short": "app",
	})
	for name, make := range handlers {
		var plain, out bytes.Buffer
		guarded := logguard.New(fake.Store, &out, make)
		for _, handler := range []slog.Handler{make(&plain), guarded} {
			logger := slog.New(handler)
			logger.Info(`hun"ter\2 in the message`)
			logger.With("a", `x hun"ter\2 y`).WithGroup("g").Info("app", "b", errors.New("variable-1"))
		}
		if !strings.Contains(plain.String(), "ter") || !strings.Contains(plain.String(), "variable-1") {
			t.Errorf("%s: the control has no secret: %s", name, plain.String())
		}
		text := out.String()
		if strings.Contains(text, "ter") || strings.Contains(text, "variable-1") {
			t.Errorf("%s: %s", name, text)
		}
		if strings.Count(text, cloudtaser.Placeholder) != 3 || !strings.Contains(text, "app") {
			t.Errorf("%s: %s", name, text)
		}
	}
	fake.Rotate("PGPASSWORD", "variable-2")
	var out bytes.Buffer
	slog.New(logguard.New(fake.Store, &out, handlers["json"])).Info("variable-2")
	if strings.Contains(out.String(), "variable-2") {
		t.Error("the new version is not masked")
	}
}

func TestNothingIsWrittenWhenTheStoreCannotBeRead(t *testing.T) {
	fake := cloudtasertest.New(t, map[string]string{"secret/db#password": "hunter2"})
	_ = fake.Store.Close()
	var out bytes.Buffer
	_, err := logguard.NewWriter(fake.Store, &out).Write([]byte("hunter2"))
	if !errors.Is(err, cloudtaser.ErrClosed) || out.Len() != 0 {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func ExampleNew() {
	fake := cloudtasertest.New(&testing.T{}, map[string]string{"secret/db#password": "hunter2"})
	logger := slog.New(logguard.New(fake.Store, os.Stdout, func(w io.Writer) slog.Handler {
		return slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: withoutTime})
	}))
	logger.Info("login", "password", "hunter2")
	// Output: level=INFO msg=login password=[secret]
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}
