use super::*;
use clap::error::ErrorKind;

fn serve(arguments: &[&str]) -> Result<Serve, clap::Error> {
    let all = ["llm-proxy", "serve"].iter().chain(arguments);
    Cli::try_parse_from(all).map(|cli| match cli.command {
        Command::Serve(serve) => *serve,
        Command::Check(_) => panic!("not serve"),
    })
}

#[test]
fn defaults() {
    let serve = serve(&["--config", "c.yaml"]).unwrap();
    assert_eq!((serve.host.to_string().as_str(), serve.port, serve.max_body), ("0.0.0.0", 18000, 33_554_432));
    assert_eq!((serve.drain_grace, serve.drain_deadline), (Duration::from_secs(5), Duration::from_secs(300)));
    assert_eq!((serve.last_good_after, serve.access_log), (Duration::from_secs(3), true));
    assert!(!serve.expose_config_version);
}

#[test]
fn there_is_exactly_one_source() {
    assert_eq!(serve(&[]).unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
    let both = serve(&["--config", "c", "--operator", "https://o"]).unwrap_err();
    assert_eq!(both.kind(), ErrorKind::ArgumentConflict);
    let urls = serve(&["--operator", "https://a:1, https://b/"]).unwrap().operator;
    assert_eq!(urls, ["https://a:1", "https://b"]);
}

#[test]
fn switches() {
    let flags = |more: &[&str]| serve(&[&["--config", "c"], more].concat()).unwrap();
    assert!(flags(&["--expose-config-version"]).expose_config_version);
    assert!(!flags(&["--expose-config-version", "false"]).expose_config_version);
    assert!(!flags(&["--access-log=false"]).access_log);
    assert!(flags(&["--access-log"]).access_log);
}

#[test]
fn errors_name_flag_and_variable() {
    let table: [(&[&str], &str, &str); 8] = [
        (&["--config", "c", "--port", "70000"], "--port", "<PORT>"),
        (&["--config", "c", "--host", "nowhere"], "--host", "<HOST>"),
        (&["--config", "c", "--max-body", "1MiB"], "--max-body", "<MAX_BODY_BYTES>"),
        (&["--config", "c", "--drain-grace", "5"], "--drain-grace", "<DRAIN_GRACE>"),
        (&["--config", "c", "--log-level", "loud"], "--log-level", "<LOG_LEVEL>"),
        (&["--config", "c", "--log-format", "xml"], "--log-format", "<LOG_FORMAT>"),
        (&["--operator", "http://o"], "--operator", "<OPERATOR_URL>"),
        (&["--operator", "https://o", "--last-good-after", "soon"], "--last-good-after", "<LAST_GOOD_AFTER>"),
    ];
    for (arguments, flag, variable) in table {
        let error = serve(arguments).unwrap_err().to_string();
        assert!(error.contains(flag) && error.contains(variable), "{error}");
    }
    // What a variable says is judged like what a flag says, and the variable has the placeholder's name.
    let command = <Cli as clap::CommandFactory>::command();
    for argument in command.find_subcommand("serve").unwrap().get_arguments() {
        let Some(variable) = argument.get_env() else { continue };
        assert_eq!(argument.get_value_names().unwrap(), [variable.to_str().unwrap()], "{argument}");
    }
}

#[test]
fn durations() {
    for (text, millis) in [("500ms", 500), ("5s", 5000), ("2m", 120_000), ("1h", 3_600_000), ("0s", 0)] {
        assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
    }
    for text in ["", "5", "s", "-5s", "5 s", "1.5s", "5S", "99999999999999999999s", "9999999h"] {
        assert!(duration(text).is_err(), "{text}");
    }
}

#[test]
fn urls_of_operators() {
    for text in ["https://o", "https://o.ns.svc:9443/", "https://[::1]:9443"] {
        assert!(https(text).is_ok(), "{text}");
    }
    for text in ["", "o", "http://o", "https://", "https://o/path", "https://o?x", "https://a b"] {
        assert!(https(text).is_err(), "{text}");
    }
}
