//! Following one stream to its end.

use super::Timing;
use super::apply::{Applier, Holding};
use super::dial::{Dialer, Stream};
use super::lines::LineError;
use super::replica::Misfit;
use super::report::Reporter;
use llm_snapshot::Report;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// One stream, being followed.
pub(super) struct Session<'a> {
    pub(super) stream: Stream,
    pub(super) dialer: &'a Dialer,
    pub(super) applier: &'a Applier,
    pub(super) timing: Timing,
}

/// How a stream ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("the operator ended it")]
    Closed,
    #[error("nothing came for {} ms", .0.as_millis())]
    Silent(std::time::Duration),
    #[error("{error}{}", cause(error))]
    Line { error: LineError<hyper::Error> },
    #[error("asking for everything: {0}")]
    Misfit(#[from] Misfit),
    #[error("the operator says it is not the current one of this proxy")]
    Superseded,
}

fn cause(error: &dyn std::error::Error) -> String {
    error.source().map_or(String::new(), |cause| format!(": {cause}"))
}

impl Ended {
    /// The reason, as a label.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Silent(_) => "silent",
            Self::Line { .. } => "broken",
            Self::Misfit(_) => "misfit",
            Self::Superseded => "superseded",
        }
    }

    /// Whether the next stream must begin with a snapshot.
    pub(super) fn wants_everything(&self) -> bool {
        matches!(self, Self::Misfit(_))
    }
}

impl Session<'_> {
    /// Follows the stream.
    pub(super) async fn run(mut self) -> Ended {
        let (latest, reports) = watch::channel(None);
        if let Some(holding) = self.applier.holding().await {
            latest.send_replace(Some(self.report(holding)));
        }
        // Aborted when it is dropped, at the end of this.
        let mut reporting = JoinSet::new();
        reporting.spawn(
            Reporter {
                operator: self.dialer.operator.clone(),
                peer: self.stream.connection.to().clone(),
                latest: reports,
                metrics: self.applier.metrics().clone(),
                timing: self.timing,
            }
            .run(),
        );
        loop {
            let line = tokio::select! {
                line = timeout(self.timing.silence, self.stream.lines.next()) => line,
                _ = reporting.join_next() => return Ended::Superseded,
            };
            let line = match line {
                Ok(Ok(Some(line))) => line,
                Ok(Ok(None)) => return Ended::Closed,
                Ok(Err(error)) => return Ended::Line { error },
                Err(_) => return Ended::Silent(self.timing.silence),
            };
            match self.applier.take(line).await {
                Ok(holding) => {
                    let report = Some(self.report(holding));
                    latest.send_if_modified(|last| {
                        let news = *last != report;
                        *last = report;
                        news
                    });
                }
                Err(misfit) => return misfit.into(),
            }
        }
    }

    fn report(&self, holding: Holding) -> Report {
        Report {
            proxy: self.dialer.proxy.clone(),
            stream: self.stream.id.clone(),
            version: holding.version,
            rejected: holding.rejected,
        }
    }
}
