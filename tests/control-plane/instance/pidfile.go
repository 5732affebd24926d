package instance

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// A pid file here is locked (fcntl) by the process it names for as long as that process lives. The kernel tells who
// holds the lock and drops it with the process, so a stale file never leads to a stranger's pid, and waiting for the
// lock is waiting for the end of the process. A process must not open its own pid file again: closing it would drop
// the lock.

// held keeps the locked files open until the process ends.
var held []*os.File

// hold locks the pid file for the rest of this process's life and writes its pid there.
func hold(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := lock(file, syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK}); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
			return fmt.Errorf("another process is this instance's %s", filepath.Base(path))
		}
		return err
	}
	held = append(held, file)
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "%d\n", os.Getpid())
	return err
}

// holder returns the pid of the process that holds the pid file, 0 when none does.
func holder(path string) (int, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	query := syscall.Flock_t{Type: syscall.F_WRLCK}
	if err := lock(file, syscall.F_GETLK, &query); err != nil || query.Type == syscall.F_UNLCK {
		return 0, err
	}
	return int(query.Pid), nil
}

// outlive returns when the process that holds the pid file has ended, at once when there is none.
func outlive(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	return lock(file, syscall.F_SETLKW, &syscall.Flock_t{Type: syscall.F_RDLCK})
}

// end sends the signal to the process that holds the pid file, if any, and waits until it has ended.
func end(path string, signal syscall.Signal, patience time.Duration) error {
	pid, err := holder(path)
	if err != nil || pid == 0 {
		return err
	}
	if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("%s: process %d: %w", filepath.Base(path), pid, err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		switch now, err := holder(path); {
		case err != nil:
			return err
		case now != pid:
			awaitReaped(pid)
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("%s: process %d has not ended in %v", filepath.Base(path), pid, patience)
		}
	}
}

// awaitReaped waits for the rest of a process's end: the lock goes a moment before the pid does. Not for long, for
// some containers have nobody who reaps.
func awaitReaped(pid int) {
	for deadline := time.Now().Add(100 * time.Millisecond); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return
		}
	}
}

// lock runs one fcntl lock operation on the whole file.
func lock(file *os.File, operation int, request *syscall.Flock_t) error {
	request.Whence = io.SeekStart
	for {
		if err := syscall.FcntlFlock(file.Fd(), operation, request); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
