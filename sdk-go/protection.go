package cloudtaser

import (
	"fmt"

	"cloudtaser.io/sdk-go/internal/memory"
)

// Protection is how well the memory that holds the values is protected, weakest first.
type Protection uint32

// The levels, as the wrapper has them.
const (
	// ProtectionNone: ordinary memory, out of dumps; it can be swapped out. Values of the
	// development source are always of this level.
	ProtectionNone = Protection(memory.None)
	// ProtectionLocked: the same, locked.
	ProtectionLocked = Protection(memory.Locked)
	// ProtectionSecretmem: memfd_secret. /proc/PID/mem and process_vm_readv cannot read it, root
	// included; code inside the process can.
	ProtectionSecretmem = Protection(memory.Secretmem)
	// ProtectionEnforced: the same, and an enforcer answered the wrapper.
	ProtectionEnforced = Protection(memory.Enforced)
)

var protections = [...]string{"none", "locked", "secretmem", "enforced"}

// String is the level's name on the wrapper's command line.
func (p Protection) String() string {
	if int(p) < len(protections) {
		return protections[p]
	}
	return fmt.Sprintf("Protection(%d)", uint32(p))
}

// parseProtection reads a level's name. Fails closed: a word that is not known is an error.
func parseProtection(word string) (Protection, error) {
	for level, name := range protections {
		if word == name {
			return Protection(level), nil
		}
	}
	return 0, fmt.Errorf("%w: CLOUDTASER_MIN_PROTECTION names no level", ErrProtection)
}
