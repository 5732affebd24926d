//! Tests against a real Kubernetes API server, with the programs as processes. All share one control plane; each has
//! namespaces of its own. `CLUSTER=current` uses the current kubectl context instead.

mod access;
mod canary;
mod crd;
mod crowd;
mod generated;
mod laggards;
mod leaders;
mod lifecycle;
mod outage;
mod swap;
