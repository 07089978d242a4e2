// Writes schema/k8s/generated/: types.ts, facts.ts and fixtures.json. Run from this folder:
//
//	go run .
//
// Sources are struct tags and comment markers of the public Go modules; see kinds.go for the list.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

type kind struct {
	group, version, kind string
	message              *message
	meta                 bool // valid with any group version
}

func (k kind) apiVersion() string {
	if k.group == "" {
		return k.version
	}
	return k.group + "/" + k.version
}

var metaTypes = map[string]reflect.Type{
	"DeleteOptions":             reflect.TypeFor[metav1.DeleteOptions](),
	"Status":                    reflect.TypeFor[metav1.Status](),
	"ListOptions":               reflect.TypeFor[metav1.ListOptions](),
	"GetOptions":                reflect.TypeFor[metav1.GetOptions](),
	"CreateOptions":             reflect.TypeFor[metav1.CreateOptions](),
	"UpdateOptions":             reflect.TypeFor[metav1.UpdateOptions](),
	"PatchOptions":              reflect.TypeFor[metav1.PatchOptions](),
	"WatchEvent":                reflect.TypeFor[metav1.WatchEvent](),
	"PartialObjectMetadata":     reflect.TypeFor[metav1.PartialObjectMetadata](),
	"PartialObjectMetadataList": reflect.TypeFor[metav1.PartialObjectMetadataList](),
}

func main() {
	out := filepath.Join("..", "generated")
	if len(os.Args) > 1 && os.Args[1] == "decode" {
		decodeForTest()
		return
	}
	w, kinds := collect()
	checkAgainstApply(w)
	must(os.MkdirAll(out, 0o755))
	must(os.WriteFile(filepath.Join(out, "types.ts"), []byte(writeTypes(w, kinds)), 0o644))
	must(os.WriteFile(filepath.Join(out, "facts.ts"), []byte(writeFacts(w, kinds)), 0o644))
	must(os.WriteFile(filepath.Join(out, "fixtures.json"), writeFixtures(kinds), 0o644))
	fmt.Printf("%d kinds, %d messages, %d enums\n", len(kinds), len(w.order), len(w.enums))
}

func collect() (*walker, []kind) {
	api, machinery := moduleDir("k8s.io/api"), moduleDir("k8s.io/apimachinery")
	dirs := map[string]string{metaPackage: filepath.Join(machinery, "pkg/apis/meta/v1")}
	gvOf := map[string]groupVersion{}
	for _, gv := range groupVersions {
		dirs[gv.pkg] = filepath.Join(api, strings.TrimPrefix(gv.pkg, "k8s.io/api/"))
		gvOf[gv.pkg] = gv
	}
	w := &walker{marks: readMarkers(dirs), names: map[string]string{}, taken: map[string]bool{},
		messages: map[reflect.Type]*message{}, enums: map[string][]string{}, gvOf: gvOf}
	kinds := []kind{}
	for _, name := range metaKinds {
		group := ""
		if strings.HasPrefix(name, "Partial") {
			group = "meta.k8s.io"
		}
		kinds = append(kinds, kind{group, "v1", name, w.message(metaTypes[name]), group == ""})
	}
	for _, gv := range groupVersions {
		known := scheme.Scheme.KnownTypes(schema.GroupVersion{Group: gv.group, Version: gv.version})
		for _, name := range sortedKeys(known) {
			t := known[name]
			if t.PkgPath() != gv.pkg && !(gv.group == "" && name == "List") {
				continue
			}
			kinds = append(kinds, kind{gv.group, gv.version, name, w.message(t), false})
		}
	}
	return w, kinds
}

func moduleDir(module string) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	must(err)
	return strings.TrimSpace(string(out))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
