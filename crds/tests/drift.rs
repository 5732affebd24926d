//! The committed CustomResourceDefinitions are what the types generate, and stay small.

use llm_crds::schema::crds;

#[test]
fn committed_definitions_are_the_generated_ones() {
    for crd in crds() {
        let path = format!("{}/yaml/{}", env!("CARGO_MANIFEST_DIR"), crd.file);
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == crd.yaml().unwrap(), "{path} is out of date: run `make generate`");
    }
}

#[test]
fn each_definition_stays_under_256_kib() {
    for crd in crds() {
        let size = crd.yaml().unwrap().len();
        assert!(size < 256 * 1024, "{} has {size} bytes", crd.file);
    }
}
