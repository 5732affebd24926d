//! The steps of the tour.

use crate::say::Narrator;
use anyhow::{Context as _, ensure};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;
use support::cluster::Cluster;
use support::fake::{Echo, Provider};
use support::load::{Load, Plan};
use support::stage::{Operator, OperatorOptions, Proxy, Stage};
use support::{Result, objects, programs, wait};

const OBJECTS: &str = include_str!("objects.yaml");
/// Connections of the load.
const CONNECTIONS: usize = 32;
/// Answers to wait for before and after the edit.
const ANSWERS: u64 = 500;

/// Everything that runs.
pub(crate) struct Tour<'a> {
    narrator: &'a Narrator,
    stage: Stage<'a>,
    proxies: [Proxy; 2],
    key: String,
    _operator: Operator,
    _fake: Provider,
}

impl<'a> Tour<'a> {
    /// Starts the programs and applies the objects.
    pub(crate) async fn begin(narrator: &'a Narrator, cluster: &'a Cluster) -> Result<Tour<'a>> {
        let version = cluster.objects().await?.client().apiserver_version().await?;
        narrator.fact(format!("Kubernetes {} serves llmproviders and masterkeys", version.git_version));
        let stage = Stage::set(cluster, "demo").await?;

        narrator.step("llm-operator and two llm-proxys");
        let watch = vec![stage.app.clone(), stage.system.clone()];
        let options = OperatorOptions { watch, log_level: "info", ..OperatorOptions::default() };
        let operator = Operator::start(&stage, "llm-operator", options).await?;
        let proxies = [
            stage.proxy("llm-proxy-0", &[&operator]).await?,
            stage.proxy("llm-proxy-1", &[&operator]).await?,
        ];
        for proxy in &proxies {
            proxy.until_ready().await?;
            narrator.fact(format!(
                "{} at http://{}, process {}",
                proxy.name,
                proxy.address,
                proxy.process.id()
            ));
        }

