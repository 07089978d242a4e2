package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
)

// Both is one object in both encodings, made by upstream's encoders.
type both struct {
	JSON json.RawMessage `json:"json"`
	PB   string          `json:"pb"`
}

type fixture struct {
	Filled both `json:"filled"`
	Empty  both `json:"empty"`
}

// writeFixtures makes one object with every field set and one with none, per kind; lists and the
// query-only options would only repeat what is in the others, so one list stands for all.
func writeFixtures(kinds []kind) []byte {
	b := &bytes.Buffer{}
	b.WriteString("{\n")
	first := true
	for _, k := range kinds {
		if strings.HasSuffix(k.kind, "List") && k.kind != "ConfigMapList" {
			continue
		}
		if k.kind == "WatchEvent" { // travels without an envelope
			continue
		}
		if strings.HasSuffix(k.kind, "Options") && k.kind != "DeleteOptions" {
			continue
		}
		filled, empty := reflect.New(k.message.goType), reflect.New(k.message.goType)
		(&filler{}).fill(filled.Elem(), 0)
		line, err := json.Marshal(fixture{encodeBoth(filled, k), encodeBoth(empty, k)})
		must(err)
		if !first {
			b.WriteString(",\n")
		}
		first = false
		fmt.Fprintf(b, "%q: %s", k.apiVersion()+" "+k.kind, line)
	}
	b.WriteString("\n}\n")
	return b.Bytes()
}

func encodeBoth(value reflect.Value, k kind) both {
	object := value.Interface().(runtime.Object)
	object.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{Group: k.group, Version: k.version, Kind: k.kind})
	text, err := json.Marshal(object)
	must(err)
	out := &bytes.Buffer{}
	must(protobuf.NewSerializer(scheme.Scheme, scheme.Scheme).Encode(object, out))
	return both{text, base64.StdEncoding.EncodeToString(out.Bytes())}
}

// filler sets every field to a value that differs from its neighbours'.
type filler struct{ n int64 }

func (f *filler) fill(v reflect.Value, depth int) {
	f.n++
	switch target := v.Addr().Interface().(type) {
	case *metav1.Time:
		*target = metav1.NewTime(time.Date(2026, 1, 2, 3, 4, int(f.n%60), 0, time.UTC))
		return
	case *metav1.MicroTime:
		*target = metav1.NewMicroTime(time.Date(2026, 1, 2, 3, 4, int(f.n%60), int(f.n)*1000, time.UTC))
		return
	case *resource.Quantity:
		*target = resource.MustParse([]string{"250m", "3Gi", "7", "1e3"}[f.n%4])
		_ = target.String()
		return
	case *intstr.IntOrString:
		*target = intstr.FromString(fmt.Sprintf("%d%%", f.n%100))
		if f.n%2 == 0 {
			*target = intstr.FromInt32(int32(f.n))
		}
		return
	case *runtime.RawExtension:
		target.Raw = []byte(fmt.Sprintf(`{"kind":"Any","apiVersion":"v1","n":%d}`, f.n))
		return
	case *metav1.FieldsV1:
		target.Raw = []byte(fmt.Sprintf(`{"f:a%d":{}}`, f.n))
		return
	case *metav1.TypeMeta:
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("s%d", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32:
		v.SetInt(f.n - 2*f.n*(f.n%2))
	case reflect.Int64:
		v.SetInt(5_000_000_000*(1-2*(f.n%2)) + f.n)
	case reflect.Float64:
		v.SetFloat(float64(f.n) / 8)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), depth)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(fmt.Sprintf("b%d", f.n)))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		f.fill(v.Index(0), depth)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		f.fill(key, depth)
		f.fill(value, depth)
		v.SetMapIndex(key, value)
	case reflect.Struct:
		if depth > 20 {
			panic("a type contains itself: " + v.Type().String())
		}
		for i := 0; i < v.NumField(); i++ {
			if v.Type().Field(i).IsExported() {
				f.fill(v.Field(i), depth+1)
			}
		}
	default:
		panic("cannot fill " + v.Type().String())
	}
}

// decodeForTest reads a JSON list of base64 protobuf objects and answers the list of their JSON, as
// upstream's decoder reads them.
func decodeForTest() {
	inputs := []string{}
	must(json.NewDecoder(os.Stdin).Decode(&inputs))
	must(metav1.AddMetaToScheme(scheme.Scheme))
	serializer := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)
	outputs := []json.RawMessage{}
	for _, input := range inputs {
		data, err := base64.StdEncoding.DecodeString(input)
		must(err)
		object, gvk, err := serializer.Decode(data, nil, nil)
		must(err)
		object.GetObjectKind().SetGroupVersionKind(*gvk)
		text, err := json.Marshal(object)
		must(err)
		outputs = append(outputs, text)
	}
	must(json.NewEncoder(os.Stdout).Encode(outputs))
}
