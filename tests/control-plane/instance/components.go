package instance

import (
	"context"
	"fmt"
	"strings"
)

// supervisor is the name of the process that `up` is, beside those of the components.
const supervisor = "supervisor"

// component is one process of the control plane.
type component struct {
	name    string // as the command line, log/ and pid/ call it
	program string // as this binary calls it
	args    func(*Instance) []string
	env     []string                               // beside this process's own
	ready   func(context.Context, *Instance) error // one try
}

// components are in the order they start in.
var components = []component{
	{name: "etcd", program: "etcd", args: etcdArgs, ready: etcdReady},
	{name: "apiserver", program: "kube-apiserver", args: apiServerArgs, ready: apiServerReady, env: smallHeap},
	{name: "controller-manager", program: "kube-controller-manager", args: controllerManagerArgs, ready: controllersReady},
}

// smallHeap has the garbage collected more often: a quarter less memory for the API server, which starts as fast.
var smallHeap = []string{"GOGC=50"}

func find(name string) (component, error) {
	names := make([]string, 0, len(components))
	for _, c := range components {
		if c.name == name || c.program == name {
			return c, nil
		}
		names = append(names, c.name)
	}
	return component{}, fmt.Errorf("no component %q: one of %s", name, strings.Join(names, ", "))
}

// etcdArgs: nothing here has to survive a crash of the machine, so nothing waits for the disk. What was written does
// survive a killed process. There is one member, so the peer port is of no interest.
func etcdArgs(in *Instance) []string {
	return []string{
		"--data-dir=" + in.path("etcd"),
		"--listen-client-urls=" + in.etcdURL(),
		"--advertise-client-urls=" + in.etcdURL(),
		"--listen-peer-urls=http://127.0.0.1:0",
		"--unsafe-no-fsync",
		"--quota-backend-bytes=8589934592",
		"--snapshot-count=1000",
		"--log-level=warn",
	}
}

// apiServerArgs: 127.0.0.1 can't be an endpoint of the `kubernetes` Service, so nothing maintains those endpoints.
// Priority and fairness is off and the limits in its place are wide: tests write thousands of objects at once.
func apiServerArgs(in *Instance) []string {
	return []string{
		"--etcd-servers=" + in.etcdURL(),
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", in.APIServerPort),
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=" + serviceRange,
		"--tls-cert-file=" + in.pki("apiserver.crt"),
		"--tls-private-key-file=" + in.pki("apiserver.key"),
		"--client-ca-file=" + in.pki("ca.crt"),
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + in.pki("tokens.pub"),
		"--service-account-signing-key-file=" + in.pki("tokens.key"),
		"--enable-priority-and-fairness=false",
		"--max-requests-inflight=4000",
		"--max-mutating-requests-inflight=2000",
		"--profiling=false",
	}
}

// controllerManagerArgs: the controllers that make an API server behave as its clients expect. There are no nodes, so
// nothing that makes Pods runs. Clients have no limit of their own beside the API server's.
func controllerManagerArgs(in *Instance) []string {
	return []string{
		"--kubeconfig=" + in.pki("controller-manager.kubeconfig"),
		"--secure-port=0",
		"--leader-elect=false",
		"--controllers=" + strings.Join([]string{
			"serviceaccount-controller",
			"serviceaccount-token-controller",
			"root-ca-certificate-publisher-controller",
			"namespace-controller",
			"garbage-collector-controller",
			"clusterrole-aggregation-controller",
		}, ","),
		"--service-account-private-key-file=" + in.pki("tokens.key"),
		"--root-ca-file=" + in.pki("ca.crt"),
		"--use-service-account-credentials",
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
		"--profiling=false",
	}
}
