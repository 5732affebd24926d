package instance

import "syscall"

// dieWithParent has the kernel kill the process when the thread that started it ends. It also reaches a stopped
// process (SIGSTOP), which can't see that its supervisor has ended.
func dieWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGKILL }
