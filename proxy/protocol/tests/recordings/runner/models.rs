//! A list of models.

use llm_protocol::ModelList;
use serde_json::{Value, json};

use super::difference::same;
use super::{Case, Failure};

/// Checks that no model is lost, and that the list is the same when it is written again and read.
pub(crate) fn check(case: &Case, list: &dyn ModelList) -> Result<(), Failure> {
    let Some(body) = &case.response else { return Err("there is no response".to_owned().into()) };
    let read = |body: &[u8]| -> Result<(Value, Vec<u8>), String> {
        let models = list.decode(body).map_err(|error| format!("response: {error}"))?;
        let names: Vec<&str> = models.iter().map(|model| model.name.as_ref()).collect();
        let limits: Vec<_> = models.iter().map(|model| (model.max_input, model.max_output)).collect();
        Ok((json!([names, limits]), list.encode(&models)))
    };
    let (seen, written) = read(body)?;
    let recorded: Value = serde_json::from_slice(body).map_err(|error| format!("response: {error}"))?;
    let entries = recorded["models"].as_array().or_else(|| recorded["data"].as_array());
    same("models", &json!(entries.map(Vec::len)), &json!(seen[0].as_array().map(Vec::len)))?;
    Ok(same("written again and read: models", &seen, &read(&written)?.0)?)
}
