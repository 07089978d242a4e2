package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// markers are the facts that live in source comments, not in struct tags: `// +enum`,
// `// +listType=map`, `// +listMapKey=name`, `// +mapType=atomic`, `// +optional`, `// +default=`.
type markers struct {
	atomicTypes map[string]bool              // pkg.Type -> whole struct or map is atomic for apply
	enums       map[string][]string          // pkg.Type -> values, sorted
	fields      map[string]map[string]string // pkg.Type/GoField -> marker -> value (keys joined by ,)
	constant    map[string]string            // pkg.Name -> value, for +default=ref(...)
}

func readMarkers(dirs map[string]string) markers {
	m := markers{map[string]bool{}, map[string][]string{}, map[string]map[string]string{}, map[string]string{}}
	for pkg, dir := range dirs {
		enumTypes := map[string]bool{}
		values := map[string][]string{}
		entries, err := os.ReadDir(dir)
		must(err)
		for _, entry := range entries {
			name := entry.Name()
			if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") ||
				strings.HasPrefix(name, "zz_generated") || strings.HasPrefix(name, "generated.") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.ParseComments)
			must(err)
			for _, decl := range file.Decls {
				gen, ok := decl.(*ast.GenDecl)
				if !ok {
					continue
				}
				for _, spec := range gen.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						doc := spec.Doc
						if doc == nil {
							doc = gen.Doc
						}
						found := markersOf(doc)
						id := pkg + "." + spec.Name.Name
						if _, ok := found["enum"]; ok {
							enumTypes[spec.Name.Name] = true
						}
						if found["mapType"] == "atomic" || found["structType"] == "atomic" {
							m.atomicTypes[id] = true
						}
						if structure, ok := spec.Type.(*ast.StructType); ok {
							for _, field := range structure.Fields.List {
								for _, fieldName := range fieldNames(field) {
									m.fields[id+"/"+fieldName] = markersOf(field.Doc)
								}
							}
						}
					case *ast.ValueSpec:
						if gen.Tok != token.CONST {
							continue
						}
						for i, constName := range spec.Names {
							if i >= len(spec.Values) {
								continue
							}
							literal, ok := spec.Values[i].(*ast.BasicLit)
							if !ok || literal.Kind != token.STRING {
								continue
							}
							value, err := strconv.Unquote(literal.Value)
							must(err)
							m.constant[pkg+"."+constName.Name] = value
							if typeName, ok := spec.Type.(*ast.Ident); ok {
								values[typeName.Name] = append(values[typeName.Name], value)
							}
						}
					}
				}
			}
		}
		for name := range enumTypes {
			list := values[name]
			sort.Strings(list)
			m.enums[pkg+"."+name] = dedupe(list)
		}
	}
	return m
}

func fieldNames(field *ast.Field) []string {
	if len(field.Names) == 0 {
		switch t := field.Type.(type) {
		case *ast.Ident:
			return []string{t.Name}
		case *ast.SelectorExpr:
			return []string{t.Sel.Name}
		}
		return nil
	}
	names := []string{}
	for _, name := range field.Names {
		names = append(names, name.Name)
	}
	return names
}

func markersOf(doc *ast.CommentGroup) map[string]string {
	found := map[string]string{}
	if doc == nil {
		return found
	}
	for _, line := range doc.List {
		text := strings.TrimSpace(strings.TrimPrefix(line.Text, "//"))
		if !strings.HasPrefix(text, "+") {
			continue
		}
		key, value, _ := strings.Cut(text[1:], "=")
		if old, seen := found[key]; seen && key == "listMapKey" {
			value = old + "," + value
		}
		found[key] = strings.TrimSpace(value)
	}
	return found
}

func dedupe(sorted []string) []string {
	out := []string{}
	for i, value := range sorted {
		if i == 0 || sorted[i-1] != value {
			out = append(out, value)
		}
	}
	return out
}
