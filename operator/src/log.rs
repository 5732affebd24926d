//! Logging. Nothing secret is ever a field of a log line; dependencies that would print what they could not
//! parse are capped, whatever level is asked for.

use crate::args::LogFormat;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Targets with a level of their own, whatever is asked for: the Kubernetes client logs bodies it cannot parse,
/// and such a body may be a Secret. What it fails at is logged by whoever called it.
const CAPPED: &str = "kube_client=off,kube_runtime=off,hyper=warn,hyper_util=warn,rustls=warn,tower=warn";

/// Sets up logging to standard error.
///
/// # Errors
/// When `level` is no filter.
pub fn init(level: &str, format: LogFormat) -> Result<(), ParseError> {
    let filter = EnvFilter::try_new(format!("{level},{CAPPED}"))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).init()
        }
        LogFormat::Text => lines.with_ansi(false).init(),
    }
    Ok(())
}
