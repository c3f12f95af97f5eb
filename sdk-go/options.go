package cloudtaser

import (
	"io"
	"os"
	"time"
)

// defaultInterval is how often watches look. Chosen: an operator does not notice a quarter of a
// second, and four loads of one number a second cost nothing.
const defaultInterval = 250 * time.Millisecond

// shortestInterval is the fastest that [WatchInterval] can ask for.
const shortestInterval = 10 * time.Millisecond

// Option changes what [Open] does.
type Option func(*options)

type options struct {
	minimum     Protection
	interval    time.Duration
	isShareable bool
	development string
	warnings    io.Writer
}

func newOptions(all []Option) options {
	o := options{
		interval:    defaultInterval,
		development: os.Getenv("CLOUDTASER_DEV_SOURCE"),
		warnings:    os.Stderr,
	}
	for _, option := range all {
		option(&o)
	}
	return o
}

// MinProtection refuses memory that is protected less, of the region and of the copies that Use and
// Get make, with [ErrProtection]. The variable
// CLOUDTASER_MIN_PROTECTION does the same; the higher one of the two counts.
func MinProtection(level Protection) Option {
	return func(o *options) { o.minimum = level }
}

// WatchInterval is how often watches look; less than 10 ms is taken as that.
func WatchInterval(interval time.Duration) Option {
	return func(o *options) { o.interval = max(interval, shortestInterval) }
}

// Shareable keeps a descriptor of the region open, closed on exec, so that [Store.Share] works.
// Without it nothing in this process can hand the region to anybody.
func Shareable() Option {
	return func(o *options) { o.isShareable = true }
}

// DevelopmentSource names the development source, in place of CLOUDTASER_DEV_SOURCE; "" forbids
// it. It is used only where the program was not started by the wrapper. See the package comment.
func DevelopmentSource(source string) Option {
	return func(o *options) { o.development = source }
}

// Warnings is where the use of the development source is told; standard error otherwise.
func Warnings(to io.Writer) Option {
	return func(o *options) { o.warnings = to }
}
