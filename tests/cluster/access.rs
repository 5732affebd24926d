//! Who gets the configuration, and what the programs may do in the cluster.

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use serde_json::{Value, json};
use support::Result;
use support::cluster::Cluster;
use support::config_stream::Dialer;
use support::credentials::{self, OPERATOR_AUDIENCE};
use support::sample::mock;
use support::stage::{Proxy, ProxyOptions, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_or_missing_token_gets_no_configuration() -> Result<()> {
    let stage = Stage::set(Cluster::shared().await?, "tokens").await?;
    let (objects, system) = (&stage.objects, stage.system.as_str());
    let operator = stage.operator("operator").await?;
    objects.apply(&mock(&stage.app, "main", "chat", "hello")).await?;
    let good = stage.proxy_options(&[&operator]).await?;
    let ca = good.ca.clone().context("no authority")?;
    let allowed = Dialer::new(operator.config, &ca, Some(stage.proxy_token().await?))?;
    allowed.until_leading().await?;
    stranger(&stage).await?;
    let elsewhere = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": stage.app, "name": "llm-proxy"}});
    objects.apply(&elsewhere).await?;

    let audience = Some(OPERATOR_AUDIENCE);
    let cases = [
        ("no token", None, 401),
        ("an empty token", Some(String::new()), 401),
        ("no token at all, but text", Some("open-sesame".to_owned()), 401),
        ("another account", Some(credentials::token(objects, system, "stranger", audience).await?), 403),
        (
            "the account's name elsewhere",
            Some(credentials::token(objects, &stage.app, "llm-proxy", audience).await?),
            403,
        ),
        (
            "the operator's own",
            Some(credentials::token(objects, system, "llm-operator", audience).await?),
            403,
        ),
        (
            "another audience",
            Some(credentials::token(objects, system, "llm-proxy", Some("llm-proxy")).await?),
            401,
        ),
        (
            "the API server's audience",
            Some(credentials::token(objects, system, "llm-proxy", None).await?),
            401,
        ),
    ];
    for (what, token, status) in cases {
        let dialer = Dialer::new(operator.config, &ca, token)?;
        for (method, path, body) in [
            ("GET", "/v1/config/stream?proxy=intruder&stream=1", ""),
            ("POST", "/v1/config/report", r#"{"proxy":"intruder","stream":"1","version":"00"}"#),
        ] {
            let answer = dialer.ask(method, path, Bytes::from_static(body.as_bytes())).await?;
            ensure!(
                answer.status == status,
                "{what}: {method} answered {}: {}",
                answer.status,
                answer.text()
            );
            ensure!(!answer.text().contains("providers/"), "{what}: {}", answer.text());
        }
    }
    allowed.open("invited").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_proxy_is_not_ready_until_its_token_is_mended() -> Result<()> {
    let stage = Stage::set(Cluster::shared().await?, "refused").await?;
    let (objects, system) = (&stage.objects, stage.system.as_str());
    let operator = stage.operator("operator").await?;
    let good = stage.proxy_options(&[&operator]).await?;
    stranger(&stage).await?;
    let wrong = stage.path("wrong-token");
    std::fs::write(&wrong, credentials::token(objects, system, "stranger", Some(OPERATOR_AUDIENCE)).await?)?;
    let mut refused =
        Proxy::start(&stage.dir, "refused", ProxyOptions { token: Some(wrong.clone()), ..good.clone() })
            .await?;
    support::wait::until("the proxy to tell that it is refused", || async {
        ensure!(refused.process.log()?.contains("403"), "its log does not say so");
        Ok(())
    })
    .await?;
    refused.get("/readyz", None).await?.expect(503)?;
    // The file is read again on every try: a good token mends it without a restart.
    std::fs::write(&wrong, stage.proxy_token().await?)?;
    refused.until_ready().await?;
    refused.process.check_running()
}

/// An account that is nobody here.
async fn stranger(stage: &Stage<'_>) -> Result<()> {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": stage.system, "name": "stranger"}});
    stage.objects.apply(&account).await.map(drop)
}

/// A proxy that does not know the authority sends no token.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_trusts_no_other_authority() -> Result<()> {
    let stage = Stage::set(Cluster::shared().await?, "authority").await?;
    let operator = stage.operator("operator").await?;
    operator.until_ready().await?;
    let good = stage.proxy_options(&[&operator]).await?;
    let config = stage.objects.get("ConfigMap", &stage.app, "kube-root-ca.crt").await;
    let other = stage.path("other-ca.crt");
    let pem = config?["data"]["ca.crt"].as_str().context("no ca.crt")?.to_owned();
    std::fs::write(&other, pem)?;
    let proxy =
        Proxy::start(&stage.dir, "proxy", ProxyOptions { ca: Some(other.clone()), ..good.clone() }).await?;
    support::wait::until("the proxy to tell that it does not trust", || async {
        let log = proxy.process.log()?.to_lowercase();
        ensure!(log.contains("certificate") || log.contains("unknownissuer"), "its log does not say so");
        Ok(())
    })
    .await?;
    proxy.get("/readyz", None).await?.expect(503)?;
    std::fs::copy(good.ca.context("no authority")?, &other)?;
    proxy.until_ready().await
}

/// Verb, group, resource, subresource, and whether it is in the operator's own namespace.
type Right = (&'static str, &'static str, &'static str, &'static str, bool);

/// What the operator must not be able to do, though it would be convenient.
const OPERATOR_MAY_NOT: &[Right] = &[
    ("update", "llmproxy.dev", "llmproviders", "", false),
    ("patch", "llmproxy.dev", "llmproviders", "", false),
    ("delete", "llmproxy.dev", "llmproviders", "", false),
    ("create", "llmproxy.dev", "masterkeys", "", false),
    ("delete", "llmproxy.dev", "masterkeys", "", false),
    ("delete", "", "secrets", "", false),
    ("deletecollection", "", "secrets", "", false),
    ("delete", "", "configmaps", "", false),
    ("create", "", "configmaps", "", false),
    ("get", "", "pods", "", true),
    ("create", "", "pods", "", true),
    ("create", "", "pods", "exec", true),
    ("get", "", "nodes", "", false),
    ("patch", "", "namespaces", "", false),
    ("create", "", "serviceaccounts", "token", true),
    ("impersonate", "", "users", "", false),
    ("create", "rbac.authorization.k8s.io", "clusterrolebindings", "", false),
    ("escalate", "rbac.authorization.k8s.io", "clusterroles", "", false),
    ("get", "apps", "deployments", "", true),
    ("create", "coordination.k8s.io", "leases", "", false),
];
/// What it needs; the other tests show that this is enough.
const OPERATOR_MAY: &[Right] = &[
    ("watch", "llmproxy.dev", "llmproviders", "", false),
    ("patch", "llmproxy.dev", "llmproviders", "status", false),
    ("create", "authentication.k8s.io", "tokenreviews", "", false),
];
/// The proxies need nothing of Kubernetes.
const PROXY_MAY_NOT: &[Right] = &[
    ("get", "", "secrets", "", true),
    ("list", "", "secrets", "", true),
    ("get", "", "configmaps", "", true),
    ("list", "llmproxy.dev", "llmproviders", "", false),
    ("list", "llmproxy.dev", "masterkeys", "", false),
    ("get", "", "pods", "", true),
    ("get", "coordination.k8s.io", "leases", "", true),
    ("create", "authentication.k8s.io", "tokenreviews", "", false),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_programs_have_the_rights_they_need_and_no_more() -> Result<()> {
    let stage = Stage::set(Cluster::shared().await?, "rights").await?;
    let mut wrong = Vec::new();
    for (account, rights, allowed) in [
        ("llm-operator", OPERATOR_MAY_NOT, false),
        ("llm-operator", OPERATOR_MAY, true),
        ("llm-proxy", PROXY_MAY_NOT, false),
    ] {
        for right in rights {
            let namespace = if right.4 { &stage.system } else { &stage.app };
            let review = review(&stage.system, account, namespace, right);
            let answer = support::objects::review(&stage.objects, &review).await?;
            if answer["status"]["allowed"] != allowed {
                wrong.push(format!("{account} {right:?} in {namespace}: allowed should be {allowed}"));
            }
        }
    }
    ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

fn review(system: &str, account: &str, namespace: &str, right: &Right) -> Value {
    let (verb, group, resource, subresource, _) = right;
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {"name": ""},
    "spec": {
        "user": format!("system:serviceaccount:{system}:{account}"),
        "groups": ["system:serviceaccounts", format!("system:serviceaccounts:{system}"), "system:authenticated"],
        "resourceAttributes": {"namespace": namespace, "verb": verb, "group": group, "resource": resource,
            "subresource": subresource},
    }})
}
