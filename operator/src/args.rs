//! Flags and environment variables. Everything is checked here, before anything is bound or called.

use clap::{Args, Parser, Subcommand, ValueEnum};
use hyper::Uri;
use llm_crds::duration::Duration;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// The control plane of llm-proxy: compiles LLMProviders and MasterKeys and streams them to the proxies.
#[derive(Debug, Parser)]
#[command(name = "llm-operator", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the operator until SIGTERM or SIGINT.
    Run(Box<Run>),
}

/// Settings of `run`.
#[derive(Clone, Debug, Args)]
pub struct Run {
    /// Namespace of the operator: where its Lease, its CA and the last good snapshot are kept.
    #[arg(long, env = "POD_NAMESPACE", value_name = "NS", value_parser = label)]
    pub namespace: String,
    /// Name of this replica, unique among the replicas: the holder of the Lease. Default: the host name and
    /// something random.
    #[arg(long, env = "POD_NAME", value_name = "NAME", default_value_t = unique_name(), value_parser = identity)]
    pub identity: String,
    /// Namespaces to watch, comma separated. Default: all.
    #[arg(long, env = "WATCH_NAMESPACES", value_name = "NS,…", default_value = "", value_parser = Namespaces::from_str)]
    pub watch_namespaces: Namespaces,
    /// Where the proxies connect (TLS).
    #[arg(long, env = "CONFIG_LISTEN", value_name = "ADDR", default_value = "0.0.0.0:9443")]
    pub config_listen: SocketAddr,
    /// Where /livez, /readyz and /metrics answer.
    #[arg(long, env = "HEALTH_LISTEN", value_name = "ADDR", default_value = "0.0.0.0:8080")]
    pub health_listen: SocketAddr,
    /// File to write the bound addresses to, as `config=ADDR` and `health=ADDR` lines.
    #[arg(long, env = "PORT_FILE", value_name = "FILE")]
    pub port_file: Option<PathBuf>,
    /// URL of the proxies for clients, written into generated Secrets. Default: `http://llm-proxy.NS.svc:18000`.
    #[arg(long, env = "PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    pub public_url: Option<String>,
    /// ServiceAccounts the proxies run as, comma separated. Default: `llm-proxy` of the operator's namespace.
    #[arg(long, env = "PROXY_SERVICE_ACCOUNT", value_name = "NS:NAME,…", value_delimiter = ',', value_parser = account)]
    pub proxy_service_account: Vec<String>,
    /// More names for the serving certificate, comma separated.
    #[arg(long, env = "TLS_NAMES", value_name = "NAME,…", value_delimiter = ',', value_parser = tls_name)]
    pub tls_names: Vec<String>,
    /// Name of the Lease that decides which replica leads.
    #[arg(long, env = "LEASE_NAME", value_name = "NAME", default_value = "llm-operator", value_parser = label)]
    pub lease_name: String,
    /// How long a leader that is gone keeps the Lease; at least 1s.
    #[arg(long, env = "LEASE_DURATION", value_name = "DURATION", default_value = "15s", value_parser = lease_duration)]
    pub lease_duration: Duration,
    /// What to log: error, warn, info, debug or trace, or a filter like `info,llm_operator::publish=debug`.
    #[arg(long, env = "LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    pub log_level: String,
    /// How to log.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
}

/// Form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// The namespaces to watch; none named means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces(pub Vec<String>);

impl Run {
    /// The URL of the proxies for clients, without a trailing slash.
    #[must_use]
    pub fn public_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://llm-proxy.{}.svc:18000", self.namespace))
    }

    /// The user names the API server gives the proxies' ServiceAccounts.
    #[must_use]
    pub fn proxy_users(&self) -> Vec<String> {
        let accounts = match self.proxy_service_account.is_empty() {
            true => vec![format!("{}:llm-proxy", self.namespace)],
            false => self.proxy_service_account.clone(),
        };
        accounts.iter().map(|account| format!("system:serviceaccount:{account}")).collect()
    }

    /// Every name the serving certificate is for.
    #[must_use]
    pub fn certificate_names(&self) -> Vec<String> {
        let ns = &self.namespace;
        let always = [
            "llm-operator".to_owned(),
            format!("llm-operator.{ns}"),
            format!("llm-operator.{ns}.svc"),
            format!("*.llm-operator.{ns}.svc"),
            "localhost".to_owned(),
            "127.0.0.1".to_owned(),
            "::1".to_owned(),
        ];
        always.into_iter().chain(self.tls_names.iter().filter(|name| !name.is_empty()).cloned()).collect()
    }
}

impl FromStr for Namespaces {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut names: Vec<String> = text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(label)
            .collect::<Result<_, _>>()?;
        names.sort();
        names.dedup();
        Ok(Self(names))
    }
}

/// Two replicas on one host must not take each other for themselves.
fn unique_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "llm-operator" } else { host.trim() };
    format!("{host}-{:08x}", rand::random::<u32>())
}

/// A DNS label (RFC 1123), as names of namespaces are.
fn label(text: &str) -> Result<String, String> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| *byte != b'-');
    let bytes = text.as_bytes();
    match bytes.len() <= 63 && bytes.iter().all(|b| inner(*b)) && edge(bytes.first()) && edge(bytes.last()) {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?} is no name: lower case letters, digits and inner hyphens, up to 63")),
    }
}

fn identity(text: &str) -> Result<String, String> {
    match (1..=253).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err("1 to 253 printable characters expected".to_owned()),
    }
}

fn account(text: &str) -> Result<String, String> {
    let (namespace, name) = text.split_once(':').ok_or_else(|| format!("{text:?} is not NAMESPACE:NAME"))?;
    label(namespace)?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    match (1..=253).contains(&name.len()) && name.bytes().all(plain) {
        true => Ok(text.to_owned()),
        false => Err(format!("{name:?} is no name of a ServiceAccount")),
    }
}

fn tls_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-.:*".contains(c);
    match text.chars().all(plain) && text.len() <= 253 {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?} is neither a DNS name nor an IP address")),
    }
}

fn public_url(text: &str) -> Result<String, String> {
    let uri: Uri = text.parse().map_err(|error| format!("no URL: {error}"))?;
    let http = matches!(uri.scheme_str(), Some("http" | "https"));
    match http && uri.host().is_some() && uri.query().is_none() {
        true => Ok(text.trim_end_matches('/').to_owned()),
        false => Err("an http or https URL without a query is expected".to_owned()),
    }
}

fn lease_duration(text: &str) -> Result<Duration, String> {
    let duration: Duration =
        text.parse().map_err(|error: llm_crds::duration::InvalidDuration| error.to_string())?;
    match duration.as_millis() >= 1_000 {
        true => Ok(duration),
        false => Err("at least 1s is needed".to_owned()),
    }
}

#[cfg(test)]
mod tests;
