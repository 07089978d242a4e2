// Writes ../upstream.json: what upstream's own code says of the objects in ../cases.json: its validation errors
// and the row kubectl would print. Run from this folder with `go run .`; it builds k8s.io/kubernetes.
//
// A timestamp `@-90` in a case is 90 seconds before now, `@u-90` the same with microseconds, here and in the test
// that reads the same file (api/kinds/upstream.test.ts).
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/coordination"
	_ "k8s.io/kubernetes/pkg/apis/coordination/install"
	coordinationvalidation "k8s.io/kubernetes/pkg/apis/coordination/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	"k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/discovery"
	_ "k8s.io/kubernetes/pkg/apis/discovery/install"
	discoveryvalidation "k8s.io/kubernetes/pkg/apis/discovery/validation"
	"k8s.io/kubernetes/pkg/printers"
	printersinternal "k8s.io/kubernetes/pkg/printers/internalversion"
	printerstorage "k8s.io/kubernetes/pkg/printers/storage"
)

type row struct {
	Name   string          `json:"name"`
	Object json.RawMessage `json:"object"`
	Old    json.RawMessage `json:"old,omitempty"`
	Print  bool            `json:"print,omitempty"`
}

type result struct {
	Name   string        `json:"name"`
	Errors []string      `json:"errors,omitempty"`
	Cells  []interface{} `json:"cells,omitempty"`
	// Of pods without an old one.
	Warnings []string `json:"warnings,omitempty"`
}

func main() {
	text, err := os.ReadFile("../cases.json")
	must(err)
	now := time.Now()
	relative := regexp.MustCompile(`"@(u?)(-?\d+)"`)
	text = relative.ReplaceAllFunc(text, func(found []byte) []byte {
		parts := relative.FindSubmatch(found)
		seconds, err := strconv.Atoi(string(parts[2]))
		must(err)
		layout := time.RFC3339
		if len(parts[1]) > 0 {
			layout = metav1.RFC3339Micro
		}
		return []byte(strconv.Quote(now.Add(time.Duration(seconds) * time.Second).UTC().Format(layout)))
	})
	var rows []row
	must(json.Unmarshal(text, &rows))
	convertor := printerstorage.TableConvertor{TableGenerator: printers.NewTableGenerator().With(printersinternal.AddHandlers)}
	out := bytes.NewBufferString("[\n")
	for i, row := range rows {
		object := read(row.Object)
		answer := result{Name: row.Name}
		if row.Print {
			table, err := convertor.ConvertToTable(context.Background(), object, nil)
			must(err)
			answer.Cells = table.Rows[0].Cells
		} else {
			var old runtime.Object
			if row.Old != nil {
				old = read(row.Old)
			}
			for _, e := range validate(object, old) {
				answer.Errors = append(answer.Errors, e.Error())
			}
			if pod, isPod := object.(*core.Pod); isPod && old == nil {
				answer.Warnings = podutil.GetWarningsForPod(context.Background(), pod, nil)
			}
		}
		line := &bytes.Buffer{}
		encoder := json.NewEncoder(line)
		encoder.SetEscapeHTML(false)
		must(encoder.Encode(answer))
		out.Write(bytes.TrimSpace(line.Bytes()))
		if i < len(rows)-1 {
			out.WriteString(",")
		}
		out.WriteString("\n")
	}
	out.WriteString("]\n")
	must(os.WriteFile("../upstream.json", out.Bytes(), 0o644))
}

func read(text json.RawMessage) runtime.Object {
	var id metav1.TypeMeta
	must(json.Unmarshal(text, &id))
	gv, err := schema.ParseGroupVersion(id.APIVersion)
	must(err)
	object, err := legacyscheme.Scheme.New(gv.WithKind(id.Kind))
	must(err)
	must(json.Unmarshal(text, object))
	legacyscheme.Scheme.Default(object)
	internal, err := legacyscheme.Scheme.ConvertToVersion(object, schema.GroupVersion{Group: gv.Group, Version: runtime.APIVersionInternal})
	must(err)
	return internal
}

func validate(object, old runtime.Object) field.ErrorList {
	switch now := object.(type) {
	case *core.Pod:
		if old == nil {
			opts := podutil.GetValidationOptionsFromPodSpecAndMeta(&now.Spec, nil, &now.ObjectMeta, nil)
			opts.ResourceIsPod = true
			return validation.ValidatePodCreate(now, opts)
		}
		then := old.(*core.Pod)
		opts := podutil.GetValidationOptionsFromPodSpecAndMeta(&now.Spec, &then.Spec, &now.ObjectMeta, &then.ObjectMeta)
		opts.ResourceIsPod = true
		return validation.ValidatePodUpdate(now, then, opts)
	case *core.Service:
		if old == nil {
			return validation.ValidateServiceCreate(now)
		}
		return validation.ValidateServiceUpdate(now, old.(*core.Service))
	case *core.ConfigMap:
		if old == nil {
			return validation.ValidateConfigMap(now)
		}
		return validation.ValidateConfigMapUpdate(now, old.(*core.ConfigMap))
	case *core.Secret:
		if old == nil {
			return validation.ValidateSecret(now)
		}
		return validation.ValidateSecretUpdate(now, old.(*core.Secret))
	case *core.Namespace:
		return validation.ValidateNamespace(now)
	case *core.Node:
		if old == nil {
			return validation.ValidateNode(now)
		}
		return append(validation.ValidateNode(now), validation.ValidateNodeUpdate(now, old.(*core.Node))...)
	case *core.ServiceAccount:
		return validation.ValidateServiceAccount(now)
	case *core.Event:
		return validation.ValidateEventCreate(now, schema.GroupVersion{Version: "v1"})
	case *apps.Deployment:
		opts := podutil.GetValidationOptionsFromPodTemplate(&now.Spec.Template, nil)
		if old == nil {
			return appsvalidation.ValidateDeployment(now, opts)
		}
		return appsvalidation.ValidateDeploymentUpdate(now, old.(*apps.Deployment), opts)
	case *apps.ReplicaSet:
		opts := podutil.GetValidationOptionsFromPodTemplate(&now.Spec.Template, nil)
		if old == nil {
			return appsvalidation.ValidateReplicaSet(now, opts)
		}
		return appsvalidation.ValidateReplicaSetUpdate(now, old.(*apps.ReplicaSet), opts)
	case *coordination.Lease:
		return coordinationvalidation.ValidateLease(now)
	case *discovery.EndpointSlice:
		if old == nil {
			return discoveryvalidation.ValidateEndpointSliceCreate(now)
		}
		return discoveryvalidation.ValidateEndpointSliceUpdate(now, old.(*discovery.EndpointSlice))
	}
	panic("no validation for this kind")
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
