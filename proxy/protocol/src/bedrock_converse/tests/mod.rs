//! What is written is in `requests.json`, by case; `tests/sdk/test_bedrock.py` checks all of it against the model of the
//! API in AWS's own SDK. There are no recordings: answers are written here in the shapes of that model.

mod answer;
mod request;
mod stream;

use crate::capabilities::Capabilities;
use crate::codec::{NoStates, RouteOptions, Target};

/// A target with those options.
fn target<'t>(model: &'t str, options: RouteOptions<'t>) -> Target<'t> {
    Target { model, capabilities: Capabilities::of(model), options, states: &NoStates }
}
