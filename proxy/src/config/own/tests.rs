use super::*;
use crate::args::{Cli, Command};
use clap::Parser as _;

/// What comes of flags beside the one that allows the identity.
fn own(flags: &[&str]) -> Result<Own, String> {
    let all = ["llm-proxy", "serve", "--config", "c"].iter().chain(flags);
    match Cli::parse_from(all).command {
        Command::Serve(serve) => Own::try_from(serve.own).map_err(|invalid| invalid.to_string()),
        Command::Check(_) => unreachable!(),
    }
}

const ARN: &str = "--aws-role-arn=arn:aws:iam::123456789012:role/llm-proxy";
const AGENT: &str = "--aws-container-credentials-full-uri=http://169.254.170.23/v1/credentials";

#[test]
fn an_identity_is_used_only_where_a_flag_allows_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let token = format!("--aws-web-identity-token-file={}", file.path().display());
    let role = [ARN, token.as_str(), "--aws-region=eu-west-1"];
    let none = own(&role).unwrap();
    assert!(none.aws.is_none() && none.google.is_none());
    // What is wrong with an identity that is not allowed is nobody's business.
    assert!(own(&[ARN]).unwrap().aws.is_none());
    let allowed = own(&[&["--aws-workload-identity", AGENT][..], &role].concat()).unwrap();
    let aws = allowed.aws.unwrap();
    assert_eq!(aws.places(), ["https://sts.eu-west-1.amazonaws.com"]);
    let agent = own(&["--aws-workload-identity", AGENT]).unwrap().aws.unwrap();
    assert_eq!(agent.places(), ["http://169.254.170.23"]);
    let google = own(&["--google-metadata-server", "http://metadata.google.internal"]).unwrap().google;
    assert_eq!(google.unwrap().places(), ["http://metadata.google.internal"]);
}

#[test]
fn what_is_wrong_with_it_names_the_variable() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let token = &*format!("--aws-web-identity-token-file={}", file.path().display());
    let region = "--aws-region=eu-west-1";
    let table: [(&[&str], &str); 10] = [
        (&[], "AWS_WORKLOAD_IDENTITY (--aws-workload-identity) is on"),
        (&[ARN, region], "AWS_WEB_IDENTITY_TOKEN_FILE (--aws-web-identity-token-file) goes with"),
        (&[token, region, AGENT], "AWS_ROLE_ARN (--aws-role-arn) goes with"),
        (&[ARN, token], "AWS_REGION (--aws-region) is required"),
        (&[ARN, token, "--aws-region=x.evil.test/"], "AWS_REGION (--aws-region) is no region"),
        (&["--aws-role-arn=llm-proxy", token, region], "AWS_ROLE_ARN (--aws-role-arn) is no ARN"),
        (&[ARN, token, region, "--aws-role-session-name=a b"], "AWS_ROLE_SESSION_NAME ("),
        (&[ARN, region, "--aws-web-identity-token-file=/not/there"], "a file that cannot be read"),
        (&["--aws-container-credentials-full-uri=http://10.0.0.1/"], "AWS_CONTAINER_CREDENTIALS_FULL_URI ("),
        (
            &[AGENT, "--aws-container-authorization-token-file=/not/there"],
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE (--aws-container-authorization-token-file) names a file",
        ),
    ];
    for (flags, told) in table {
        let error = own(&[&["--aws-workload-identity"], flags].concat()).unwrap_err();
        assert!(error.contains(told), "{error} for {told}");
        assert!(!error.contains("/not/there") && !error.contains("10.0.0.1"), "{error}");
    }
}

#[test]
fn a_file_says_who_it_is_at_google() {
    let token = tempfile::NamedTempFile::new().unwrap();
    let source = serde_json::json!({"file": token.path(), "format": {"type": "json", "subject_token_field_name": "t"}});
    let good = serde_json::json!({"type": "external_account", "audience": "//iam.googleapis.com/x",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": "https://sts.googleapis.com/v1/token",
        "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/a:generateAccessToken",
        "credential_source": source});
    let of = |config: &serde_json::Value| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), config.to_string()).unwrap();
        own(&["--google-credentials-file", file.path().to_str().unwrap()])
    };
    let google = of(&good).unwrap().google.unwrap();
    assert_eq!(google.places(), ["https://sts.googleapis.com", "https://iamcredentials.googleapis.com"]);
    for (field, value, told) in [
        ("/type", serde_json::json!("authorized_user"), "of type external_account or service_account"),
        ("/type", serde_json::json!("service_account"), "a key of a service account that cannot be used"),
        ("/token_url", serde_json::json!("sts.googleapis.com"), "token_url"),
        ("/token_url", serde_json::json!(7), "credential_source.file"),
        (
            "/credential_source",
            serde_json::json!({"url": "http://169.254.169.254/"}),
            "credential_source.file",
        ),
        (
            "/credential_source/file",
            serde_json::json!("/not/there"),
            "credential_source.file that cannot be read",
        ),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(field).unwrap() = value;
        let error = of(&bad).unwrap_err();
        assert!(error.starts_with("GOOGLE_CREDENTIALS_FILE (--google-credentials-file) "), "{error}");
        assert!(error.contains(told), "{error} for {told}");
    }
    assert!(own(&["--google-credentials-file", "/not/there"]).unwrap_err().contains("cannot be read"));
    let both = ["--google-credentials-file", "f", "--google-metadata-server", "http://m"];
    let all = [&["llm-proxy", "serve", "--config", "c"][..], &both].concat();
    assert_eq!(Cli::try_parse_from(all).unwrap_err().kind(), clap::error::ErrorKind::ArgumentConflict);
}

#[test]
fn credentials_come_from_near_or_over_tls() {
    for url in [
        "https://agent.test/x",
        "http://127.0.0.1:8080/x",
        "http://[::1]/",
        "http://[fd00:ec2::23]/v1",
        "http://localhost/",
    ] {
        assert!(is_agent(url), "{url}");
    }
    for url in [
        "",
        "x",
        "ftp://localhost/",
        "http://10.0.0.1/",
        "http://agent.test/",
        "http://169.254.169.254/",
        "http://localhost.evil.test/",
    ] {
        assert!(!is_agent(url), "{url}");
    }
}

#[test]
fn roles_are_taken_in_their_region() {
    assert_eq!(Role::sts_of("us-gov-west-1"), "https://sts.us-gov-west-1.amazonaws.com");
    assert_eq!(Role::sts_of("cn-north-1"), "https://sts.cn-north-1.amazonaws.com.cn");
}
