package region

import "fmt"

// Fault is why a region, an entry or a value was refused. Its name is the one of docs/region.md,
// the same in every language.
type Fault struct {
	// Name is the fault's name, such as "entry-overlap".
	Name string
	// Entry is the entry's number from 0, or -1 when the fault is of no single entry.
	Entry int
}

// Error names the fault. No value is ever in it.
func (f *Fault) Error() string {
	if f.Entry < 0 {
		return "region fault " + f.Name
	}
	return fmt.Sprintf("region fault %s in entry %d", f.Name, f.Entry)
}

func header(name string) error { return &Fault{Name: name, Entry: -1} }
