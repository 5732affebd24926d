//! A Kubernetes API server: one of our own, or the cluster of the current kubectl context.

use crate::Result;
use crate::objects::Objects;
use crate::{manifest, programs, wait};
use anyhow::{Context as _, bail, ensure};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// A running API server with our CRDs.
#[derive(Debug)]
pub struct Cluster {
    kubeconfig: Kubeconfig,
    /// What `KUBECONFIG` has to be for another program; `None`: as it is.
    path: Option<PathBuf>,
    own: Option<Own>,
}

/// A control plane that ends when its standard input closes, so with this process at the latest.
#[derive(Debug)]
struct Own {
    child: Child,
    programs: PathBuf,
    dir: PathBuf,
}

impl Cluster {
    /// The one all tests of this process share. With `CLUSTER=current` it is that of the current kubectl context.
    ///
    /// # Errors
    /// When it does not start, or `CLUSTER` has another value.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();
        static INSTALLED: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
        let cluster = SHARED
            .get_or_init(|| Self::choose().map_err(|error| format!("{error:#}")))
            .as_ref()
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        INSTALLED.get_or_try_init(|| cluster.install_crds()).await?;
        Ok(cluster)
    }

    /// A control plane of its own, whose parts a test may kill.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn private() -> Result<Self> {
        let cluster = Self::start()?;
        cluster.install_crds().await?;
        Ok(cluster)
    }

    fn choose() -> Result<Self> {
        match std::env::var("CLUSTER").unwrap_or_default().as_str() {
            "" | "own" => Self::start(),
            "current" => Self::current(),
            other => bail!("CLUSTER={other:?}: leave it out, or say current"),
        }
    }

    fn current() -> Result<Self> {
        let kubeconfig = Kubeconfig::read()?;
        let context = kubeconfig.current_context.clone().context("kubectl has no current context")?;
        let server = server_of(&kubeconfig).unwrap_or_default();
        // Straight to standard error, so that it is seen even where the harness captures output.
        eprint_line(&format!(
            "CLUSTER=current: using the context {context} ({server}), installing CRDs there"
        ));
        Ok(Self { kubeconfig, path: None, own: None })
    }

    fn start() -> Result<Self> {
        let script = programs::root().join("tests/control-plane/build");
        let built = Command::new(&script)
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| script.display().to_string())?;
        let folder = String::from_utf8(built.stdout)?;
        ensure!(built.status.success(), "{} failed: what it needs stands above", script.display());
        let programs = PathBuf::from(folder.lines().last().context("the build names no folder")?);
        let mut child = Command::new(programs.join("control-plane"))
            .args(["up", "--until-stdin-closes"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("no standard output")?;
        BufReader::new(stdout.take(65_536)).read_line(&mut line)?;
        ensure!(!line.is_empty(), "the control plane did not start");
        let path = PathBuf::from(line.trim_end());
        let dir = path.parent().context("the kubeconfig is in no folder")?.to_owned();
        let kubeconfig = Kubeconfig::read_from(&path)?;
        Ok(Self { kubeconfig, path: Some(path), own: Some(Own { child, programs, dir }) })
    }

    /// A client with every right. A client belongs to the runtime it was made on, so each test makes its own.
    ///
    /// # Errors
    /// When the kubeconfig is of no use.
    pub async fn objects(&self) -> Result<Objects> {
        let config = self.config().await?;
        Ok(Objects::new(Client::try_from(config)?))
    }

    /// What a client of this cluster needs.
    ///
    /// # Errors
    /// When the kubeconfig is of no use.
    pub async fn config(&self) -> Result<Config> {
        let options = KubeConfigOptions::default();
        Ok(Config::from_custom_kubeconfig(self.kubeconfig.clone(), &options).await?)
    }

    /// `kubectl`, as the administrator.
    #[must_use]
    pub fn kubectl(&self) -> Command {
        let mut command = match &self.own {
            Some(own) => Command::new(own.programs.join("kubectl")),
            None => Command::new("kubectl"),
        };
        if let Some(path) = &self.path {
            command.env("KUBECONFIG", path);
        }
        command
    }

    /// Path of the kubeconfig, when it is one of our own.
    #[must_use]
    pub fn kubeconfig(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The kubeconfig of a user with a token, instead of the administrator's.
    ///
    /// # Errors
    /// When the kubeconfig names no cluster.
    pub fn kubeconfig_with_token(&self, token: &str) -> Result<String> {
        let mut one = serde_json::to_value(&self.kubeconfig)?;
        let cluster = current_cluster(&self.kubeconfig).context("the kubeconfig names no cluster")?;
        one["users"] = serde_json::json!([{"name": "token", "user": {"token": token}}]);
        one["contexts"] =
            serde_json::json!([{"name": "token", "context": {"cluster": cluster, "user": "token"}}]);
        one["current-context"] = "token".into();
        Ok(one.to_string())
    }

    /// Kills (`stop`), starts or restarts a component of a control plane of our own.
    ///
    /// # Errors
    /// When it fails, or the cluster is not ours.
    pub fn component(&self, verb: &str, component: &str) -> Result<()> {
        let own = self.own.as_ref().context("this cluster is not ours to disturb")?;
        let output = Command::new(own.programs.join("control-plane"))
            .args([verb, "--dir"])
            .arg(&own.dir)
            .arg(component)
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "control-plane {verb} {component}: {said}");
        Ok(())
    }

    async fn install_crds(&self) -> Result<()> {
        let objects = self.objects().await?;
        for crd in manifest::read(&programs::root().join("crds/yaml"))? {
            objects.apply(&crd).await?;
            let name = crd["metadata"]["name"].as_str().unwrap_or_default();
            objects
                .until(("CustomResourceDefinition", "", name), "to be established", |object| {
                    let established = crate::objects::condition(object, "Established")?;
                    ensure!(established.status == "True", "{established:?}");
                    Ok(())
                })
                .await?;
        }
        wait::until("the CRDs to be served", || async {
            objects.list("LLMProvider", "default").await?;
            objects.list("MasterKey", "default").await
        })
        .await?;
        Ok(())
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _status = self.child.wait();
    }
}

fn current_cluster(kubeconfig: &Kubeconfig) -> Option<String> {
    let name = kubeconfig.current_context.as_ref()?;
    let context = kubeconfig.contexts.iter().find(|context| &context.name == name)?;
    Some(context.context.as_ref()?.cluster.clone())
}

fn server_of(kubeconfig: &Kubeconfig) -> Option<String> {
    let name = current_cluster(kubeconfig)?;
    kubeconfig.clusters.iter().find(|cluster| cluster.name == name)?.cluster.as_ref()?.server.clone()
}

fn eprint_line(line: &str) {
    use std::io::Write as _;
    let _closed = writeln!(std::io::stderr().lock(), "{line}");
}
