package main

// What is generated: every type of these group versions that the client-go scheme knows, plus the
// listed types of apimachinery. The order decides names: the first package with a type called X
// gets the name X, later ones are prefixed with their group (EventsEvent). To widen the table, add
// a line.

type groupVersion struct {
	pkg     string // Go package path
	group   string
	version string
}

var metaPackage = "k8s.io/apimachinery/pkg/apis/meta/v1"

// Types of apimachinery that travel on their own; they belong to no one group.
var metaKinds = []string{
	"DeleteOptions", "Status", "ListOptions", "GetOptions", "CreateOptions", "UpdateOptions",
	"PatchOptions", "WatchEvent", "PartialObjectMetadata", "PartialObjectMetadataList",
}

var groupVersions = []groupVersion{
	{"k8s.io/api/core/v1", "", "v1"},
	{"k8s.io/api/apps/v1", "apps", "v1"},
	{"k8s.io/api/batch/v1", "batch", "v1"},
	{"k8s.io/api/autoscaling/v2", "autoscaling", "v2"},
	{"k8s.io/api/autoscaling/v1", "autoscaling", "v1"},
	{"k8s.io/api/networking/v1", "networking.k8s.io", "v1"},
	{"k8s.io/api/discovery/v1", "discovery.k8s.io", "v1"},
	{"k8s.io/api/coordination/v1", "coordination.k8s.io", "v1"},
	{"k8s.io/api/events/v1", "events.k8s.io", "v1"},
	{"k8s.io/api/policy/v1", "policy", "v1"},
	{"k8s.io/api/rbac/v1", "rbac.authorization.k8s.io", "v1"},
	{"k8s.io/api/authentication/v1", "authentication.k8s.io", "v1"},
	{"k8s.io/api/authorization/v1", "authorization.k8s.io", "v1"},
	{"k8s.io/api/admissionregistration/v1", "admissionregistration.k8s.io", "v1"},
	{"k8s.io/api/certificates/v1", "certificates.k8s.io", "v1"},
	{"k8s.io/api/flowcontrol/v1", "flowcontrol.apiserver.k8s.io", "v1"},
	{"k8s.io/api/node/v1", "node.k8s.io", "v1"},
	{"k8s.io/api/resource/v1", "resource.k8s.io", "v1"},
	{"k8s.io/api/scheduling/v1", "scheduling.k8s.io", "v1"},
	{"k8s.io/api/storage/v1", "storage.k8s.io", "v1"},
}
