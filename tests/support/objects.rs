//! Kubernetes objects as JSON: apply, get, change, delete, and what their status says.

use crate::Result;
use crate::wait;
use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde::Deserialize;
use serde_json::{Value, json};

/// Field manager of everything a test writes.
const MANAGER: &str = "llm-tests";
/// Kinds the tests use that have no namespace.
const CLUSTER_KINDS: &[&str] =
    &["Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PriorityClass"];
/// Kind and apiVersion of what tests ask for by kind alone.
const VERSIONS: &[(&str, &str)] = &[
    ("LLMProvider", llm_crds::API_VERSION),
    ("MasterKey", llm_crds::API_VERSION),
    ("Lease", "coordination.k8s.io/v1"),
    ("Event", "events.k8s.io/v1"),
    ("CustomResourceDefinition", "apiextensions.k8s.io/v1"),
];

/// The objects of a cluster, as one user sees them.
#[derive(Clone)]
pub struct Objects {
    client: Client,
}

/// A condition of a status.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Accepted, Programmed and so on.
    #[serde(rename = "type")]
    pub type_: String,
    /// True, False, Unknown.
    pub status: String,
    /// For programs.
    pub reason: String,
    /// For people.
    pub message: String,
    /// The generation it is about.
    #[serde(default)]
    pub observed_generation: Option<i64>,
}

impl Objects {
    /// The objects `client` may see.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The client itself.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Server-side apply with strict field validation, taking over every field.
    ///
    /// # Errors
    /// As the API server says.
    pub async fn apply(&self, object: &Value) -> Result<Value> {
        let params = PatchParams::apply(MANAGER).force().validation_strict();
        self.patched(object, &params, &Patch::Apply(object)).await
    }

    /// [`apply`](Self::apply) without keeping the result.
    ///
    /// # Errors
    /// As the API server says.
    pub async fn dry_run(&self, object: &Value) -> Result<Value> {
        let params = PatchParams::apply(MANAGER).force().dry_run().validation_strict();
        self.patched(object, &params, &Patch::Apply(object)).await
    }

    /// Merges `change` into an object (RFC 7386).
    ///
    /// # Errors
    /// As the API server says.
    pub async fn change(&self, kind: &str, namespace: &str, name: &str, change: &Value) -> Result<Value> {
        let object = named(kind, namespace, name)?;
        self.patched(&object, &PatchParams::default(), &Patch::Merge(change)).await
    }

    async fn patched(&self, object: &Value, params: &PatchParams, patch: &Patch<&Value>) -> Result<Value> {
        let (api, name) = self.api_of(object)?;
        Ok(serde_json::to_value(api.patch(&name, params, patch).await?)?)
    }

    /// Creates an object.
    ///
    /// # Errors
    /// As the API server says.
    pub async fn create(&self, object: &Value) -> Result<Value> {
        let (api, _) = self.api_of(object)?;
        let typed: DynamicObject = serde_json::from_value(object.clone())?;
        Ok(serde_json::to_value(api.create(&PostParams::default(), &typed).await?)?)
    }

    /// Reads an object.
    ///
    /// # Errors
    /// As the API server says; 404 when it is not there.
    pub async fn get(&self, kind: &str, namespace: &str, name: &str) -> Result<Value> {
        let (api, name) = self.api_of(&named(kind, namespace, name)?)?;
        let object = api.get(&name).await.with_context(|| format!("{kind} {namespace}/{name}"))?;
        Ok(serde_json::to_value(object)?)
    }

    /// All objects of a kind in a namespace.
    ///
    /// # Errors
    /// As the API server says.
    pub async fn list(&self, kind: &str, namespace: &str) -> Result<Vec<Value>> {
        let (api, _) = self.api_of(&named(kind, namespace, "any")?)?;
        let list = api.list(&ListParams::default()).await?;
        list.items.iter().map(|item| Ok(serde_json::to_value(item)?)).collect()
    }

    /// Deletes an object and waits until it is gone.
    ///
    /// # Errors
    /// As the API server says.
    pub async fn delete(&self, kind: &str, namespace: &str, name: &str) -> Result<()> {
        let (api, name) = self.api_of(&named(kind, namespace, name)?)?;
        api.delete(&name, &DeleteParams::default()).await?;
        wait::until(format!("the end of {kind} {name}"), || async {
            ensure!(api.get_opt(&name).await?.is_none(), "it is still there");
            Ok(())
        })
        .await
    }

