package instance

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

const holdVariable = "TEST_HOLD_PID_FILE"

// TestMain lets the test binary be another process: one that holds a pid file until it is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv(holdVariable); path != "" {
		fmt.Println(hold(path))
		time.Sleep(time.Hour)
	}
	os.Exit(m.Run())
}

func TestPidFileNamesTheProcessThatLives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "apiserver")
	expectHolder(t, path, 0)
	if err := os.WriteFile(path, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	expectHolder(t, path, 0) // a stale pid is nobody's

	first := holdElsewhere(t, path, "<nil>")
	expectHolder(t, path, first.Process.Pid)
	holdElsewhere(t, path, "another process is this instance's apiserver")
	expectHolder(t, path, first.Process.Pid)

	outlived := make(chan error, 1)
	go func() { outlived <- outlive(path) }()
	select {
	case err := <-outlived:
		t.Fatalf("outlive returned %v while the process lives", err)
	case <-time.After(20 * time.Millisecond):
	}
	if err := end(path, syscall.SIGKILL, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := <-outlived; err != nil {
		t.Fatal(err)
	}
	expectHolder(t, path, 0)
	holdElsewhere(t, path, "<nil>")
}

func expectHolder(t *testing.T, path string, want int) {
	t.Helper()
	if pid, err := holder(path); err != nil || pid != want {
		t.Fatalf("holder: %d, %v; want %d", pid, err, want)
	}
}

// holdElsewhere has a new process try to hold the pid file, and expects its answer.
func holdElsewhere(t *testing.T, path, answer string) *exec.Cmd {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), holdVariable+"="+path)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil || line != answer+"\n" {
		t.Fatalf("the other process answers %q, %v; want %q", line, err, answer)
	}
	return command
}
