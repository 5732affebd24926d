//! The plain proxy the ratios are against: nginx doing the same hop, with keep-alive to the upstream and an
//! access log, and nothing else.

use crate::process::{Process, free_port, wait_for_port};
use anyhow::Result;
use std::path::Path;
use std::process::{Command, Stdio};

/// Starts nginx in front of `upstream`; gives it and its port.
pub(crate) fn start(scratch: &Path, upstream: u16) -> Result<(Process, u16)> {
    let port = free_port()?;
    let dir = scratch.join("nginx");
    std::fs::create_dir_all(&dir)?;
    let at = dir.display();
    let config = format!(
        "daemon off;\nworker_processes 2;\npid {at}/pid;\nerror_log {at}/error.log;\nuser root;\n\
         events {{ worker_connections 2048; }}\n\
         http {{\n  access_log {at}/access.log combined buffer=64k;\n  client_body_temp_path {at}/body;\n\
         proxy_temp_path {at}/proxy;\n  fastcgi_temp_path {at}/fastcgi;\n  uwsgi_temp_path {at}/uwsgi;\n  scgi_temp_path {at}/scgi;\n\
         client_body_buffer_size 1m;\n  keepalive_requests 1000000;\n\
         upstream provider {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 1000000; }}\n\
         server {{\n    listen 127.0.0.1:{port};\n    location / {{\n      proxy_pass http://provider;\n\
         proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n      proxy_buffering off;\n    }}\n  }}\n}}\n"
    );
    let file = dir.join("nginx.conf");
    std::fs::write(&file, config)?;
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&file).arg("-p").arg(&dir).stdout(Stdio::null()).stderr(Stdio::null());
    let process = Process::start(&mut command)?;
    wait_for_port(port)?;
    Ok((process, port))
}
