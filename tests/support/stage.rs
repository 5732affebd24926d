//! A stage for one test: namespaces of its own, the manifests' ServiceAccounts and RBAC, operators and proxies as
//! processes that use them.

mod operator;
mod proxy;
mod rbac;

pub use operator::{Operator, OperatorOptions};
pub use proxy::{Proxy, ProxyOptions, echo_of};

use crate::Result;
use crate::cluster::Cluster;
use crate::credentials::{self, OPERATOR_AUDIENCE};
use crate::objects::Objects;
use crate::programs;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A test's part of a cluster.
pub struct Stage<'a> {
    /// The cluster it is in.
    pub cluster: &'a Cluster,
    /// Its objects, as the administrator.
    pub objects: Objects,
    /// Where the operator is.
    pub system: String,
    /// Where the test's objects are.
    pub app: String,
    /// Logs and files.
    pub dir: PathBuf,
}

impl<'a> Stage<'a> {
    /// Makes the namespaces `NAME` and `NAME-system`, with a random part in a cluster that is not ours, and the RBAC.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn set(cluster: &'a Cluster, name: &str) -> Result<Self> {
        let objects = cluster.objects().await?;
        let dir = programs::folder(name)?;
        let unique = match cluster.kubeconfig() {
            Some(_) => name.to_owned(),
            None => format!("{name}-{:04x}", rand::random::<u16>()),
        };
        let stage = Self { cluster, objects, system: format!("{unique}-system"), app: unique, dir };
        stage.namespace(&stage.system, &json!({})).await?;
        stage.namespace(&stage.app, &json!({})).await?;
        rbac::install(&stage.objects, &stage.system).await?;
        Ok(stage)
    }

    /// Makes a namespace with these labels.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn namespace(&self, name: &str, labels: &Value) -> Result<()> {
        let object =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        self.objects.apply(&object).await.map(drop)
    }

    /// Starts an operator with the rights the manifests give it, watching the stage's own namespaces.
    ///
    /// # Errors
    /// When it does not start to listen.
    pub async fn operator(&self, name: &str) -> Result<Operator> {
        let watch = vec![self.system.clone(), self.app.clone()];
        Operator::start(self, name, OperatorOptions { watch, ..OperatorOptions::default() }).await
    }

    /// Starts a proxy that dials these operators, and waits until it has a configuration.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn proxy(&self, name: &str, operators: &[&Operator]) -> Result<Proxy> {
        let options = self.proxy_options(operators).await?;
        let proxy = Proxy::start(&self.dir, name, options).await?;
        proxy.until_ready().await?;
        Ok(proxy)
    }

    /// What a proxy needs to dial these operators.
    ///
    /// # Errors
    /// When the token or the authority cannot be had.
    pub async fn proxy_options(&self, operators: &[&Operator]) -> Result<ProxyOptions> {
        let ca = self.dir.join("operator-ca.crt");
        credentials::authority(&self.objects, &self.system, &ca).await?;
        let token = self.dir.join("proxy-token");
        std::fs::write(&token, self.proxy_token().await?)?;
        let urls = operators
            .iter()
            .map(|operator| format!("https://localhost:{}", operator.config.port()))
            .collect();
        Ok(ProxyOptions { operators: urls, ca: Some(ca), token: Some(token), ..ProxyOptions::default() })
    }

    /// A token as proxies have it.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn proxy_token(&self) -> Result<String> {
        credentials::token(&self.objects, &self.system, rbac::PROXY_ACCOUNT, Some(OPERATOR_AUDIENCE)).await
    }

    /// A token of the operator for the API server.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn operator_token(&self) -> Result<String> {
        credentials::token(&self.objects, &self.system, rbac::OPERATOR_ACCOUNT, None).await
    }

    /// Applies YAML to the stage's app namespace.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn apply(&self, yaml: &str) -> Result<()> {
        for mut object in crate::manifest::parse(yaml)? {
            if object["metadata"]["namespace"].is_null() {
                object["metadata"]["namespace"] = self.app.as_str().into();
            }
            self.objects.apply(&object).await?;
        }
        Ok(())
    }

    /// An object of the stage's app namespace, for [`Objects::until`].
    #[must_use]
    pub fn of<'s>(&'s self, kind: &'s str, name: &'s str) -> (&'s str, &'s str, &'s str) {
        (kind, &self.app, name)
    }

    /// A folder of the stage.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        Path::new(&self.dir).join(name)
    }
}

impl Drop for Stage<'_> {
    /// A cluster of our own goes away altogether; someone else's gets its namespaces back.
    fn drop(&mut self) {
        if self.cluster.kubeconfig().is_none() {
            let mut kubectl = self.cluster.kubectl();
            kubectl.args(["delete", "namespace", "--wait=false", &self.app, &self.system]);
            let _reported_by_kubectl = kubectl.status();
            let mut kubectl = self.cluster.kubectl();
            kubectl.args(["delete", "clusterrole,clusterrolebinding", "-l"]);
            kubectl.arg(format!("{}={}", rbac::STAGE_LABEL, self.system));
            let _reported_by_kubectl = kubectl.status();
        }
    }
}
