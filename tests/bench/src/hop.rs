//! CPU of one hop: the same requests through nginx and through llm-proxy, in turns in one run.

use crate::load::{streams, wrk};
use crate::process::Process;
use crate::table::{Table, median};
use crate::upstream::{self, CHUNKS};
use crate::{nginx, proxy};
use anyhow::Result;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

const ROUNDS: usize = 5;
const PHASE: Duration = Duration::from_secs(4);

/// One contender: its process and port.
type Contender = (Process, u16);

pub(crate) async fn measure(scratch: &Path, table: &mut Table) -> Result<()> {
    let (upstream, chunks) = upstream::serve().await?;
    let contenders =
        [nginx::start(scratch, upstream)?, proxy::start(scratch, &proxy::manifests(Some(upstream), 0))?];
    for connections in [32, 256] {
        let mut figures = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (contender, figures) in contenders.iter().zip(&mut figures) {
                figures.push(plain(scratch, contender, connections)?);
            }
        }
        row(table, &format!("CPU per JSON request, {connections} connections"), figures, "≤ 2.0 × nginx");
    }
    let mut figures = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (contender, figures) in contenders.iter().zip(&mut figures) {
            figures.push(streamed(contender, &chunks).await?);
        }
    }
    row(table, "CPU per stream chunk, 64 streams", figures, "≤ 1.5 × nginx");
    Ok(())
}

fn row(table: &mut Table, what: &str, [mut nginx, mut ours]: [Vec<f64>; 2], target: &str) {
    let mut ratios: Vec<f64> = ours.iter().zip(&nginx).map(|(ours, nginx)| ours / nginx).collect();
    let figure = format!(
        "{:.2} × nginx ({:.1} µs against {:.1} µs)",
        median(&mut ratios),
        median(&mut ours),
        median(&mut nginx)
    );
    table.row(what, figure, target);
}

/// CPU microseconds per plain request.
fn plain(scratch: &Path, (process, port): &Contender, connections: usize) -> Result<f64> {
    let before = process.cpu_seconds()?;
    let done = tokio::task::block_in_place(|| wrk(scratch, *port, connections, PHASE))?;
    Ok((process.cpu_seconds()? - before) * 1e6 / done as f64)
}

/// CPU microseconds per forwarded chunk.
async fn streamed((process, port): &Contender, chunks: &upstream::Counter) -> Result<f64> {
    const STREAMS: usize = 64;
    const EACH: usize = 8;
    let (before, sent) = (process.cpu_seconds()?, chunks.load(Ordering::Relaxed));
    streams(*port, STREAMS, EACH).await?;
    let sent = chunks.load(Ordering::Relaxed) - sent;
    anyhow::ensure!(sent as usize == STREAMS * EACH * CHUNKS, "{sent} chunks were sent");
    Ok((process.cpu_seconds()? - before) * 1e6 / sent as f64)
}
