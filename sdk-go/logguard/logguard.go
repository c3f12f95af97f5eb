// Package logguard masks a store's values in what a slog.Logger writes. It is a net under a rope:
// code should not log secrets, and a value that was changed before (quoted, encoded, cut) is not
// found.
package logguard

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"sync"

	cloudtaser "cloudtaser.io/sdk-go"
	"cloudtaser.io/sdk-go/internal/bridge"
)

// Shortest is the fewest bytes that a value must have to be masked. Chosen: shorter ones, such as
// "app" or "5432", are parts of ordinary text.
const Shortest = 6

// New makes a handler that writes by the handler that it gets from make. Whatever that writes
// goes through the mask, so keys, groups, attributes and messages are covered alike:
//
//	logger := slog.New(logguard.New(store, os.Stderr, func(w io.Writer) slog.Handler {
//		return slog.NewJSONHandler(w, nil)
//	}))
//
// The live version of each value is masked, as it is and with the escapes of JSON and quoted text.
// It reads every value for every record: about 50 ns each.
func New(store *cloudtaser.Store, to io.Writer, make func(io.Writer) slog.Handler) slog.Handler {
	return make(&Writer{store: store, to: to})
}

// Writer masks what is written through it. A value must come within one Write, as slog's handlers
// do it: they write a record at a time.
type Writer struct {
	store *cloudtaser.Store
	mu    sync.Mutex
	to    io.Writer
}

// NewWriter is for loggers other than slog's.
func NewWriter(store *cloudtaser.Store, to io.Writer) *Writer {
	return &Writer{store: store, to: to}
}

// Write masks and writes. Fails closed: when the store cannot be read nothing is written.
func (w *Writer) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	masked := bytes.Clone(text)
	defer clear(masked)
	err := bridge.EachValue(w.store, func(value []byte) error {
		masked = mask(masked, value)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("logguard: %w", err)
	}
	if _, err := w.to.Write(masked); err != nil {
		return 0, err
	}
	return len(text), nil
}

func mask(text, value []byte) []byte {
	// Files end with a newline that nobody logs.
	value = bytes.TrimRight(value, "\r\n")
	text = replace(text, value)
	if bytes.ContainsAny(value, "\"\\\n\r\t") {
		quoted := escaped(value)
		text = replace(text, quoted)
		clear(quoted)
	}
	return text
}

func replace(text, value []byte) []byte {
	if len(value) < Shortest {
		return text
	}
	return bytes.ReplaceAll(text, value, []byte(cloudtaser.Placeholder))
}

// escapes are those of JSON and of Go's quoted text alike.
var escapes = map[byte]byte{'\\': '\\', '"': '"', '\n': 'n', '\r': 'r', '\t': 't'}

// escaped is the value as handlers write it. It has room for all at once, so that no copy of it is
// left behind.
func escaped(value []byte) []byte {
	out := make([]byte, 0, 2*len(value))
	for _, b := range value {
		if second, ok := escapes[b]; ok {
			out = append(out, '\\', second)
		} else {
			out = append(out, b)
		}
	}
	return out
}
