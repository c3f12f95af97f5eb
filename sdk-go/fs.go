package cloudtaser

import (
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"cloudtaser.io/sdk-go/internal/region"
)

// FS gives the files that the wrapper delivers (--file, --files) as a file system, for libraries
// that take one. Names are the paths without their first slash: fs.Sub(store.FS(), "run/secrets")
// gives a folder. An open file keeps the version that it was opened with; the next open sees a
// rotation. What ReadFile answers is on Go's heap.
func (s *Store) FS() fs.FS { return &secretFS{store: s} }

// secretFS implements fs.FS, fs.ReadDirFS, fs.ReadFileFS, fs.StatFS and, by fs.Glob, Glob.
type secretFS struct{ store *Store }

var (
	_ fs.ReadDirFS  = (*secretFS)(nil)
	_ fs.ReadFileFS = (*secretFS)(nil)
	_ fs.StatFS     = (*secretFS)(nil)
)

// node is a file or a folder of the entries' paths.
type node struct {
	entry *region.Entry // of a file
	names []string      // of a folder, sorted
}

// tree has every file and folder by its name; it is made once.
func (src *source) tree() map[string]*node {
	src.treeOnce.Do(func() { src.files = src.newTree() })
	return src.files
}

// newTree: the first of two files of one path counts, and a path that other paths go through is a
// folder.
func (src *source) newTree() map[string]*node {
	tree := map[string]*node{".": {}}
	for i := range src.region.Entries {
		e := &src.region.Entries[i]
		name := strings.TrimPrefix(e.Path, "/")
		if e.Path == "" || name == "." || !fs.ValidPath(name) {
			continue
		}
		if tree[name] != nil {
			continue
		}
		tree[name] = &node{entry: e}
		for name != "." {
			parent := path.Dir(name)
			folder := tree[parent]
			if folder == nil {
				folder = &node{}
				tree[parent] = folder
			}
			folder.entry = nil
			if base := path.Base(name); !slices.Contains(folder.names, base) {
				folder.names = append(folder.names, base)
			}
			name = parent
		}
	}
	for _, n := range tree {
		slices.Sort(n.names)
	}
	return tree
}

func (f *secretFS) lookup(op, name string) (src *source, all map[string]*node, err error) {
	src = f.store.source.Load()
	switch {
	case !fs.ValidPath(name):
		err = fs.ErrInvalid
	case src == nil:
		err = fs.ErrClosed
	default:
		if all = src.tree(); all[name] == nil {
			err = fs.ErrNotExist
		}
	}
	if err != nil {
		return nil, nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return src, all, nil
}

func (f *secretFS) Open(name string) (fs.File, error) {
	src, all, err := f.lookup("open", name)
	if err != nil {
		return nil, err
	}
	n := all[name]
	if n.entry == nil {
		return &folder{info: src.fileInfo(name, n), entries: src.dirEntries(all, name)}, nil
	}
	secret, err := src.secret(n.entry, n.entry.Path, f.store.minimum)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	info := src.fileInfo(name, n)
	info.size = int64(secret.held.n)
	return &file{secret: secret, info: info}, nil
}

func (f *secretFS) Stat(name string) (fs.FileInfo, error) {
	src, all, err := f.lookup("stat", name)
	if err != nil {
		return nil, err
	}
	return src.fileInfo(name, all[name]), nil
}

func (f *secretFS) ReadDir(name string) ([]fs.DirEntry, error) {
	src, all, err := f.lookup("readdir", name)
	if err != nil {
		return nil, err
	}
	if all[name].entry != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errNotFolder}
	}
	return src.dirEntries(all, name), nil
}

func (f *secretFS) ReadFile(name string) ([]byte, error) {
	src, all, err := f.lookup("read", name)
	if err != nil {
		return nil, err
	}
	entry := all[name].entry
	if entry == nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errIsFolder}
	}
	value, err := src.text(entry)
	runtime.KeepAlive(src)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return value, nil
}

func (src *source) dirEntries(all map[string]*node, name string) []fs.DirEntry {
	entries := []fs.DirEntry{}
	for _, base := range all[name].names {
		full := path.Join(name, base)
		entries = append(entries, fs.FileInfoToDirEntry(src.fileInfo(full, all[full])))
	}
	return entries
}

// fileInfo is what Stat tells: mode 0400 unless the wrapper was told another one.
func (src *source) fileInfo(name string, n *node) fileInfo {
	if n.entry == nil {
		return fileInfo{name: path.Base(name), mode: fs.ModeDir | 0o500}
	}
	info := fileInfo{name: path.Base(name), mode: 0o400, size: int64(src.region.Len(n.entry))}
	if n.entry.Mode != 0 {
		info.mode = fs.FileMode(n.entry.Mode) & fs.ModePerm
	}
	info.time = src.info(n.entry).Published
	runtime.KeepAlive(src)
	return info
}

type fileInfo struct {
	name string
	size int64
	mode fs.FileMode
	time time.Time
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return i.mode }
func (i fileInfo) ModTime() time.Time { return i.time }
func (i fileInfo) IsDir() bool        { return i.mode.IsDir() }
func (i fileInfo) Sys() any           { return nil }

// file is an open file: a locked copy, destroyed when the file is closed.
type file struct {
	secret *Secret
	info   fileInfo
	offset int
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }

func (f *file) Read(to []byte) (n int, err error) {
	err = f.secret.Use(func(value []byte) error {
		if f.offset >= len(value) && len(to) > 0 {
			return io.EOF
		}
		n = copy(to, value[f.offset:])
		f.offset += n
		return nil
	})
	if err == ErrDestroyed {
		err = fs.ErrClosed
	}
	return n, err
}

func (f *file) Close() error {
	f.secret.Destroy()
	return nil
}

// folder is an open folder.
type folder struct {
	info    fileInfo
	entries []fs.DirEntry
	offset  int
}

func (d *folder) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *folder) Close() error               { return nil }

func (d *folder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.name, Err: errIsFolder}
}

func (d *folder) ReadDir(n int) ([]fs.DirEntry, error) {
	left := d.entries[d.offset:]
	if n > 0 && len(left) == 0 {
		return nil, io.EOF
	}
	if n > 0 && n < len(left) {
		left = left[:n]
	}
	d.offset += len(left)
	return slices.Clone(left), nil
}

var (
	errIsFolder  = fsError("is a directory")
	errNotFolder = fsError("not a directory")
)

type fsError string

func (e fsError) Error() string { return string(e) }
