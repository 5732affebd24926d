package instance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
)

// Ports are picked below those that systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere), so
// that no client takes the API server's port between its end and its restart.
const (
	firstPort = 20000
	lastPort  = 29999
)

// freePort picks a loopback port that nothing listens on, at random so that instances started together differ.
func freePort(taken ...int) (int, error) {
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if !slices.Contains(taken, port) && tryPort(port) == nil {
			return port, nil
		}
	}
	return 0, errors.New("no free port found on 127.0.0.1")
}

// tryPort says whether a server could listen on the port.
func tryPort(port int) error {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	return listener.Close()
}
