//! Writes the generated CustomResourceDefinitions: `llm-crds DIR`, or to standard output.

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args_os().nth(1).map(PathBuf::from);
    for crd in llm_crds::schema::crds() {
        let yaml = crd.yaml()?;
        match &dir {
            Some(dir) => std::fs::write(dir.join(crd.file), yaml)?,
            None => println!("---\n{yaml}"),
        }
    }
    Ok(())
}
