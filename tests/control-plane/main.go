// Command control-plane is a Kubernetes control plane in one binary: etcd, kube-apiserver, kube-controller-manager and
// kubectl, and the commands that run them together on loopback without root.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

const usage = `Usage: control-plane COMMAND

  up [--dir DIR] [--port N] [--foreground | --until-stdin-closes] [--timeout 3m]
        start a control plane; the last line on stdout is the path of its kubeconfig
  down --dir DIR
        end it; a folder that up chose itself is removed
  stop | start | restart --dir DIR etcd|apiserver|controller-manager
        kill (SIGKILL) one of its processes, start it again with the same data and port, or both
  kubectl | etcd | kube-apiserver | kube-controller-manager [ARGUMENT...]
        be that program; so does a link of that name
`

func main() {
	args := os.Args
	if programs[filepath.Base(args[0])] == nil {
		args = args[1:]
	}
	if len(args) == 0 {
		fail(usage)
	}
	name := filepath.Base(args[0])
	if program := programs[name]; program != nil {
		program(append([]string{name}, args[1:]...))
		return
	}
	command := commands[name]
	if command == nil {
		fail(usage)
	}
	if err := command(args[1:]); err != nil {
		fail(fmt.Sprintf("control-plane: %s: %v\n", name, err))
	}
}

func fail(message string) {
	fmt.Fprint(os.Stderr, message)
	os.Exit(1)
}
