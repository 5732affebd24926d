//! The form of an answer, asked for in words where no setting asks for it (TRANSLATION §5).

use std::borrow::Cow;

use crate::account::source_facts;
use crate::codec::Target;
use crate::facts::Field;
use crate::ir::{Block, Content, Ext, NONE, OutputFormat, Request, Role, Turn};
use crate::notes::{Notes, Rejected};
use crate::protocol::Protocol;
use crate::schema;

/// Asks for JSON.
pub(crate) const JSON_LINE: &str = "Reply with one JSON object only.";

/// Whether a provider wants to read the word JSON before it answers in JSON, as OpenAI does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Wanted,
    Unneeded,
}

/// The request with a line among its instructions that says what its setting cannot: the schema, if the model cannot be
/// held to one, or that the answer is JSON, if nobody said so yet.
///
/// # Errors
/// In strict mode, if there is such a line.
pub(crate) fn instructed<'r, 'a>(
    request: Cow<'r, Request<'a>>,
    target: &Target<'_>,
    word: Word,
    notes: &mut Notes,
) -> Result<Cow<'r, Request<'a>>, Rejected> {
    let path = || source_facts(request.source).name(Field::Output).to_owned();
    let (line, output) = match &request.output {
        Some(OutputFormat::Schema { schema: Some(schema), .. }) if !target.capabilities.schema => {
            notes.warn("schema_instructed", path)?;
            let line = format!("Reply with JSON only, valid against this JSON Schema: {}", schema.get());
            // The setting admits objects alone.
            (Cow::Owned(line), schema::is_object(schema).then_some(OutputFormat::Json))
        }
        Some(OutputFormat::Json | OutputFormat::Schema { schema: None, .. })
            if word == Word::Wanted && !is_of_openai(request.source) && !says_json(&request) =>
        {
            notes.warn("json_object_instructed", path)?;
            (Cow::Borrowed(JSON_LINE), Some(OutputFormat::Json))
        }
        _ => return Ok(request),
    };
    let mut request = request.into_owned();
    request.output = output;
    instruct(&mut request, Block::text(line));
    Ok(Cow::Owned(request))
}

/// Adds to the instructions.
fn instruct<'a>(request: &mut Request<'a>, line: Block<'a>) {
    match request.turns.first_mut().filter(|turn| turn.role.is_system()) {
        Some(turn) => turn.blocks.push(line),
        None => {
            let ext = Ext::default();
            let turn = Turn { role: Role::System, blocks: vec![line], plain: false, at: NONE, ext };
            request.turns.insert(0, turn);
        }
    }
}

/// Whether the client's own protocol wants the word, so that it is for the client to say it.
fn is_of_openai(source: Protocol) -> bool {
    matches!(source, Protocol::OpenAiChat | Protocol::OpenAiResponses)
}

fn says_json(request: &Request<'_>) -> bool {
    let mut blocks = request.turns.iter().flat_map(|turn| &turn.blocks);
    blocks.any(|block| match &block.content {
        Content::Text(text) => text.as_bytes().windows(4).any(|word| word.eq_ignore_ascii_case(b"json")),
        _ => false,
    })
}
