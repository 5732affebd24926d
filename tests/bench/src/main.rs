//! `make bench`: prints the numbers of llm-proxy as a table. Arguments choose sections (`hop`, `footprint`, `cluster`);
//! without any, all are measured. Traffic stays on loopback.

mod cluster;
mod footprint;
mod hop;
mod load;
mod machine;
mod nginx;
mod process;
mod proxy;
mod table;
mod upstream;

use anyhow::{Result, ensure};

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    const SECTIONS: [&str; 3] = ["hop", "footprint", "cluster"];
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    for name in &chosen {
        ensure!(SECTIONS.contains(&name.as_str()), "{name} is no section: choose among {SECTIONS:?}");
    }
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|chosen| chosen == name);
    process::need("nginx", "nginx-light")?;
    process::need("wrk", "wrk")?;
    let scratch = tempfile::tempdir()?;
    let mut table = table::Table::default();
    println!("{}", machine::name());
    if wanted("hop") {
        hop::measure(scratch.path(), &mut table).await?;
    }
    if wanted("footprint") {
        tokio::task::block_in_place(|| footprint::measure(scratch.path(), &mut table))?;
    }
    if wanted("cluster") {
        rustls::crypto::ring::default_provider().install_default().ok();
        cluster::measure(&mut table).await?;
    }
    table.print();
    Ok(())
}
