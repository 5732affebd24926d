//! Memory at rest and with many keys, and the time from start to the first answer.

use crate::load::{request, wrk};
use crate::process::free_port;
use crate::proxy;
use crate::table::{Table, median};
use anyhow::{Result, ensure};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) fn measure(scratch: &Path, table: &mut Table) -> Result<()> {
    for (what, keys, target) in
        [("Resident memory, idle", 0, "≤ 8 MiB"), ("Resident memory, 10,000 keys", 10_000, "")]
    {
        let (process, port) = proxy::start(scratch, &proxy::manifests(None, keys))?;
        answer(port, Duration::from_secs(30))?;
        let idle = process.resident_kib()?;
        wrk(scratch, port, 64, Duration::from_secs(2))?;
        let after = process.resident_kib()?;
        table.row(what, format!("{:.1} MiB ({:.1} after load)", mib(idle), mib(after)), target);
    }
    let mut starts = Vec::new();
    for _ in 0..11 {
        let port = free_port()?;
        let begin = Instant::now();
        let _process = proxy::spawn(scratch, &proxy::manifests(None, 0), port)?;
        answer(port, Duration::from_secs(10))?;
        starts.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    table.row("Start to first answer, median of 11", format!("{:.0} ms", median(&mut starts)), "≤ 50 ms");
    Ok(())
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// Asks until the first 200.
fn answer(port: u16, within: Duration) -> Result<()> {
    let deadline = Instant::now() + within;
    let request = request(false).replace("host: bench", "host: bench\r\nconnection: close");
    loop {
        if let Ok(mut socket) = TcpStream::connect(("127.0.0.1", port)) {
            let mut text = Vec::new();
            let _ = socket.write_all(request.as_bytes()).and_then(|()| socket.read_to_end(&mut text));
            if text.starts_with(b"HTTP/1.1 200") {
                return Ok(());
            }
        }
        ensure!(Instant::now() < deadline, "no answer from port {port}");
        std::thread::sleep(Duration::from_micros(500));
    }
}
