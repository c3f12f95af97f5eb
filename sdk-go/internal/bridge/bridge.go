// Package bridge lets the packages of this module make a store out of memory, which callers
// cannot do.
package bridge

import "cloudtaser.io/sdk-go/internal/memory"

// OpenBlock makes a *cloudtaser.Store of a region that stands in the block, looking for rotations
// as often as the shortest interval allows. The memory stays as long as somebody has what it
// answers second. Package cloudtaser sets it.
var OpenBlock func(block *memory.Block) (store, keeper any, err error)

// EachValue calls f with the live value of every entry of a *cloudtaser.Store, in memory as that of
// its Use. Package cloudtaser sets it.
var EachValue func(store any, f func(value []byte) error) error
