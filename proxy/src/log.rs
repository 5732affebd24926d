//! The program's own log, on standard error. Requests are in the [access log](crate::access), on standard output.

use crate::args::LogFormat;
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Starts it. What libraries say is written only when it is a warning or worse, whatever the level: they know
/// nothing of secrets.
pub fn start(level: Level, format: LogFormat) {
    let filter = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("llm_proxy", LevelFilter::from_level(level));
    let layer = match format {
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(std::io::stderr).boxed(),
        LogFormat::Text => fmt::layer().with_writer(std::io::stderr).boxed(),
    };
    // A second start changes nothing, which only tests would notice.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}