        narrator.step("kubectl apply: a Mock provider, an OpenAI-compatible one, and a MasterKey");
        let fake = Provider::start().await?;
        let manifests = OBJECTS.replace("FAKE_URL", &fake.url("slow-20"));
        let applied = kubectl(&stage, &["apply", "-f", "-"], Some(&manifests))?;
        narrator.quote(&applied);
        for (kind, name) in [("LLMProvider", "mock"), ("LLMProvider", "compatible"), ("MasterKey", "demo")] {
            let object =
                stage.objects.until_condition(kind, &stage.app, name, ("Programmed", "True")).await?;
            narrator.fact(format!("{name}: {}", objects::condition(&object, "Programmed")?.message));
        }
        let secret = stage.objects.get("Secret", &stage.app, "demo-llm").await?;
        let key =
            objects::decode(secret["data"]["OPENAI_API_KEY"].as_str().context("no key in the Secret")?)?;
        Ok(Tour { narrator, stage, proxies, key, _operator: operator, _fake: fake })
    }

    /// The official client streams an answer of each provider through each proxy.
    pub(crate) async fn talk(&self) -> Result<()> {
        self.narrator.step("The official openai client streams through both proxies");
        let environment = programs::root().join("tests/sdk/environment");
        let made = Command::new(&environment).stderr(Stdio::inherit()).output()?;
        let folder = String::from_utf8(made.stdout)?;
        ensure!(made.status.success(), "{} failed: what it needs stands above", environment.display());
        let python = format!("{}/bin/python", folder.lines().last().context("no folder")?);
        for proxy in &self.proxies {
            for model in ["mock", "chat"] {
                print!("          {} {model}: ", proxy.name);
                std::io::stdout().flush()?;
                let status = Command::new(&python)
                    .arg("-B")
                    .arg(programs::root().join("tests/sdk/chat.py"))
                    .args([model, "Hello?"])
                    .env("OPENAI_API_KEY", &self.key)
                    .env("OPENAI_BASE_URL", format!("http://{}/v1", proxy.address))
                    .status()?;
                ensure!(status.success(), "the client failed");
            }
        }
        Ok(())
    }

    /// `kubectl edit` while requests and streams run.
    pub(crate) async fn edit_under_load(&self) -> Result<()> {
        self.narrator.step(format!("kubectl edit while {CONNECTIONS} connections post and stream"));
        let plan = Plan {
            proxies: self.proxies.iter().map(|proxy| proxy.address).collect(),
            connections: CONNECTIONS,
            key: self.key.clone(),
            model: "chat".to_owned(),
            pause: Duration::ZERO,
        };
        let load = Load::start(&plan, |echo: &Echo| Ok(echo.model.clone()));
        self.until_answered(&load, ANSWERS).await?;
        let editor = "sed -i s/model-before/model-after/";
        self.narrator.fact(format!("KUBE_EDITOR='{editor}' kubectl edit llmprovider compatible"));
        let began = std::time::Instant::now();
        let mut command = self.kubectl_command();
        command.env("KUBE_EDITOR", editor).args(["edit", "llmprovider", "compatible"]);
        self.narrator.quote(&output(command, None)?);
        for proxy in &self.proxies {
            proxy.until_echo(&self.key, "chat", |echo| echo.model == "model-after").await?;
        }
        self.narrator.fact(format!(
            "both proxies serve it, {:.1} s after kubectl began",
            began.elapsed().as_secs_f32()
        ));
        self.until_answered(&load, load.answered() + ANSWERS).await?;
        let tally = load.finish().await?;
        self.narrator.fact(format!(
            "{} requests, {} of them streams; {} failed; served as {}",
            tally.answered + tally.failed,
            tally.streamed,
            tally.failed,
            tally.generations.iter().cloned().collect::<Vec<_>>().join(" and "),
        ));
        tally.check()?;
        ensure!(tally.generations.len() == 2, "the swap was not seen: {:?}", tally.generations);
        Ok(())
    }

    async fn until_answered(&self, load: &Load, count: u64) -> Result<()> {
        wait::until("the load to be answered", || async {
            ensure!(load.answered() >= count, "{} of {count}", load.answered());
            Ok(())
        })
        .await
    }

    /// What the cluster says of it.
    pub(crate) fn show_status(&self) -> Result<()> {
        self.narrator.step("kubectl get llmp,mk");
        let shown = kubectl(&self.stage, &["get", "llmp,mk"], None)?;
        self.narrator.quote(&shown);
        let shown = kubectl(&self.stage, &["get", "llmp", "-o", "wide"], None)?;
        self.narrator.quote(&shown);
        Ok(())
    }

    /// How to go on by oneself.
    pub(crate) fn tell_where_it_is(&self) -> Result<()> {
        let [proxy, _] = &self.proxies;
        self.narrator.step("Yours to try");
        if let Some(path) = self.stage.cluster.kubeconfig() {
            self.narrator.fact(format!("export KUBECONFIG={}", path.display()));
        }
        let kubectl = self.stage.cluster.kubectl().get_program().to_owned();
        self.narrator.fact(format!("alias kubectl='{} -n {}'", kubectl.display(), self.stage.app));
        self.narrator.fact(format!("export OPENAI_BASE_URL=http://{}/v1", proxy.address));
        self.narrator.fact(format!("export OPENAI_API_KEY={}", self.key));
        self.narrator.fact(
            "curl -N $OPENAI_BASE_URL/chat/completions -H \"Authorization: Bearer $OPENAI_API_KEY\" \
             -d '{\"model\":\"mock\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}'",
        );
        self.narrator.fact(format!("logs: {}", self.stage.dir.display()));
        Ok(())
    }

    fn kubectl_command(&self) -> Command {
        let mut command = self.stage.cluster.kubectl();
        command.args(["--namespace", &self.stage.app]);
        command
    }
}

fn kubectl(stage: &Stage<'_>, arguments: &[&str], input: Option<&str>) -> Result<String> {
    let mut command = stage.cluster.kubectl();
    command.args(["--namespace", &stage.app]).args(arguments);
    output(command, input)
}

/// Runs it, and returns what it wrote to standard output.
fn output(mut command: Command, input: Option<&str>) -> Result<String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    stdin.write_all(input.unwrap_or_default().as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {errors}");
    Ok(String::from_utf8(output.stdout)?)
}
