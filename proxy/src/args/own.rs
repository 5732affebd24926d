//! Flags that let providers without credentials use this program's own identity at a cloud. What the cluster puts into
//! the environment of a pod is read by its standard names, and only where a flag allows the identity.

use clap::Args;
use std::path::PathBuf;

/// Flags of the program's own identities.
#[derive(Debug, Args)]
pub struct Own {
    /// URL of Google's metadata server, mostly `http://metadata.google.internal`: providers of type VertexAI without
    /// credentials, of any namespace, then use this program's own identity.
    #[arg(long, env = "GOOGLE_METADATA_SERVER", value_name = "GOOGLE_METADATA_SERVER", value_parser = super::server)]
    pub google_metadata_server: Option<String>,
    /// File of a credential configuration for Workload Identity Federation (type external_account, with the token of the
    /// cluster in a file), or of the key of a service account: the same, outside Google's cloud.
    #[arg(
        long,
        env = "GOOGLE_CREDENTIALS_FILE",
        value_name = "GOOGLE_CREDENTIALS_FILE",
        conflicts_with = "google_metadata_server"
    )]
    pub google_credentials_file: Option<PathBuf>,
    /// Let providers of type Bedrock without credentials, of any namespace, use this program's own identity: IRSA or EKS
    /// Pod Identity, as the variables AWS_… say.
    #[arg(long, env = "AWS_WORKLOAD_IDENTITY", value_name = "AWS_WORKLOAD_IDENTITY", num_args = 0..=1,
          default_value_t = false, default_missing_value = "true")]
    pub aws_workload_identity: bool,
    /// Role to take, set by IRSA.
    #[arg(long, env = "AWS_ROLE_ARN", value_name = "AWS_ROLE_ARN")]
    pub aws_role_arn: Option<String>,
    /// File of the token to take the role with, set by IRSA. Read at every use.
    #[arg(long, env = "AWS_WEB_IDENTITY_TOKEN_FILE", value_name = "AWS_WEB_IDENTITY_TOKEN_FILE")]
    pub aws_web_identity_token_file: Option<PathBuf>,
    /// Name of the role's sessions in AWS's logs.
    #[arg(
        long,
        env = "AWS_ROLE_SESSION_NAME",
        value_name = "AWS_ROLE_SESSION_NAME",
        default_value = "llm-proxy"
    )]
    pub aws_role_session_name: String,
    /// Region where the role is taken, set by IRSA.
    #[arg(long, env = "AWS_REGION", value_name = "AWS_REGION")]
    pub aws_region: Option<String>,
    /// URL of the agent that gives out credentials, set by EKS Pod Identity.
    #[arg(
        long,
        env = "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        value_name = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    )]
    pub aws_container_credentials_full_uri: Option<String>,
    /// File of the token to show the agent, set by EKS Pod Identity. Read at every use.
    #[arg(
        long,
        env = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        value_name = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
    )]
    pub aws_container_authorization_token_file: Option<PathBuf>,
}
