package instance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// endPatience is how long a killed process may take to be gone.
const endPatience = 20 * time.Second

// Start starts a component and waits until it is ready. report gets one line about it. When ctx ends first, the
// process does too.
func (in *Instance) Start(ctx context.Context, name string, report func(string)) error {
	c, err := find(name)
	if err != nil {
		return err
	}
	started := time.Now()
	process, ended, err := in.launch(c)
	if err != nil {
		return err
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		notReady := c.ready(ctx, in)
		if notReady == nil {
			report(fmt.Sprintf("%s ready after %.1f s", c.program, time.Since(started).Seconds()))
			return nil
		}
		select {
		case err := <-ended:
			return fmt.Errorf("%s ended: %w\n%s", c.program, err, in.logTail(c.name))
		case <-ctx.Done():
			_ = process.Kill()
			<-ended
			return fmt.Errorf("%s was not ready (%w): %w\n%s", c.program, context.Cause(ctx), notReady, in.logTail(c.name))
		case <-tick.C:
		}
	}
}

// Stop kills a component. It has ended on return.
func (in *Instance) Stop(name string) error {
	c, err := find(name)
	if err != nil {
		return err
	}
	return end(in.pidFile(c.name), syscall.SIGKILL, endPatience)
}

// Become makes this process the component: it returns the program to go on as, with its arguments. A component of a
// foreground instance ends with the instance's supervisor, whoever started it.
func (in *Instance) Become(name string) (program string, args []string, err error) {
	c, err := find(name)
	if err != nil {
		return "", nil, err
	}
	if err := hold(in.pidFile(c.name)); err != nil {
		return "", nil, err
	}
	if in.Supervised {
		go func() {
			err := outlive(in.pidFile(supervisor))
			fmt.Fprintln(os.Stderr, "control-plane: the supervisor has ended:", err)
			os.Exit(1)
		}()
	}
	return c.program, append([]string{c.program}, c.args(in)...), nil
}

// launch runs this binary again as the component, in a session of its own so that no Ctrl-C reaches it. The channel
// gets one error when the process ends.
func (in *Instance) launch(c component) (*os.Process, <-chan error, error) {
	if err := in.mayLaunch(c); err != nil {
		return nil, nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	log, err := os.OpenFile(in.logFile(c.name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = log.Close() }()
	command := exec.Command(self, "run", "--dir", in.dir, c.name)
	command.Stdout, command.Stderr, command.Dir = log, log, in.dir
	command.Env = append(os.Environ(), c.env...)
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if in.supervisor {
		dieWithParent(command.SysProcAttr)
	}
	if err := command.Start(); err != nil {
		return nil, nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- fmt.Errorf("process %d: %v", command.Process.Pid, command.Wait()) }()
	return command.Process, ended, nil
}

// mayLaunch refuses a second process of a component, and one that nobody would end.
func (in *Instance) mayLaunch(c component) error {
	if pid, err := holder(in.pidFile(c.name)); err != nil || pid != 0 {
		return errors.Join(err, fmt.Errorf("%s is running already, as process %d", c.program, pid))
	}
	if in.supervisor || !in.Supervised {
		return nil
	}
	if pid, err := holder(in.pidFile(supervisor)); err != nil || pid == 0 {
		return errors.Join(err, errors.New("the `up --foreground` of this instance has ended"))
	}
	return nil
}

// logTail is the end of a component's log, to be shown with an error.
func (in *Instance) logTail(name string) string {
	text, err := os.ReadFile(in.logFile(name))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return fmt.Sprintf("%s\n(end of %s)", strings.Join(lines[max(0, len(lines)-15):], "\n"), in.logFile(name))
}
