use super::*;

const AUTHORITY: &[u8] = include_bytes!("../../testdata/authority.pem");

#[test]
fn credentials_are_what_fits_a_header() {
    let long = "k".repeat(8193);
    for (value, wrong) in [
        ("sk-live_123".as_bytes(), None),
        (b"", Some("empty")),
        (b"sk-live\n", Some("line break")),
        (b"sk-live\r\n", Some("line break")),
        (b" sk-live", Some("spaces")),
        (b"sk live", Some("spaces")),
        (b"sk\0live", Some("control")),
        (b"sk\x1blive\n", Some("control")),
        ("sk-lïve".as_bytes(), Some("non-ASCII")),
        (b"sk-\xff", Some("UTF-8")),
        (long.as_bytes(), Some("longer than 8192")),
    ] {
        match (credential(value), wrong) {
            (Ok(read), None) => assert_eq!(read.as_bytes(), value),
            (Err(told), Some(wrong)) => assert!(told.contains(wrong), "{told} for {wrong}"),
            (read, _) => panic!("{:?} for {wrong:?}", read.is_ok()),
        }
    }
}

#[test]
fn bundles_hold_at_least_one_whole_certificate() {
    let twice = [AUTHORITY, AUTHORITY].concat();
    let damaged = String::from_utf8_lossy(AUTHORITY).replacen("MII", "AAA", 1);
    let cut = &AUTHORITY[..AUTHORITY.len() / 2];
    let other = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    for (value, wrong) in [
        (AUTHORITY, None),
        (&twice, None),
        (b"", Some("no certificate")),
        (b"hello", Some("no certificate")),
        (other, Some("no certificate")),
        (b"\xff\xfe", Some("no certificate")),
        (damaged.as_bytes(), Some("damaged")),
        (cut, Some("damaged")),
    ] {
        let told = certificates(value).err();
        assert_eq!(told.is_some(), wrong.is_some(), "{told:?}");
        assert!(told.unwrap_or_default().contains(wrong.unwrap_or_default()), "{told:?} for {wrong:?}");
    }
}

#[test]
fn failures_name_the_reference_and_are_told_together() {
    let mut world = World::default();
    let data = Data::new([("good", "sk-1"), ("bad", "sk-canary\n")]);
    world.secrets.insert(ObjectName::new("team-a", "openai"), Arc::new(data));
    let mut resolver = Resolver::new(&world, "team-a");
    let mut look = |name: &str, key: &str| {
        let reference = KeyRef { name: name.into(), key: key.into() };
        resolver.value(Source::Secret, &reference, credential).is_some()
    };
    assert!(look("openai", "good"));
    assert!(!look("openai", "none"));
    assert!(!look("openai", "bad"));
    assert!(!look("absent", "none"));
    assert!(!look("absent", "none"));
    let judgement = resolver.judgement();
    assert_eq!(judgement.reason, Reason::RefKeyNotFound);
    assert_eq!(
        judgement.message,
        "Secret team-a/openai key none is not there: add it, or correct the name; \
         Secret team-a/openai key bad ends in white space: write the API key without a line break (echo -n); \
         Secret team-a/absent is not there: create it, or correct the name; and 1 more"
    );
    assert!(resolver.uses.iter().all(|used| used.holds(&world)));
    let mut changed = world.clone();
    changed.secrets.insert(ObjectName::new("team-a", "absent"), Arc::default());
    assert!(!resolver.uses.iter().all(|used| used.holds(&changed)));
    assert!(!format!("{world:?} {:?}", resolver.uses).contains("canary"));
}
