package cloudtaser_test

import (
	"bytes"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// packages are those that callers import.
var packages = []string{".", "cloudtasertest", "httpheader", "logguard", "sqlsecret", "tlscert"}

// TestAPIIsAsWritten compares what is exported with api.txt, so that no change of it goes unseen.
// CLOUDTASER_WRITE_API=1 writes the file anew. It also wants a comment at every exported name.
func TestAPIIsAsWritten(t *testing.T) {
	var text bytes.Buffer
	for _, dir := range packages {
		write(t, &text, dir)
	}
	if os.Getenv("CLOUDTASER_WRITE_API") != "" {
		if err := os.WriteFile("api.txt", text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile("api.txt")
	if err != nil || !bytes.Equal(kept, text.Bytes()) {
		t.Errorf("api.txt is not the API (%v); CLOUDTASER_WRITE_API=1 writes it:\n%s", err, &text)
	}
}

func write(t *testing.T, to *bytes.Buffer, dir string) {
	t.Helper()
	files := token.NewFileSet()
	isProduct := func(info fs.FileInfo) bool { return !strings.HasSuffix(info.Name(), "_test.go") }
	parsed, err := parser.ParseDir(files, dir, isProduct, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for name, found := range parsed {
		d := doc.New(found, dir, 0)
		to.WriteString("package " + name + "\n\n")
		lines(t, to, files, d)
	}
}

func lines(t *testing.T, to *bytes.Buffer, files *token.FileSet, d *doc.Package) {
	t.Helper()
	show := func(name, comment string, decl ast.Decl) {
		if comment == "" {
			t.Errorf("%s has no comment", name)
		}
		ast.Inspect(decl, withoutComments)
		if err := printer.Fprint(to, files, decl); err != nil {
			t.Fatal(err)
		}
		to.WriteString("\n\n")
	}
	for _, values := range [][]*doc.Value{d.Consts, d.Vars} {
		for _, value := range values {
			show(value.Names[0], value.Doc+"of its names", value.Decl)
		}
	}
	for _, function := range d.Funcs {
		show(function.Name, function.Doc, function.Decl)
	}
	for _, kind := range d.Types {
		show(kind.Name, kind.Doc, kind.Decl)
		for _, value := range append(kind.Consts, kind.Vars...) {
			show(value.Names[0], value.Doc, value.Decl)
		}
		for _, function := range append(kind.Funcs, kind.Methods...) {
			show(kind.Name+"."+function.Name, function.Doc, function.Decl)
		}
	}
}

// withoutComments leaves the declaration alone, of a function without its body.
func withoutComments(node ast.Node) bool {
	switch node := node.(type) {
	case *ast.FuncDecl:
		node.Body, node.Doc = nil, nil
	case *ast.GenDecl:
		node.Doc = nil
	case *ast.TypeSpec:
		node.Doc, node.Comment = nil, nil
	case *ast.ValueSpec:
		node.Doc, node.Comment = nil, nil
	case *ast.Field:
		node.Doc, node.Comment = nil, nil
	}
	return true
}
