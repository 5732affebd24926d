//! The settings of `serve`, in the form the parts take them.

mod own;

pub use own::Invalid;

use crate::api::{Settings, tls};
use crate::args::{LogFormat, Serve};
use crate::cloud::Own;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of `serve`.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the configuration comes from.
    pub source: Source,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The certificate to serve with; `None`: without TLS.
    pub tls: Option<tls::Files>,
    /// This program's own identities at clouds, as far as providers may use them.
    pub own: Own,
    /// File to write the address to.
    pub port_file: Option<PathBuf>,
    /// What the API is told.
    pub api: Settings,
    /// How long to take connections after SIGTERM.
    pub drain_grace: Duration,
    /// How long after SIGTERM streams may run on.
    pub drain_deadline: Duration,
    /// What of the program's own log to write.
    pub log_level: tracing::Level,
    /// How it looks.
    pub log_format: LogFormat,
    /// Write a line for each request.
    pub access_log: bool,
}

/// Where the configuration comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file or folder of manifests.
    File(PathBuf),
    /// The operator's config stream.
    Operator(Operator),
}

/// How to reach the operator, and what to do without it.
#[derive(Clone, Debug)]
pub struct Operator {
    /// `https://HOST[:PORT]`, at least one.
    pub urls: Vec<String>,
    /// PEM file of authorities; `None`: the well-known ones. Read at every connection.
    pub ca: Option<PathBuf>,
    /// File of the token; `None`: none is shown. Read at every use.
    pub token: Option<PathBuf>,
    /// Name the certificate must be for; `None`: the URL's host.
    pub server_name: Option<String>,
    /// Folder of the last good snapshot.
    pub last_good: Option<PathBuf>,
    /// How long to try the operator before starting from it.
    pub last_good_after: Duration,
    /// Name of this proxy.
    pub proxy: String,
}

impl TryFrom<Serve> for Config {
    type Error = Invalid;

    fn try_from(serve: Serve) -> Result<Self, Invalid> {
        let source = match serve.config {
            Some(path) => Source::File(path),
            None => Source::Operator(Operator {
                urls: serve.operator,
                ca: serve.operator_ca,
                token: serve.operator_token,
                server_name: serve.operator_server_name,
                last_good: serve.last_good,
                last_good_after: serve.last_good_after,
                proxy: serve.name.unwrap_or_else(host_name),
            }),
        };
        Ok(Self {
            source,
            listen: SocketAddr::new(serve.host, serve.port),
            tls: serve.tls_cert.zip(serve.tls_key).map(|(certificate, key)| tls::Files { certificate, key }),
            own: serve.own.try_into()?,
            port_file: serve.port_file,
            api: Settings { max_body: serve.max_body, expose_config_version: serve.expose_config_version },
            drain_grace: serve.drain_grace,
            drain_deadline: serve.drain_deadline,
            log_level: serve.log_level,
            log_format: serve.log_format,
            access_log: serve.access_log,
        })
    }
}

/// The name of the host, as Linux tells it.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "llm-proxy".to_owned(),
        name => name.to_owned(),
    }
}
