use super::*;

#[test]
fn the_file_is_readable_and_no_name_occurs_twice() {
    let table = read(include_str!("models.json")).unwrap();
    let mut names: Vec<_> = table.iter().map(|(name, _)| name).collect();
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn the_longest_prefix_wins_and_vendors_are_skipped() {
    for (model, max_output, sampling) in [
        ("claude-opus-4-8-20260401", Some(128_000), SamplingRule::Never),
        ("anthropic/claude-3-5-sonnet", Some(4096), SamplingRule::Always),
        ("us.anthropic.claude-haiku-4-5-v1:0", Some(64_000), SamplingRule::WithoutThinking),
        ("claude-opus-4-20250514", Some(32_000), SamplingRule::WithoutThinking),
        ("anthropic/claude-sonnet-4", Some(64_000), SamplingRule::WithoutThinking),
        ("claude-sonnet-4@20250514", Some(64_000), SamplingRule::WithoutThinking),
        ("anthropic/claude-opus-4:beta", Some(32_000), SamplingRule::WithoutThinking),
        ("anthropic/claude-opus-4.5", Some(64_000), SamplingRule::WithoutThinking),
        ("claude-opus-4-9", Some(128_000), SamplingRule::Never),
        ("Claude-Unheard-9", Some(128_000), SamplingRule::Never),
        ("gpt-5.2-2025-12-11", None, SamplingRule::WithoutEffort),
        ("gpt-5-nano", None, SamplingRule::Never),
        ("gpt-4o", None, SamplingRule::Always),
        ("models/gemini-2.5-pro", None, SamplingRule::Always),
        ("", None, SamplingRule::Always),
    ] {
        let found = Capabilities::of(model);
        assert_eq!((found.max_output, found.sampling), (max_output, sampling), "{model}");
    }
    assert_eq!(Capabilities::of("models/gemini-2.5-pro").budget, Some((128, 32768)));
}

#[test]
fn any_capability_can_be_overridden_and_typos_are_refused() {
    let overrides = |text| serde_json::from_str(text).unwrap();
    let base = Capabilities::of("gpt-4o");
    let changed = base.overridden(&overrides(r#"{"max_output": 9, "forced_tool": "never"}"#)).unwrap();
    assert_eq!((changed.max_output, changed.forced_tool), (Some(9), ForcedTool::Never));
    assert_eq!(changed.schema, base.schema);
    assert!(base.overridden(&overrides(r#"{"max_outptu": 9}"#)).is_err());
    assert!(base.overridden(&overrides(r#"{"sampling": "sometimes"}"#)).is_err());
}
