// Package instance runs one Kubernetes control plane (etcd, kube-apiserver, kube-controller-manager) out of one
// folder: certificates, data, logs, pid files and the kubeconfig are all in it.
package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Instance is a control plane in a folder, running or not.
type Instance struct {
	dir string
	settings
	supervisor bool // this process keeps the instance in the foreground
}

// settings are what the processes of an instance agree on. They are kept in its folder.
type settings struct {
	APIServerPort int  `json:"apiServerPort"`
	EtcdPort      int  `json:"etcdPort"`
	Supervised    bool `json:"supervised"` // the processes end with the process that `up --foreground` is
	Temporary     bool `json:"temporary"`  // `up` chose the folder: `down` removes it
}

// Create makes the instance in dir, or takes up again the one that is there with its data. An empty dir stands for
// a new temporary folder, port 0 for a free one. The calling process holds the instance until it ends; a second
// one is refused.
func Create(dir string, port int, foreground bool) (*Instance, error) {
	in := &Instance{dir: dir, supervisor: foreground}
	if err := in.makeFolders(); err != nil {
		return nil, err
	}
	if err := in.claim(); err != nil {
		return nil, err
	}
	if err := in.load(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	in.Supervised = foreground
	if err := in.choosePorts(port); err != nil {
		return nil, err
	}
	if _, err := os.Stat(in.pki("ca.crt")); err != nil {
		if err := writePKI(in.pki("")); err != nil {
			return nil, fmt.Errorf("certificates: %w", err)
		}
	}
	if err := in.writeKubeconfigs(); err != nil {
		return nil, err
	}
	return in, in.save()
}

// Open finds the instance that `up` left in dir.
func Open(dir string) (*Instance, error) {
	if dir == "" {
		return nil, errors.New("--dir is missing: the folder that `up` was given, or chose")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	in := &Instance{dir: dir}
	if err := in.load(); err != nil {
		return nil, fmt.Errorf("no control plane in %s: %w", dir, err)
	}
	return in, nil
}

// Kubeconfig is the path of the administrator's kubeconfig.
func (in *Instance) Kubeconfig() string { return in.path("kubeconfig") }

func (in *Instance) path(name string) string    { return filepath.Join(in.dir, name) }
func (in *Instance) pki(name string) string     { return filepath.Join(in.dir, "pki", name) }
func (in *Instance) logFile(name string) string { return filepath.Join(in.dir, "log", name+".log") }
func (in *Instance) pidFile(name string) string { return filepath.Join(in.dir, "pid", name) }
func (in *Instance) apiServerURL() string {
	return fmt.Sprintf("https://127.0.0.1:%d", in.APIServerPort)
}
func (in *Instance) etcdURL() string { return fmt.Sprintf("http://127.0.0.1:%d", in.EtcdPort) }

func (in *Instance) makeFolders() (err error) {
	if in.dir == "" {
		in.Temporary = true
		in.dir, err = os.MkdirTemp("", "control-plane-")
	} else {
		in.dir, err = filepath.Abs(in.dir)
	}
	if err != nil {
		return err
	}
	for _, name := range []string{"pki", "log", "pid"} {
		if err := os.MkdirAll(in.path(name), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// claim keeps a second `up` from the folder, and gives the components of a foreground instance something to watch.
func (in *Instance) claim() error {
	if err := hold(in.pidFile(supervisor)); err != nil {
		return fmt.Errorf("%s is in use: %w", in.dir, err)
	}
	for _, c := range components {
		if pid, err := holder(in.pidFile(c.name)); err != nil || pid != 0 {
			return errors.Join(err, fmt.Errorf("%s is up already (%s is process %d)", in.dir, c.name, pid))
		}
	}
	return nil
}

// choosePorts keeps the ports of an instance that is taken up again, so that its clients find it.
func (in *Instance) choosePorts(port int) (err error) {
	if port != 0 {
		in.APIServerPort = port
	}
	for _, p := range []*int{&in.APIServerPort, &in.EtcdPort} {
		if *p == 0 {
			*p, err = freePort(in.APIServerPort)
		} else {
			err = tryPort(*p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (in *Instance) load() error {
	text, err := os.ReadFile(in.path("instance.json"))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &in.settings)
}

func (in *Instance) save() error {
	text, err := json.MarshalIndent(in.settings, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(in.path("instance.json"), append(text, '\n'), 0o600)
}
