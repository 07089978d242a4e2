package main

import (
	"fmt"
	"reflect"
	"sort"
	"strings"
)

// field is one struct field as it travels; kind is the type code documented in facts.ts.
type field struct {
	json, code, goName          string
	enum                        string // TypeScript name of the string union, if any
	number                      string // protobuf number, "0" for fields that the envelope carries
	inline                      bool   // JSON spreads it, protobuf nests it
	omitEmpty, omitZero         bool
	pointer, required           bool
	patchStrategy, patchKey     string
	listType, listKeys, mapType string
	defaultJSON                 string
	goType                      string // Go's name of the type where it does not follow from code
}

type message struct {
	name   string // TypeScript name, unique
	model  string // OpenAPI name, e.g. io.k8s.api.core.v1.Pod
	pkg    string
	goName string
	atomic bool
	fields []field
	goType reflect.Type
}

type walker struct {
	marks    markers
	names    map[string]string // pkg.Type -> TypeScript name
	taken    map[string]bool
	messages map[reflect.Type]*message
	order    []*message
	enums    map[string][]string // TypeScript name -> values
	gvOf     map[string]groupVersion
}

func (w *walker) nameFor(pkg, goName string) string {
	id := pkg + "." + goName
	if name, ok := w.names[id]; ok {
		return name
	}
	name := goName
	if w.taken[name] {
		gv, ok := w.gvOf[pkg]
		if !ok {
			panic("no group for " + pkg)
		}
		prefix, _, _ := strings.Cut(gv.group, ".")
		prefix = strings.ToUpper(prefix[:1]) + prefix[1:]
		if prefix == "Autoscaling" {
			prefix += strings.ToUpper(gv.version)
		}
		name = prefix + goName
		if w.taken[name] {
			panic("name taken twice: " + name)
		}
	}
	w.taken[name] = true
	w.names[id] = name
	return name
}

// Types with a JSON or protobuf form of their own.
var special = map[string]string{
	"k8s.io/apimachinery/pkg/api/resource.Quantity":   "q",
	"k8s.io/apimachinery/pkg/util/intstr.IntOrString": "x",
	"k8s.io/apimachinery/pkg/apis/meta/v1.Time":       "t",
	"k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime":  "u",
	"k8s.io/apimachinery/pkg/runtime.RawExtension":    "r",
	"k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1":   "r",
}

func (w *walker) code(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		return w.code(t.Elem())
	}
	if code, ok := special[t.PkgPath()+"."+t.Name()]; ok {
		return code
	}
	switch t.Kind() {
	case reflect.String:
		return "s"
	case reflect.Bool:
		return "b"
	case reflect.Int32:
		return "i"
	case reflect.Int64:
		return "I"
	case reflect.Float64:
		return "d"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "B"
		}
		// A named slice with methods of its own is a message {repeated items = 1} in protobuf.
		if _, ok := reflect.PointerTo(t).MethodByName("Unmarshal"); ok {
			return "W" + w.code(t.Elem())
		}
		return "[" + w.code(t.Elem())
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			panic("map key " + t.String())
		}
		return "{" + w.code(t.Elem())
	case reflect.Struct:
		return "M" + w.message(t).name
	}
	panic("cannot describe " + t.String())
}

