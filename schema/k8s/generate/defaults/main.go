// Writes schema/k8s/generated/defaulted.json: what upstream's scheme defaulting makes of the objects
// in cases.json. Run from this folder with `go run .`; it builds k8s.io/kubernetes, about a minute.
// A module of its own, because that one needs all staging modules pinned to its release.
package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/admissionregistration/install"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/authentication/install"
	_ "k8s.io/kubernetes/pkg/apis/authorization/install"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	_ "k8s.io/kubernetes/pkg/apis/certificates/install"
	_ "k8s.io/kubernetes/pkg/apis/coordination/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/discovery/install"
	_ "k8s.io/kubernetes/pkg/apis/events/install"
	_ "k8s.io/kubernetes/pkg/apis/flowcontrol/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/node/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	_ "k8s.io/kubernetes/pkg/apis/rbac/install"
	_ "k8s.io/kubernetes/pkg/apis/resource/install"
	_ "k8s.io/kubernetes/pkg/apis/scheduling/install"
	_ "k8s.io/kubernetes/pkg/apis/storage/install"
)

// Case is one row: an object as a client writes it, and the same after defaulting.
type Case struct {
	Name      string          `json:"name"`
	Given     json.RawMessage `json:"given"`
	Defaulted json.RawMessage `json:"defaulted,omitempty"`
}

func main() {
	cases := []Case{}
	given, err := os.ReadFile("cases.json")
	must(err)
	must(json.Unmarshal(given, &cases))
	out := bytes.NewBufferString("[\n")
	for i := range cases {
		var id struct{ APIVersion, Kind string }
		must(json.Unmarshal(cases[i].Given, &id))
		gv, err := schema.ParseGroupVersion(id.APIVersion)
		must(err)
		object, err := legacyscheme.Scheme.New(gv.WithKind(id.Kind))
		must(err)
		must(json.Unmarshal(cases[i].Given, object))
		legacyscheme.Scheme.Default(object)
		cases[i].Defaulted, err = json.Marshal(object)
		must(err)
	}
	for i, row := range cases {
		line := &bytes.Buffer{}
		encoder := json.NewEncoder(line)
		encoder.SetEscapeHTML(false)
		must(encoder.Encode(row))
		out.Write(bytes.TrimSpace(line.Bytes()))
		if i < len(cases)-1 {
			out.WriteString(",")
		}
		out.WriteString("\n")
	}
	out.WriteString("]\n")
	must(os.WriteFile(filepath.Join("..", "..", "generated", "defaulted.json"), out.Bytes(), 0o644))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
