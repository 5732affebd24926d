//! Programs under measurement: started, their CPU time and memory read from `/proc`, ended by pid.

use anyhow::{Context, Result, bail};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// A running program; killed when dropped.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts `command`.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("cannot start {:?}", command.get_program()))?;
        Ok(Self { child })
    }

    /// Process identifier.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// User and system time used so far by the program and the living processes below it, in seconds.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        let mut ticks = 0;
        for pid in [vec![self.pid()], descendants(self.pid())?].concat() {
            ticks += cpu_ticks(pid)?;
        }
        // Linux reports in USER_HZ, which is 100 on every architecture it runs on today.
        Ok(ticks as f64 / 100.0)
    }

    /// Resident memory in KiB (`VmRSS`).
    pub(crate) fn resident_kib(&self) -> Result<u64> {
        resident_kib(self.pid())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGTERM lets nginx end its workers; what does not end is killed.
        let _ = Command::new("kill").arg(self.pid().to_string()).status();
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory of a process in KiB (`VmRSS`).
pub(crate) fn resident_kib(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    line.split_whitespace().nth(1).context("no value")?.parse().context("VmRSS is no number")
}

/// All processes below `pid`.
pub(crate) fn descendants(pid: u32) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let children = std::fs::read_to_string(thread?.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace() {
            let child = child.parse()?;
            found.push(child);
            found.extend(descendants(child)?);
        }
    }
    Ok(found)
}

/// Cores to run on.
#[derive(Clone, Copy)]
pub(crate) enum Cores {
    /// The first.
    First,
    /// All but the first.
    Others,
}

/// Binds processes and all their threads to cores.
pub(crate) fn pin(pids: &[u32], cores: Cores) -> Result<()> {
    need("taskset", "util-linux")?;
    let last = std::thread::available_parallelism()?.get() - 1;
    let list = match cores {
        _ if last == 0 => bail!("one core is not enough to tell a swap from what causes it"),
        Cores::First => "0".to_owned(),
        Cores::Others => format!("1-{last}"),
    };
    for pid in pids {
        let done = Command::new("taskset").args(["-acp", &list, &pid.to_string()]).output()?;
        if !done.status.success() {
            bail!("taskset: {}", String::from_utf8_lossy(&done.stderr));
        }
    }
    Ok(())
}

fn cpu_ticks(pid: u32) -> Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold anything, so count fields behind it: 12 and 13 are utime and stime.
    let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let [user, system] = [11, 12].map(|index| fields.get(index).and_then(|field| field.parse::<u64>().ok()));
    Ok(user.context("no utime")? + system.context("no stime")?)
}

/// A free port on loopback.
pub(crate) fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Waits until something accepts on `port`.
pub(crate) fn wait_for_port(port: u16) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        if Instant::now() > deadline {
            bail!("nothing listens on port {port}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Fails with the command that installs it when a program is not there.
pub(crate) fn need(program: &str, package: &str) -> Result<()> {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()));
    if !found {
        bail!("{program} is missing: apt-get install {package}");
    }
    Ok(())
}
