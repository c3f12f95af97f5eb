package region

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// vectors is where the regions are that the Rust reader and the one in C are tested with too.
const vectors = "../../../tests/vectors"

// vector is one object of regions.json.
type vector struct {
	File, About, Error string
	ErrorEntry         *int `json:"error_entry"`
	Protection         uint32
	Generation         uint64
	Entries            []vectorEntry
}

type vectorEntry struct {
	Reference, Path, Variable string
	Version                   uint64
	Len                       int
	ValueHex                  string `json:"value_hex"`
	ValueSHA256               string `json:"value_sha256"`
	Error                     string
	EnvironOffset             *uint64 `json:"environ_offset"`
	EnvironError              string  `json:"environ_error"`
}

// lines is what every reader prints of the vector (tests/tests/region_vectors/expected.rs).
func (v *vector) lines() []string {
	if v.Error != "" {
		if v.ErrorEntry != nil {
			return []string{fmt.Sprintf("error %s entry=%d", v.Error, *v.ErrorEntry)}
		}
		return []string{"error " + v.Error}
	}
	lines := []string{regionLine(v.Protection, v.Generation, len(v.Entries))}
	for i, e := range v.Entries {
		value := e.ValueHex + e.ValueSHA256
		environ := e.EnvironError
		if e.EnvironOffset != nil {
			environ = fmt.Sprint(*e.EnvironOffset)
		}
		names := [3]string{e.Reference, e.Path, e.Variable}
		lines = append(lines, entryLine(i, names, e.Error, e.Version, e.Len, value, environ))
	}
	return lines
}

func regionLine(protection uint32, generation uint64, entries int) string {
	return fmt.Sprintf("region protection=%d generation=%d entries=%d",
		protection, generation, entries)
}

func entryLine(i int, names [3]string, fault string, version uint64, size int,
	value, environ string,
) string {
	line := fmt.Sprintf("entry %d reference=%x path=%x variable=%x ",
		i, names[0], names[1], names[2])
	if fault != "" {
		line += "error=" + fault
	} else {
		line += fmt.Sprintf("version=%d value=%d:%s", version, size, value)
	}
	if environ != "" {
		line += " environ=" + environ
	}
	return line
}

// read is what this reader finds in the bytes, as lines.
func read(bytes []byte) []string {
	r, err := Open(words(bytes))
	var fault *Fault
	if errors.As(err, &fault) {
		if fault.Entry >= 0 {
			return []string{fmt.Sprintf("error %s entry=%d", fault.Name, fault.Entry)}
		}
		return []string{"error " + fault.Name}
	}
	lines := []string{regionLine(r.Protection(), r.Generation(), len(r.Entries))}
	for i := range r.Entries {
		lines = append(lines, r.line(i))
	}
	return lines
}

func (r *Region) line(i int) string {
	e := &r.Entries[i]
	room := make([]byte, min(e.capacity, 1<<26))
	n, version, err := r.Read(e, room)
	var fault *Fault
	name, value, environ := "", "", ""
	if errors.As(err, &fault) {
		name, environ = fault.Name, fault.Name
	} else {
		value = hex.EncodeToString(room[:n])
		if n > 64 {
			value = fmt.Sprintf("%x", sha256.Sum256(room[:n]))
		}
	}
	switch {
	case e.Flags&FlagEnviron == 0:
		environ = ""
	case name == "":
		offset, err := r.Environ(e, version, n)
		environ = fmt.Sprint(offset)
		if errors.As(err, &fault) {
			environ = fault.Name
		}
	}
	names := [3]string{e.Reference, e.Path, e.Variable}
	return entryLine(i, names, name, version, n, value, environ)
}

// words copies bytes into words, as a mapping has them; what does not fill one is left out.
func words(bytes []byte) []uint64 {
	out := make([]uint64, len(bytes)/8)
	for i := range out {
		w := Writer{words: out}
		at := uint64(i) * 8
		w.copyIn(at, bytes[at:at+8])
	}
	return out
}

func manifest(t testing.TB) []vector {
	if _, err := os.Stat("../../../sdk-go"); err != nil {
		t.Skip("the repository around this module, which has the vectors")
	}
	text, err := os.ReadFile(filepath.Join(vectors, "regions.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Regions []vector }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all.Regions
}

// TestVectors compares this reader's lines with those of the manifest, which the Rust and the C
// reader are compared with too: so all three read the same, of hostile regions as well.
func TestVectors(t *testing.T) {
	all := manifest(t)
	files, err := filepath.Glob(filepath.Join(vectors, "*.bin"))
	if err != nil || len(files) != len(all) || len(all) < 60 {
		t.Fatalf("%d files, %d in the manifest, %v", len(files), len(all), err)
	}
	for _, v := range all {
		t.Run(v.File, func(t *testing.T) {
			bytes, err := os.ReadFile(filepath.Join(vectors, v.File))
			if err != nil {
				t.Fatal(err)
			}
			got, want := strings.Join(read(bytes), "\n"), strings.Join(v.lines(), "\n")
			if got != want {
				t.Errorf("%s\ngot:\n%.2000s\nwant:\n%.2000s", v.About, got, want)
			}
		})
	}
}

// TestVectorsCanFail is the control of TestVectors: a changed byte of a value is seen.
func TestVectorsCanFail(t *testing.T) {
	_ = manifest(t)
	bytes, err := os.ReadFile(filepath.Join(vectors, "one-entry.bin"))
	if err != nil {
		t.Fatal(err)
	}
	before := strings.Join(read(bytes), "\n")
	at := strings.Index(string(bytes), "hunter2")
	bytes[at]++
	if strings.Join(read(bytes), "\n") == before {
		t.Error("a changed value reads as before")
	}
}

// FuzzOpen reads arbitrary bytes as a region: every answer is a reading or a fault, none a panic,
// and a reading has entries within the bytes.
func FuzzOpen(f *testing.F) {
	for _, v := range manifest(f) {
		bytes, err := os.ReadFile(filepath.Join(vectors, v.File))
		if err != nil {
			f.Fatal(err)
		}
		if len(bytes) <= 4096 {
			f.Add(bytes)
		}
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		lines := read(bytes)
		if len(lines) == 0 {
			t.Fatal("no answer")
		}
	})
}
