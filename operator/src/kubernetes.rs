//! What all calls to the API server share: a time limit, and errors that can be shown.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use llm_snapshot::Kind;
use std::fmt;
use std::future::Future;
use std::time::Duration;

/// Name under which the operator owns the fields it writes.
pub const FIELD_MANAGER: &str = "llm-operator";
/// Value of the label `app.kubernetes.io/managed-by` on whatever the operator makes.
pub const MANAGED_BY: &str = "llm-operator";
/// The label that says who made an object.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// How long one call that is not a watch may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A call to the API server that failed. Shows what the API server answered, or what kind of failure it was;
/// never a body, which may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// HTTP status, when there was an answer.
    pub code: Option<u16>,
    what: String,
}

impl CallError {
    /// There is no such object.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.code == Some(404)
    }

    /// It exists already, or was changed meanwhile.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.code == Some(409)
    }

    fn of(what: impl Into<String>) -> Self {
        Self { code: None, what: what.into() }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for CallError {}

impl From<&kube::Error> for CallError {
    fn from(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self {
                code: Some(status.code),
                what: format!("{} {}: {}", status.code, status.reason, clip(&status.message)),
            },
            kube::Error::SerdeError(error) => {
                Self::of(format!("malformed answer ({:?} error)", error.classify()))
            }
            kube::Error::HyperError(error) => Self::of(format!("connection: {error}")),
            kube::Error::Service(error) => Self::of(format!("connection: {}", root(error.as_ref()))),
            kube::Error::ReadEvents(error) => Self::of(format!("watch broken: {}", error.kind())),
            kube::Error::Auth(_) => Self::of("no credentials for the API server"),
            _ => Self::of("the request could not be made"),
        }
    }
}

/// What broke a watch, fit to be shown.
#[must_use]
pub fn watch_error(error: &kube::runtime::watcher::Error) -> CallError {
    use kube::runtime::watcher::Error;
    match error {
        Error::InitialListFailed(error) | Error::WatchStartFailed(error) | Error::WatchFailed(error) => {
            CallError::from(error)
        }
        Error::WatchError(status) => CallError {
            code: Some(status.code),
            what: format!("{} {}: {}", status.code, status.reason, clip(&status.message)),
        },
        Error::NoResourceVersion => CallError::of("the resource cannot be watched"),
    }
}

/// The innermost cause, which says "Connection refused" where the outer ones say "client error".
fn root<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner
}

fn clip(text: &str) -> String {
    text.chars().take(512).collect()
}

/// A run of failures, told as it grows: an API server that is away for long must not fill the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Failures(u32);

impl Failures {
    /// One more; returns whether to tell of it: the 1st, 2nd, 4th, 8th…
    pub fn one_more(&mut self) -> bool {
        self.0 = self.0.saturating_add(1);
        self.0.is_power_of_two()
    }

    /// It works again; returns how many there were.
    pub fn over(&mut self) -> u32 {
        std::mem::take(&mut self.0)
    }

    /// How many there were so far.
    #[must_use]
    pub fn count(self) -> u32 {
        self.0
    }

    /// How long to wait before the next attempt: twice as long each time, from `first` to `longest`, spread so
    /// that what failed together does not try together.
    #[must_use]
    pub fn pause(self, first: Duration, longest: Duration) -> Duration {
        let pause = first.saturating_mul(1 << self.0.saturating_sub(1).min(10)).min(longest);
        pause.mul_f64(rand::random_range(0.5..=1.0))
    }
}

/// `call`, with a time limit.
///
/// # Errors
/// [`CallError`]; one without a code when there was no answer in time.
pub async fn bounded<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, CallError> {
    match tokio::time::timeout(CALL_TIMEOUT, call).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(CallError::from(&error)),
        Err(_) => Err(CallError::of(format!("no answer in {} s", CALL_TIMEOUT.as_secs()))),
    }
}

/// The API resource of a kind of ours.
#[must_use]
pub fn resource(kind: Kind) -> kube::api::ApiResource {
    let (name, plural) = match kind {
        Kind::Provider => ("LLMProvider", "llmproviders"),
        Kind::Key => ("MasterKey", "masterkeys"),
    };
    kube::api::ApiResource {
        group: llm_crds::GROUP.to_owned(),
        version: llm_crds::VERSION.to_owned(),
        api_version: llm_crds::API_VERSION.to_owned(),
        kind: name.to_owned(),
        plural: plural.to_owned(),
    }
}

/// The reference that makes a MasterKey the owner of what the operator made for it.
#[must_use]
pub fn owner(name: &str, uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: llm_crds::API_VERSION.to_owned(),
        kind: resource(Kind::Key).kind,
        name: name.to_owned(),
        uid: uid.to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