func (w *walker) message(t reflect.Type) *message {
	if m, ok := w.messages[t]; ok {
		return m
	}
	pkg := t.PkgPath()
	model := pkg
	if method, ok := t.MethodByName("OpenAPIModelName"); ok {
		model = method.Func.Call([]reflect.Value{reflect.New(t).Elem()})[0].String()
	} else {
		model = "io.k8s." + strings.ReplaceAll(strings.TrimPrefix(pkg, "k8s.io/"), "/", ".") + "." + t.Name()
	}
	m := &message{name: w.nameFor(pkg, t.Name()), model: model, pkg: pkg, goName: t.Name(), goType: t,
		atomic: w.marks.atomicTypes[pkg+"."+t.Name()]}
	w.messages[t] = m
	w.order = append(w.order, m)
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		if f.Name == "TypeMeta" && f.Anonymous {
			m.fields = append(m.fields,
				field{json: "kind", code: "s", number: "0", omitEmpty: true, goName: "Kind"},
				field{json: "apiVersion", code: "s", number: "0", omitEmpty: true, goName: "APIVersion"})
			continue
		}
		if !f.IsExported() {
			continue
		}
		tag := strings.Split(f.Tag.Get("json"), ",")
		if tag[0] == "-" {
			continue
		}
		options := "," + strings.Join(tag[1:], ",") + ","
		proto := strings.Split(f.Tag.Get("protobuf"), ",")
		if len(proto) < 2 {
			// Query-only option types carry no protobuf tag; they never travel as protobuf.
			proto = []string{"", "0"}
		}
		out := field{json: tag[0], goName: f.Name, number: proto[1], inline: strings.Contains(options, ",inline,"),
			omitEmpty: strings.Contains(options, ",omitempty,"), omitZero: strings.Contains(options, ",omitzero,"),
			pointer:       f.Type.Kind() == reflect.Pointer,
			patchStrategy: f.Tag.Get("patchStrategy"), patchKey: f.Tag.Get("patchMergeKey")}
		if tag[0] == "" && !out.inline {
			if !f.Anonymous {
				panic("no JSON name: " + t.String() + "." + f.Name)
			}
			out.inline = true
		}
		out.code = w.code(f.Type)
		if out.inline {
			out.json = "." + f.Name
		}
		marks := w.marks.fields[pkg+"."+t.Name()+"/"+f.Name]
		_, optional := marks["optional"]
		_, alsoOptional := marks["k8s:optional"]
		_, required := marks["required"]
		out.required = !out.inline && ((!optional && !alsoOptional && !out.omitEmpty && !out.omitZero) || required)
		out.listType = marks["listType"]
		out.listKeys = marks["listMapKey"]
		out.mapType = marks["mapType"]
		if out.mapType == "" {
			out.mapType = marks["structType"]
		}
		out.defaultJSON = w.defaultOf(marks["default"], pkg)
		out.enum = w.enumOf(f.Type)
		plain := f.Type
		for plain.Kind() == reflect.Pointer {
			plain = plain.Elem()
		}
		if plain.String() != w.derivedType(out.code) {
			out.goType = plain.String()
		}
		m.fields = append(m.fields, out)
	}
	return m
}

// derivedType is Go's name of a type as schema/k8s/strict.ts derives it from a code.
func (w *walker) derivedType(code string) string {
	switch code[0] {
	case 'M':
		for _, m := range w.order {
			if m.name == code[1:] {
				return m.goType.String()
			}
		}
	case '[':
		return "[]" + w.derivedType(code[1:])
	case '{':
		return "map[string]" + w.derivedType(code[1:])
	}
	return map[string]string{"s": "string", "b": "bool", "i": "int32", "I": "int64", "d": "float64", "B": "[]uint8",
		"q": "resource.Quantity", "x": "intstr.IntOrString", "t": "v1.Time", "u": "v1.MicroTime", "r": "runtime.RawExtension"}[code]
}

func (w *walker) defaultOf(text, pkg string) string {
	if !strings.HasPrefix(text, "ref(") {
		return text
	}
	name := strings.TrimSuffix(strings.TrimPrefix(text, "ref("), ")")
	value, ok := w.marks.constant[pkg+"."+name]
	if !ok {
		panic("default refers to an unknown constant " + name)
	}
	return fmt.Sprintf("%q", value)
}

func (w *walker) enumOf(t reflect.Type) string {
	for t.Kind() == reflect.Pointer || (t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8) {
		t = t.Elem()
	}
	values, ok := w.marks.enums[t.PkgPath()+"."+t.Name()]
	if !ok || t.Kind() != reflect.String || len(values) == 0 {
		return ""
	}
	name := w.nameFor(t.PkgPath(), t.Name())
	w.enums[name] = values
	return name
}

func sortedKeys[V any](m map[string]V) []string {
	keys := []string{}
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
