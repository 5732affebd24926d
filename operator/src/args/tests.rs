use super::*;

fn run(flags: &[&str]) -> Result<Run, String> {
    let line = ["llm-operator", "run", "--namespace", "gateway", "--identity", "one"];
    match Cli::try_parse_from(line.iter().chain(flags)) {
        Ok(Cli { command: Command::Run(run) }) => Ok(*run),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn what_is_not_said_follows_from_the_namespace() {
    let run = run(&[]).unwrap();
    assert_eq!(run.public_url(), "http://llm-proxy.gateway.svc:18000");
    assert_eq!(run.proxy_users(), ["system:serviceaccount:gateway:llm-proxy"]);
    assert!(run.watch_namespaces.0.is_empty());
    let names = run.certificate_names();
    for name in ["llm-operator.gateway.svc", "*.llm-operator.gateway.svc", "localhost", "::1"] {
        assert!(names.iter().any(|have| have == name), "{name}");
    }
}

#[test]
fn two_replicas_that_are_not_named_have_two_names() {
    let (one, other) = (unique_name(), unique_name());
    assert_ne!(one, other);
    assert!(identity(&one).is_ok(), "{one}");
}

#[test]
fn lists_are_comma_separated_and_empty_means_none() {
    let run = run(&[
        "--watch-namespaces=b,a,b,",
        "--proxy-service-account=x:p,y:q",
        "--tls-names=op.example.com,10.0.0.1",
        "--public-url=https://llm.example.com/",
    ])
    .unwrap();
    assert_eq!(run.watch_namespaces.0, ["a", "b"]);
    assert_eq!(run.proxy_users(), ["system:serviceaccount:x:p", "system:serviceaccount:y:q"]);
    assert!(run.certificate_names().ends_with(&["op.example.com".to_owned(), "10.0.0.1".to_owned()]));
    assert_eq!(run.public_url(), "https://llm.example.com");
}

#[test]
fn a_wrong_value_is_refused_with_the_name_of_its_flag() {
    for (flag, value) in [
        ("--namespace", "Gate_way"),
        ("--identity", "with space"),
        ("--watch-namespaces", "a,B"),
        ("--config-listen", "nowhere"),
        ("--health-listen", "8080"),
        ("--public-url", "ftp://x"),
        ("--public-url", "http://x/?a=b"),
        ("--proxy-service-account", "llm-proxy"),
        ("--proxy-service-account", "ns:UPPER"),
        ("--tls-names", "a b"),
        ("--lease-name", ""),
        ("--lease-duration", "200ms"),
        ("--lease-duration", "soon"),
        ("--log-format", "xml"),
    ] {
        let error = run(&[&format!("{flag}={value}")]).unwrap_err();
        assert!(error.contains(flag), "{flag}={value}: {error}");
    }
}
