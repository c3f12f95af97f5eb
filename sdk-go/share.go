package cloudtaser

import (
	"os/exec"
	"strconv"
	"strings"
)

// Share hands the region to a program that is about to be started, which then has every secret of
// this one: a second program that uses this SDK, or reads the region by itself. It adds to
// cmd.ExtraFiles and cmd.Env. Nothing else that this process starts gets anything. The store must
// have been opened with [Shareable], and stay open until the program was started.
func (s *Store) Share(cmd *exec.Cmd) error {
	if s.source.Load() == nil {
		return failed("share", "", ErrClosed)
	}
	if s.shared == nil {
		return failed("share", "", ErrNotShareable)
	}
	// ExtraFiles start at 3 in the child (os/exec).
	number := 3 + len(cmd.ExtraFiles)
	cmd.ExtraFiles = append(cmd.ExtraFiles, s.shared)
	env := cmd.Environ()
	kept := env[:0:0]
	for _, variable := range env {
		if !strings.HasPrefix(variable, envRegion+"=") {
			kept = append(kept, variable)
		}
	}
	cmd.Env = append(kept, envRegion+"="+strconv.Itoa(number))
	return nil
}
