package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"llmproxy.dev/tests/control-plane/instance"
)

// commands are the commands of this program itself, with what follows their name.
var commands = map[string]func(args []string) error{
	"up":      up,
	"down":    down,
	"start":   component("start", start),
	"stop":    component("stop", stop),
	"restart": component("restart", restart),
	"run":     component("run", run),
}

// readyTimeout is how long the start of one component, or of all, may take.
const readyTimeout = 3 * time.Minute

func up(args []string) error {
	flags := flag.NewFlagSet("up", flag.ExitOnError)
	dir := flags.String("dir", "", "the `folder` for data, logs, pids and the kubeconfig; a temporary one if not given")
	port := flags.Int("port", 0, "the API server's `port` on 127.0.0.1; a free one if not given")
	foreground := flags.Bool("foreground", false, "stay, and end the control plane on SIGTERM, SIGINT or SIGHUP")
	untilStdin := flags.Bool("until-stdin-closes", false, "like --foreground, and end it when standard input closes too")
	timeout := flags.Duration("timeout", readyTimeout, "how `long` it may take to be ready")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	// The kernel ends the children with the thread that started them, so this has to be one that stays.
	runtime.LockOSThread()
	running, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()
	if *untilStdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	in, err := instance.Create(*dir, *port, *foreground || *untilStdin)
	if err != nil {
		return err
	}
	starting, cancel := context.WithTimeout(running, *timeout)
	defer cancel()
	if err := in.Up(starting, report); err != nil {
		return err
	}
	fmt.Println(in.Kubeconfig())
	if !*foreground && !*untilStdin {
		return nil
	}
	<-running.Done()
	report("ending")
	return in.Down()
}

func down(args []string) error {
	flags := flag.NewFlagSet("down", flag.ExitOnError)
	dir := flags.String("dir", "", "the `folder` of the control plane")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	in, err := instance.Open(*dir)
	if err != nil {
		return err
	}
	return in.Down()
}

// component makes a command of something that is done to one component: COMMAND --dir DIR COMPONENT.
func component(command string, do func(in *instance.Instance, name string) error) func([]string) error {
	return func(args []string) error {
		flags := flag.NewFlagSet(command, flag.ExitOnError)
		dir := flags.String("dir", "", "the `folder` of the control plane")
		if err := parse(flags, args, 1); err != nil {
			return err
		}
		in, err := instance.Open(*dir)
		if err != nil {
			return err
		}
		return do(in, flags.Arg(0))
	}
}

func start(in *instance.Instance, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	return in.Start(ctx, name, report)
}

func stop(in *instance.Instance, name string) error { return in.Stop(name) }

func restart(in *instance.Instance, name string) error {
	if err := stop(in, name); err != nil {
		return err
	}
	return start(in, name)
}

// run goes on as the component, in this process. It is what `up` and `start` run in the background.
func run(in *instance.Instance, name string) error {
	program, args, err := in.Become(name)
	if err != nil {
		return err
	}
	report(strings.Join(args, " "))
	programs[program](args)
	return nil
}

// parse reads the flags, which end the program with a message when they are wrong, and counts what is left.
func parse(flags *flag.FlagSet, args []string, positional int) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != positional {
		return fmt.Errorf("%d arguments after the flags, not %d: %q", positional, flags.NArg(), flags.Args())
	}
	return nil
}

func report(line string) { fmt.Fprintln(os.Stderr, "control-plane:", line) }
