package instance

import (
	"fmt"
	"net"
	"testing"
)

func TestTryPortSeesAListener(t *testing.T) {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	if tryPort(port) == nil {
		t.Errorf("port %d is said to be free while something listens on it", port)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := tryPort(port); err != nil {
		t.Errorf("port %d is free again: %v", port, err)
	}
}
