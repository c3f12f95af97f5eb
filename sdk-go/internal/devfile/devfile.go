// Package devfile reads what the development source is given: a file of lines, or the JSON that
// `cloudtaser store export` prints.
package devfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cloudtaser.io/sdk-go/internal/region"
)

// Spec makes an entry of a key: a reference (with a / or #, not first), the path of a file (with
// a / first), or the name of a variable.
func Spec(key string, value []byte) region.Spec {
	spec := region.Spec{Value: value}
	switch {
	case strings.HasPrefix(key, "/"):
		spec.Path = key
	case strings.ContainsAny(key, "/#"):
		spec.Reference = Canonical(key)
	default:
		spec.Variable = key
	}
	return spec
}

// Canonical is the reference as the wrapper writes it for KV 2: without its scheme, and with data/
// after the first segment.
func Canonical(ref string) string {
	ref = strings.TrimPrefix(strings.TrimPrefix(ref, "vault:"), "bao:")
	mount, rest, ok := strings.Cut(ref, "/")
	if !ok || strings.HasPrefix(rest, "data/") {
		return ref
	}
	return mount + "/data/" + rest
}

// Lines reads KEY=VALUE lines. Blank lines and lines that begin with # say nothing. A value in
// double quotes has Go's escapes, one in single quotes has none; of others blanks around them are
// left out. Errors name the line's number, never what is in it.
func Lines(text []byte) ([]region.Spec, error) {
	var specs []region.Spec
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || key == "" {
			return nil, fmt.Errorf("line %d is not KEY=VALUE", i+1)
		}
		value, ok = unquote(value)
		if !ok {
			return nil, fmt.Errorf("line %d has quotes that do not end", i+1)
		}
		specs = append(specs, Spec(key, []byte(value)))
	}
	return specs, nil
}

func unquote(value string) (string, bool) {
	switch {
	case strings.HasPrefix(value, `"`):
		text, err := strconv.Unquote(value)
		return text, err == nil
	case strings.HasPrefix(value, "'"):
		inside, ok := strings.CutSuffix(value[1:], "'")
		return inside, ok
	default:
		return value, true
	}
}

// Export reads paths with their fields. Fields that are no strings become what a program would
// receive of them (docs/store.md).
func Export(text []byte) ([]region.Spec, error) {
	var paths map[string]map[string]json.RawMessage
	if err := json.Unmarshal(text, &paths); err != nil {
		// The error of json can quote the text.
		return nil, fmt.Errorf("the store's export is no JSON of paths and fields")
	}
	var specs []region.Spec
	for path, fields := range paths {
		for field, raw := range fields {
			value, err := render(raw)
			if err != nil {
				return nil, fmt.Errorf("a field of %q cannot be read", path)
			}
			specs = append(specs, Spec(path+"#"+field, value))
		}
	}
	slices.SortFunc(specs, func(a, b region.Spec) int {
		return strings.Compare(a.Reference, b.Reference)
	})
	return specs, nil
}

func render(raw json.RawMessage) ([]byte, error) {
	switch {
	case bytes.HasPrefix(raw, []byte(`"`)):
		var text string
		err := json.Unmarshal(raw, &text)
		return []byte(text), err
	case bytes.Equal(raw, []byte("null")):
		return nil, nil
	default:
		var compact bytes.Buffer
		err := json.Compact(&compact, raw)
		return compact.Bytes(), err
	}
}
