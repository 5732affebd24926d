//! What a model can do, in the words of the codecs.

use llm_crds::capabilities::{Capabilities, ForcedTool, Instructions, Sampling, Thinking};
use serde_json::{Map, Value, json};

/// The fields that are stated, by the names they have in `llm_protocol::capabilities`.
pub(crate) fn fields(stated: &Capabilities) -> Map<String, Value> {
    let word = |flag: Option<bool>| flag.map(Value::from);
    let all = [
        ("max_output", stated.max_output.map(Value::from)),
        ("max_stop", stated.max_stop.map(Value::from)),
        ("sampling", stated.sampling.map(sampling)),
        ("temperature_with_top_p", word(stated.temperature_with_top_p)),
        ("thinking", stated.thinking.as_ref().map(|ways| ways.iter().copied().map(thinking).collect())),
        ("efforts", stated.efforts.as_ref().map(|efforts| json!(efforts))),
        ("budget", stated.budget.map(|budget| json!([budget.min, budget.max]))),
        ("schema", word(stated.schema)),
        ("schema_with_tools", word(stated.schema_with_tools)),
        ("json_schema_fields", word(stated.json_schema_fields)),
        ("forced_tool", stated.forced_tool.map(forced_tool)),
        ("instructions", stated.instructions.map(instructions)),
        ("mid_system", word(stated.mid_system)),
        ("tool_result_media", word(stated.tool_result_media)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn sampling(rule: Sampling) -> Value {
    json!(match rule {
        Sampling::Always => "always",
        Sampling::EffortNone => "effort_none",
        Sampling::WithoutEffort => "without_effort",
        Sampling::WithoutThinking => "without_thinking",
        Sampling::Never => "never",
    })
}

fn thinking(way: Thinking) -> Value {
    json!(match way {
        Thinking::Effort => "effort",
        Thinking::Adaptive => "adaptive",
        Thinking::Budget => "budget",
        Thinking::Level => "level",
    })
}

fn forced_tool(rule: ForcedTool) -> Value {
    json!(match rule {
        ForcedTool::Always => "always",
        ForcedTool::WithoutBudget => "without_budget",
        ForcedTool::WithoutThinking => "without_thinking",
        ForcedTool::Never => "never",
    })
}

fn instructions(role: Instructions) -> Value {
    json!(match role {
        Instructions::System => "system",
        Instructions::Developer => "developer",
        Instructions::User => "user",
    })
}
