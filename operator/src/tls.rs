//! TLS of the config server: an authority of our own, kept in a Secret, and certificates made from it in
//! memory. Nothing needs a restart: connections take whatever certificate is newest.

mod authority;
mod keyring;
mod serving;

pub use authority::{Authority, AuthorityError};
pub use keyring::Keyring;
pub use serving::{CurrentCertificate, config};

use crate::kubernetes::{CallError, FIELD_MANAGER, Failures, MANAGED_BY, MANAGED_BY_LABEL, bounded};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Name of the Secret with the authority, and of the ConfigMap with its public part.
pub const NAME: &str = "llm-operator-ca";
/// Key of the ConfigMap that holds the trusted certificates.
const BUNDLE: &str = "ca.crt";
/// How often the authority is looked at.
const LOOK: Duration = Duration::from_secs(60);
/// Pause after something failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
enum UpkeepError {
    #[error("{0}")]
    Call(#[from] CallError),
    #[error("Secret {NAME}: {0}")]
    Authority(#[from] AuthorityError),
}

/// Keeps authority, ConfigMap and certificate in order.
pub struct Upkeep {
    /// Secrets of the operator's namespace.
    pub secrets: Api<Secret>,
    /// ConfigMaps of the operator's namespace.
    pub config_maps: Api<ConfigMap>,
    /// Names the certificate is for.
    pub names: Vec<String>,
    /// Where the certificate goes.
    pub certificate: Arc<CurrentCertificate>,
    /// Whether this replica leads: only the leader renews the authority.
    pub leading: watch::Receiver<bool>,
}

impl Upkeep {
    /// Runs until `stop`. `ready` becomes true with the first certificate.
    pub async fn run(mut self, ready: watch::Sender<bool>, stop: CancellationToken) {
        let (mut held, mut failures) = (None, Failures::default());
        loop {
            let pause = match self.look(&mut held).await {
                Ok(()) => {
                    ready.send_replace(true);
                    failures.over();
                    LOOK
                }
                Err(error) => {
                    if failures.one_more() {
                        warn!(%error, "the certificate authority is not in order");
                    }
                    PAUSE
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                changed = self.leading.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn look(&self, held: &mut Option<Keyring>) -> Result<(), UpkeepError> {
        let now = SystemTime::now();
        let leads = *self.leading.borrow();
        let (secret, mut keyring) = match bounded(self.secrets.get_opt(NAME)).await? {
            Some(secret) => {
                let keyring = Keyring::read(&data(&secret))?;
                (secret, keyring)
            }
            None => self.create(held.as_ref(), now).await?,
        };
        let ours =
            secret.metadata.labels.iter().flatten().any(|(k, v)| k == MANAGED_BY_LABEL && v == MANAGED_BY);
        if leads && ours {
            while let Some(turned) = keyring.turn(now)? {
                info!("certificate authority: next step of its rotation");
                keyring = turned;
            }
            if keyring.data() != data(&secret) {
                self.replace(secret, &keyring).await?;
            }
        }
        self.trust(&keyring, leads).await?;
        self.certificate.keep(keyring.current(), &self.names, now)?;
        *held = Some(keyring);
        Ok(())
    }

    /// Makes the Secret, with the authority this replica still knows or else a new one. Of two replicas that
    /// try, the slower one takes what the faster one made.
    async fn create(
        &self,
        held: Option<&Keyring>,
        now: SystemTime,
    ) -> Result<(Secret, Keyring), UpkeepError> {
        let keyring = match held {
            Some(keyring) => keyring.clone(),
            None => Keyring::new(Authority::make(now)?),
        };
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(NAME.to_owned()),
                labels: Some(labels()),
                ..ObjectMeta::default()
            },
            type_: Some("kubernetes.io/tls".to_owned()),
            data: Some(bytes(keyring.data())),
            ..Secret::default()
        };
        match bounded(self.secrets.create(&PostParams::default(), &secret)).await {
            Ok(made) => {
                info!("certificate authority made");
                Ok((made, keyring))
            }
            Err(error) if error.is_conflict() => {
                let secret = bounded(self.secrets.get(NAME)).await?;
                let keyring = Keyring::read(&data(&secret))?;
                Ok((secret, keyring))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the Secret over the one that was read; a conflict is tried again from the start.
    async fn replace(&self, mut secret: Secret, keyring: &Keyring) -> Result<(), UpkeepError> {
        secret.metadata.managed_fields = None;
        secret.data = Some(bytes(keyring.data()));
        bounded(self.secrets.replace(NAME, &PostParams::default(), &secret)).await?;
        Ok(())
    }

    /// Publishes the certificates to trust. Whoever finds none writes them; only the leader corrects them,
    /// since another replica may not have seen the last step of a rotation.
    async fn trust(&self, keyring: &Keyring, leads: bool) -> Result<(), UpkeepError> {
        let bundle = keyring.bundle();
        let there = bounded(self.config_maps.get_opt(NAME)).await?;
        let same = |map: &ConfigMap| map.data.iter().flatten().any(|(k, v)| k == BUNDLE && *v == bundle);
        match there {
            Some(map) if same(&map) || !leads => return Ok(()),
            Some(_) => info!("certificate authority: published anew"),
            None => {}
        }
        let map = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": NAME, "labels": labels()},
            "data": {BUNDLE: bundle},
        });
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        bounded(self.config_maps.patch(NAME, &parameters, &Patch::Apply(&map))).await?;
        Ok(())
    }
}

fn labels() -> BTreeMap<String, String> {
    BTreeMap::from([(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned())])
}

fn data(secret: &Secret) -> BTreeMap<String, Vec<u8>> {
    secret.data.iter().flatten().map(|(key, value)| (key.clone(), value.0.clone())).collect()
}

fn bytes(data: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, ByteString> {
    data.into_iter().map(|(key, value)| (key, ByteString(value))).collect()
}
