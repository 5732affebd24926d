package instance

import (
	"context"
	"errors"
	"os"
	"slices"
	"syscall"
)

// Up starts every component in order. On an error none is left.
func (in *Instance) Up(ctx context.Context, report func(string)) error {
	for _, c := range components {
		if err := in.Start(ctx, c.name, report); err != nil {
			return errors.Join(err, in.stopAll())
		}
	}
	return nil
}

// Down ends every process of the instance, the supervisor included when that is not this process, and removes the
// folder when `up` chose it.
func (in *Instance) Down() error {
	if !in.supervisor {
		if err := end(in.pidFile(supervisor), syscall.SIGTERM, 2*endPatience); err != nil {
			return err
		}
	}
	if err := in.stopAll(); err != nil {
		return err
	}
	if in.Temporary {
		return os.RemoveAll(in.dir)
	}
	return nil
}

// stopAll ends the components, the last one first.
func (in *Instance) stopAll() error {
	var problems []error
	for _, c := range slices.Backward(components) {
		problems = append(problems, in.Stop(c.name))
	}
	return errors.Join(problems...)
}
