//! The fake provider as a program, for tests that are not written in Rust: `fake-provider` listens on a free port of
//! loopback, writes its address as a line, and ends when its standard input closes.

use support::fake::Provider;

#[tokio::main]
async fn main() -> support::Result<()> {
    let provider = Provider::start().await?;
    println!("{}", provider.url("").trim_start_matches("http://").trim_end_matches("//v1"));
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    Ok(())
}
