//! The ServiceAccounts, Roles and bindings of `deploy/manifests`, moved into a namespace of the test.

use crate::Result;
use crate::objects::Objects;
use crate::{manifest, programs};
use anyhow::ensure;
use serde_json::Value;

/// The operator's ServiceAccount in the manifests.
pub(super) const OPERATOR_ACCOUNT: &str = "llm-operator";
/// The proxies' ServiceAccount in the manifests.
pub(super) const PROXY_ACCOUNT: &str = "llm-proxy";
/// On cluster-wide objects: the stage they belong to.
pub(super) const STAGE_LABEL: &str = "llmproxy.dev/test-stage";

/// What a test can use of the manifests: there are no nodes, so nothing that makes pods.
const KINDS: &[&str] = &["ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"];

pub(super) async fn install(objects: &Objects, namespace: &str) -> Result<()> {
    let mut installed = 0;
    for mut object in manifest::read(&programs::root().join("deploy/manifests"))? {
        if KINDS.contains(&object["kind"].as_str().unwrap_or_default()) {
            relocate(&mut object, namespace);
            objects.apply(&object).await?;
            installed += 1;
        }
    }
    ensure!(installed > 0, "deploy/manifests has no RBAC");
    Ok(())
}

/// Puts `object` into `namespace`. What belongs to no namespace gets the namespace's name behind its own, so that two
/// stages don't meet.
fn relocate(object: &mut Value, namespace: &str) {
    if object["metadata"]["namespace"].is_string() {
        object["metadata"]["namespace"] = namespace.into();
    } else {
        suffix(&mut object["metadata"]["name"], namespace);
        object["metadata"]["labels"][STAGE_LABEL] = namespace.into();
    }
    if object["roleRef"]["kind"] == "ClusterRole" {
        suffix(&mut object["roleRef"]["name"], namespace);
    }
    for subject in object.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
        if subject["namespace"].is_string() {
            subject["namespace"] = namespace.into();
        }
    }
}

/// Roles of Kubernetes itself (`system:…`) stay what they are.
fn suffix(name: &mut Value, namespace: &str) {
    if let Some(text) = name.as_str().filter(|text| !text.starts_with("system:")) {
        *name = format!("{text}-{namespace}").into();
    }
}
