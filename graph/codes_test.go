package graph_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

const codesFile = "CODES.md"

// coded is an error that the program makes: its code and what it says, with …
// for what is filled in.
type coded struct{ code, kind, message, place string }

// TestCodes holds CODES.md to what the source says: every error with a code of
// ours, and a sentence for each. -update writes the file anew.
func TestCodes(t *testing.T) {
	t.Parallel()
	var found []coded
	for _, room := range []string{"../engine", "../graph", "../server"} {
		found = append(found, codesBelow(t, room)...)
	}
	var b strings.Builder
	b.WriteString("# Error codes\n\nWritten from the source by `go test ./graph -run TestCodes -update`. A code stands in a payload's `userErrors.code`, or in an error's\n" +
		"`extensions.reason` beside the kind in `extensions.code`; of a job and its objects, in `error.code`. What Salesforce itself refuses keeps Salesforce's code, as do\n" +
		"queries that it would refuse. … stands for what is filled in.\n\n" +
		"| Code | Kind | What it says |\n|---|---|---|\n")
	slices.SortFunc(found, func(a, b coded) int { return cmp.Or(cmp.Compare(a.code, b.code), cmp.Compare(a.message, b.message)) })
	last := coded{}
	for _, c := range found {
		whole := strings.HasSuffix(c.message, ".") || strings.HasSuffix(c.message, "…")
		if begin, _ := utf8.DecodeRuneInString(c.message); !whole && !unicode.IsLower(begin) { // what begins small is put into a sentence elsewhere
			t.Errorf("%s: %s says %q: a sentence that names the thing and the way out is wanted", c.place, c.code, c.message)
		}
		if row := (coded{c.code, c.kind, c.message, ""}); row != last {
			last = row
			fmt.Fprintf(&b, "| %s | %s | %s |\n", c.code, c.kind, strings.NewReplacer("|", "\\|", "\n", " ").Replace(c.message))
		}
	}
	if len(found) < 100 {
		t.Fatalf("only %d errors were found in the source", len(found))
	}
	if *update {
		if err := os.WriteFile(codesFile, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if kept, err := os.ReadFile(codesFile); err != nil || string(kept) != b.String() {
		t.Errorf("%s is not what the source says (%v): run this test with -update", codesFile, err)
	}
}

// codesBelow reads every package below a folder.
func codesBelow(t *testing.T, root string) (found []coded) {
	t.Helper()
	packages := map[string][]*ast.File{}
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"simorg", "generated", "testdata", "node_modules", "demo", "bench"}, entry.Name()):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		packages[filepath.Dir(path)] = append(packages[filepath.Dir(path)], file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, parsed := range packages {
		read := codeReader{files: files, texts: texts(parsed)}
		for _, file := range parsed {
			ast.Inspect(file, read.visit)
		}
		found = append(found, read.found...)
	}
	return found
}

// texts are a package's constants that are texts.
func texts(parsed []*ast.File) map[string]ast.Expr {
	values := map[string]ast.Expr{}
	for _, file := range parsed {
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, is := n.(*ast.ValueSpec); is && len(spec.Names) == len(spec.Values) {
				for i, name := range spec.Names {
					values[name.Name] = spec.Values[i]
				}
			}
			return true
		})
	}
	return values
}

type codeReader struct {
	files *token.FileSet
	texts map[string]ast.Expr
	found []coded
}

// visit finds a code with its sentence: engine.Error{Code: …, Message: …} and the
// like, and lists in which one follows the other, such as a call's arguments.
func (r *codeReader) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		r.list(n.Args)
		if named(n.Fun) == "SetErrorMessage" {
			r.chain(n)
		}
	case *ast.AssignStmt:
		r.list(n.Rhs)
	case *ast.CompositeLit:
		fields := map[string]ast.Expr{}
		for _, e := range n.Elts {
			if pair, is := e.(*ast.KeyValueExpr); is {
				fields[strings.ToLower(named(pair.Key))] = pair.Value
			}
		}
		r.list(n.Elts)
		r.add(fields["kind"], fields["code"], fields["message"])
	}
	return true
}

func (r *codeReader) list(exprs []ast.Expr) {
	for i := range len(exprs) - 1 {
		var kind ast.Expr
		if i > 0 {
			kind = exprs[i-1]
		}
		said := exprs[i+1]
		if i+2 < len(exprs) && !strings.Contains(r.text(said), " ") && strings.Contains(r.text(exprs[i+2]), " ") {
			said = exprs[i+2] // the field stands between them
		}
		r.add(kind, exprs[i], said)
	}
}

// chain is row.SetErrorCode(code).SetErrorMessage(message).
func (r *codeReader) chain(n *ast.CallExpr) {
	if message, is := n.Fun.(*ast.SelectorExpr); is {
		if code, is := message.X.(*ast.CallExpr); is && named(code.Fun) == "SetErrorCode" {
			r.add(nil, code.Args[0], n.Args[0])
		}
	}
}

var codeForm = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$`)

func (r *codeReader) add(kind, code, message ast.Expr) {
	name, said := r.text(code), ""
	if message != nil {
		said = r.text(message)
	}
	if !codeForm.MatchString(name) || said != "…" && !strings.Contains(said, " ") {
		return
	}
	of, is := strings.CutPrefix(named(kind), "Kind")
	if !is {
		of = ""
	}
	place := r.files.Position(code.Pos()).String()
	if of == "" && (said == "…" || strings.Contains(place, "/soql/")) {
		return // passed on, or no error's; or in Salesforce's words
	}
	r.found = append(r.found, coded{name, of, said, place})
}

// text is a text as far as the source tells it.
func (r *codeReader) text(e ast.Expr) string {
	switch e := e.(type) {
	case nil:
		return ""
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		if err != nil {
			return "…"
		}
		return filled(text)
	case *ast.Ident:
		if value, known := r.texts[e.Name]; known {
			return r.text(value)
		}
	case *ast.BinaryExpr:
		return r.text(e.X) + r.text(e.Y)
	case *ast.ParenExpr:
		return r.text(e.X)
	case *ast.CallExpr:
		if named(e.Fun) == "Sprintf" && len(e.Args) > 0 {
			return r.text(e.Args[0])
		}
	}
	return "…"
}

// filled shows the verbs of a format as ….
func filled(format string) string {
	for _, verb := range []string{"%s", "%d", "%q", "%v", "%w", "%.0f"} {
		format = strings.ReplaceAll(format, verb, "…")
	}
	return strings.ReplaceAll(format, "%%", "%")
}

// named is the last name of an expression: E of engine.E.
func named(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