    /// Waits until a condition of an object has `status`, for the newest generation of the object.
    ///
    /// # Errors
    /// When it does not come to it; what the conditions said last is in the error.
    pub async fn until_condition(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        expected: (&str, &str),
    ) -> Result<Value> {
        let (type_, status) = expected;
        wait::until(format!("{kind} {namespace}/{name} to be {type_}={status}"), || async {
            let object = self.get(kind, namespace, name).await?;
            let found = condition(&object, type_)?;
            let current = found.observed_generation == object["metadata"]["generation"].as_i64();
            ensure!(
                found.status == status && current,
                "generation {} has {:?}",
                object["metadata"]["generation"],
                conditions(&object)?
            );
            Ok(object)
        })
        .await
    }

    /// Waits until an object satisfies `check`.
    ///
    /// # Errors
    /// When it does not come to it; what `check` said last is in the error.
    pub async fn until(
        &self,
        (kind, namespace, name): (&str, &str, &str),
        what: &str,
        check: impl Fn(&Value) -> Result<()>,
    ) -> Result<Value> {
        wait::until(format!("{kind} {namespace}/{name}: {what}"), || async {
            let object = self.get(kind, namespace, name).await?;
            check(&object)?;
            Ok(object)
        })
        .await
    }

    fn api_of(&self, object: &Value) -> Result<(Api<DynamicObject>, String)> {
        let text = |pointer: &str| {
            object.pointer(pointer).and_then(Value::as_str).with_context(|| format!("{pointer} is missing"))
        };
        let (kind, name) = (text("/kind")?, text("/metadata/name")?.to_owned());
        let (group, version) = text("/apiVersion")?.split_once('/').unwrap_or(("", text("/apiVersion")?));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        if CLUSTER_KINDS.contains(&kind) {
            return Ok((Api::all_with(self.client.clone(), &resource), name));
        }
        Ok((Api::namespaced_with(self.client.clone(), text("/metadata/namespace")?, &resource), name))
    }
}

/// Has the API server judge a SubjectAccessReview.
///
/// # Errors
/// As the API server says.
pub async fn review(objects: &Objects, review: &Value) -> Result<Value> {
    let resource =
        ApiResource::from_gvk(&GroupVersionKind::gvk("authorization.k8s.io", "v1", "SubjectAccessReview"));
    let api: Api<DynamicObject> = Api::all_with(objects.client.clone(), &resource);
    let judged = api.create(&PostParams::default(), &serde_json::from_value(review.clone())?).await?;
    Ok(serde_json::to_value(judged)?)
}

fn named(kind: &str, namespace: &str, name: &str) -> Result<Value> {
    let version = VERSIONS.iter().find(|(known, _)| *known == kind).map_or("v1", |(_, version)| version);
    if kind.is_empty() {
        bail!("no kind");
    }
    Ok(json!({"apiVersion": version, "kind": kind, "metadata": {"namespace": namespace, "name": name}}))
}

/// The conditions of an object.
///
/// # Errors
/// When they are not conditions.
pub fn conditions(object: &Value) -> Result<Vec<Condition>> {
    match object.pointer("/status/conditions") {
        Some(conditions) => Ok(serde_json::from_value(conditions.clone())?),
        None => Ok(Vec::new()),
    }
}

/// One condition of an object.
///
/// # Errors
/// When it has none of this type.
pub fn condition(object: &Value, type_: &str) -> Result<Condition> {
    let found = conditions(object)?.into_iter().find(|condition| condition.type_ == type_);
    found.with_context(|| {
        format!("{} has no condition {type_}; its status is {}", object["metadata"]["name"], object["status"])
    })
}

/// A value as a Secret's `data` has it.
#[must_use]
pub fn encode(value: &str) -> String {
    STANDARD.encode(value)
}

/// A value of a Secret's `data`.
///
/// # Errors
/// When it is no base64, or no text.
pub fn decode(encoded: &str) -> Result<String> {
    Ok(String::from_utf8(STANDARD.decode(encoded)?)?)
}
