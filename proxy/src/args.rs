//! Flags and environment variables. A value's placeholder is the name of its variable, so that an error names both.

mod own;

pub use own::Own;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// One endpoint in front of every model provider.
#[derive(Debug, Parser)]
#[command(name = "llm-proxy", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve clients.
    Serve(Box<Serve>),
    /// Look through a configuration without serving it: exit code 1 when something is wrong with it.
    Check(Check),
}

/// Flags of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// File or folder of manifests.
    #[arg(long, env = "CONFIG_PATH", value_name = "CONFIG_PATH")]
    pub config: PathBuf,
}

/// Flags of `serve`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("source").args(["config", "operator"]).required(true))]
pub struct Serve {
    /// File or folder of manifests to serve by.
    #[arg(long, env = "CONFIG_PATH", value_name = "CONFIG_PATH")]
    pub config: Option<PathBuf>,
    /// URLs of the operator to serve by (https), separated by commas.
    #[arg(long, env = "OPERATOR_URL", value_name = "OPERATOR_URL", value_delimiter = ',', value_parser = https)]
    pub operator: Vec<String>,
    /// PEM file of the authorities the operator's certificate may be signed by. Read at every connection.
    #[arg(long, env = "OPERATOR_CA_FILE", value_name = "OPERATOR_CA_FILE", requires = "operator")]
    pub operator_ca: Option<PathBuf>,
    /// File of the token to show the operator. Read at every use.
    #[arg(long, env = "OPERATOR_TOKEN_FILE", value_name = "OPERATOR_TOKEN_FILE", requires = "operator")]
    pub operator_token: Option<PathBuf>,
    /// Name the operator's certificate must be for, instead of the URL's host.
    #[arg(long, env = "OPERATOR_SERVER_NAME", value_name = "OPERATOR_SERVER_NAME", requires = "operator")]
    pub operator_server_name: Option<String>,
    /// Folder with the shards of the last good snapshot, for a start without the operator.
    #[arg(long, env = "LAST_GOOD_DIR", value_name = "LAST_GOOD_DIR", requires = "operator")]
    pub last_good: Option<PathBuf>,
    /// How long to try the operator before starting from the last good snapshot.
    #[arg(long, env = "LAST_GOOD_AFTER", value_name = "LAST_GOOD_AFTER", default_value = "3s", value_parser = duration)]
    pub last_good_after: Duration,
    /// Name the operator knows this proxy by; the host's, if it is not told.
    #[arg(long, env = "POD_NAME", value_name = "POD_NAME")]
    pub name: Option<String>,
    /// Address to listen at.
    #[arg(long, env = "HOST", value_name = "HOST", default_value = "0.0.0.0")]
    pub host: IpAddr,
    /// Port to listen at; 0: any that is free.
    #[arg(long, env = "PORT", value_name = "PORT", default_value_t = 18000)]
    pub port: u16,
    /// PEM file of the certificate to serve with, and those between it and its authority: clients must speak TLS then.
    /// Read again when it changes.
    #[arg(long, env = "TLS_CERT_FILE", value_name = "TLS_CERT_FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// PEM file of the certificate's private key.
    #[arg(long, env = "TLS_KEY_FILE", value_name = "TLS_KEY_FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// What providers may use of this program's own identities.
    #[command(flatten)]
    pub own: Own,
    /// File to write the address to once it is listened at.
    #[arg(long, env = "PORT_FILE", value_name = "PORT_FILE")]
    pub port_file: Option<PathBuf>,
    /// Most bytes of a request body.
    #[arg(long, env = "MAX_BODY_BYTES", value_name = "MAX_BODY_BYTES", default_value_t = 32 * 1024 * 1024)]
    pub max_body: u64,
    /// How long to take connections after SIGTERM, while others learn that this proxy is not ready any more.
    #[arg(long, env = "DRAIN_GRACE", value_name = "DRAIN_GRACE", default_value = "5s", value_parser = duration)]
    pub drain_grace: Duration,
    /// How long after SIGTERM streams may run on.
    #[arg(long, env = "DRAIN_DEADLINE", value_name = "DRAIN_DEADLINE", default_value = "5m", value_parser = duration)]
    pub drain_deadline: Duration,
    /// Tell clients the version of the configuration in `x-llm-proxy-config-version`.
    #[arg(long, env = "EXPOSE_CONFIG_VERSION", value_name = "EXPOSE_CONFIG_VERSION", num_args = 0..=1,
          default_value_t = false, default_missing_value = "true")]
    pub expose_config_version: bool,
    /// What of this program's own log to write: error, warn, info, debug or trace.
    #[arg(long, env = "LOG_LEVEL", value_name = "LOG_LEVEL", default_value = "info")]
    pub log_level: tracing::Level,
    /// How this program's own log looks.
    #[arg(long, env = "LOG_FORMAT", value_name = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
    /// Write a line for each request.
    #[arg(long, env = "ACCESS_LOG", value_name = "ACCESS_LOG", num_args = 0..=1, require_equals = true,
          default_value_t = true, default_missing_value = "true")]
    pub access_log: bool,
}

/// How a log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

/// A number and a unit: `500ms`, `5s`, `2m`, `1h`. At most a year.
fn duration(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "expected a number and one of ms, s, m, h, like 5s; at most 8760h";
    let unit = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(WRONG)?;
    let number: u64 = text[..text.len() - unit.len()].parse().map_err(|_| WRONG)?;
    let millis = number.checked_mul(*millis).filter(|millis| *millis <= 8760 * 3_600_000).ok_or(WRONG)?;
    Ok(Duration::from_millis(millis))
}

/// An http or https URL without a path.
fn server(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "expected a URL without a path, like http://metadata.google.internal";
    let url: http::Uri = text.trim().parse().map_err(|_| WRONG)?;
    let known =
        matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|host| !host.is_empty());
    if !known || url.path() != "/" || url.query().is_some() {
        return Err(WRONG);
    }
    Ok(text.trim().trim_end_matches('/').to_owned())
}

/// An https URL without a path.
fn https(text: &str) -> Result<String, &'static str> {
    let url: http::Uri = text.trim().parse().map_err(|_| "expected a URL like https://llm-operator:9443")?;
    if url.scheme_str() != Some("https") || url.host().is_none_or(str::is_empty) {
        return Err("expected an https URL, like https://llm-operator:9443");
    }
    if url.path() != "/" || url.query().is_some() {
        return Err("expected a URL without a path");
    }
    Ok(text.trim().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests;
