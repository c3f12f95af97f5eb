package cloudtaser

import (
	"errors"
	"fmt"

	"cloudtaser.io/sdk-go/internal/region"
)

// What callers branch on, with errors.Is. No error of this package holds a value.
var (
	// ErrNotWrapped: the program was not started by the wrapper, and no development source is
	// named. The operator acts.
	ErrNotWrapped = errors.New("not started by the wrapper (cloudtaser run), and " +
		"CLOUDTASER_DEV_SOURCE names no development source")
	// ErrNotFound: the region has no such secret. Whoever configures the wrapper acts.
	ErrNotFound = errors.New("no such secret; give the wrapper --env NAME=vault:… or " +
		"--file PATH=vault:… for it")
	// ErrAmbiguous: a reference without a field, and there are several; or one that two secrets
	// answer to. The caller acts.
	ErrAmbiguous = errors.New("more than one secret answers to the reference; name path and field")
	// ErrDamaged: the region, or this one value, is not what docs/region.md says. Please report.
	ErrDamaged = errors.New("the secret region is damaged")
	// ErrVersion: a newer wrapper wrote the region. Update the SDK.
	ErrVersion = errors.New("the secret region is of a version that this SDK does not know")
	// ErrProtection: the memory is protected less than the caller or CLOUDTASER_MIN_PROTECTION
	// demands. The operator acts.
	ErrProtection = errors.New("protection below the minimum")
	// ErrContended: the value was rotated 1,000 times while it was read. Try again.
	ErrContended = errors.New("the value changes faster than it can be read")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("the store is closed")
	// ErrDestroyed: the secret was destroyed.
	ErrDestroyed = errors.New("the secret is destroyed")
	// ErrNotShareable: the store was opened without [Shareable].
	ErrNotShareable = errors.New("the store was opened without Shareable, or its secrets are of " +
		"the development source")
)

// Error is the type of every error of this package but those of callbacks: what was done, to
// which secret, and why it failed.
type Error struct {
	// Op is what was done: "open", "get", "use", "watch", "share".
	Op string
	// Ref is the reference as the caller gave it, or empty.
	Ref string
	// Err is the cause, one of the sentinels among its causes.
	Err error
}

// Error is the text, in lower case, without any value.
func (e *Error) Error() string {
	if e.Ref == "" {
		return fmt.Sprintf("cloudtaser: %s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("cloudtaser: %s %q: %v", e.Op, e.Ref, e.Err)
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

func failed(op, ref string, err error) error { return &Error{Op: op, Ref: ref, Err: err} }

// sentinel puts what callers branch on before a fault of the region.
func sentinel(err error) error {
	var fault *region.Fault
	if !errors.As(err, &fault) {
		return err
	}
	switch fault.Name {
	case "version", "flags", "entry-flags":
		return fmt.Errorf("%w: %w", ErrVersion, err)
	case "contended":
		return fmt.Errorf("%w: %w", ErrContended, err)
	default:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
}
