//! What the fuzz targets run, and the test over their corpus. The first byte chooses the protocols.

use llm_protocol::aws_eventstream::{EventStreamFramer, write_event, write_message};
use llm_protocol::bedrock_converse::Converse;
use llm_protocol::capabilities::Capabilities;
use llm_protocol::codec::{Codec, NoStates, ProviderCodec, Reply, RouteOptions};
use llm_protocol::embeddings::{EMBEDDERS, EmbeddingReply, ProviderEmbedder, Titan, Vertex};
use llm_protocol::ir::{Event, Fold, Request, Sink};
use llm_protocol::sse::{ArrayFramer, Frame, SseFramer};
use llm_protocol::{CODECS, ErrorHead, Exchange, Framing, Notes, StreamReader, Target, UrlFacts};

/// A target by its name.
pub(crate) type Run = fn(&[u8]);

/// All of them.
pub(crate) const TARGETS: [(&str, Run); 8] = [
    ("requests", requests),
    ("responses", responses),
    ("streams", streams),
    ("errors", errors),
    ("frames", frames),
    ("converse", converse),
    ("converse_streams", converse_streams),
    ("embeddings", embeddings),
];

/// A model of each kind of target.
const MODELS: [&str; 4] = ["gpt-5.2", "claude-sonnet-4-6", "gemini-3-flash", "gemini-2.0-flash"];
/// The same of Bedrock.
const BEDROCK_MODELS: [&str; 2] = ["us.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-pro-v1:0"];
/// Events of Bedrock's streams, and one that is none. Faults begin with `!`.
const EVENTS: [&str; 9] = [
    "messageStart",
    "contentBlockStart",
    "contentBlockDelta",
    "contentBlockStop",
    "messageStop",
    "metadata",
    "somethingNew",
    "!throttlingException",
    "!modelStreamErrorException",
];

/// How much more than it read a codec may write: settings repeated, texts said again at the end of their items, escapes.
const GROWTH: usize = 64;

/// The codec the first byte chooses, and the rest.
fn choose(data: &[u8]) -> Option<(&'static dyn Codec, u8, &[u8])> {
    let (first, rest) = data.split_first()?;
    Some((CODECS[usize::from(*first) % CODECS.len()], *first, rest))
}

fn small(what: &str, read: usize, written: usize) {
    assert!(written <= GROWTH * read + 65_536, "{what}: {written} bytes written of {read} read");
}

/// Requests of one protocol for every other.
pub(crate) fn requests(data: &[u8]) {
    let Some((from, first, body)) = choose(data) else { return };
    let url = UrlFacts { model: Some("m"), stream: Some(first & 0x80 != 0) };
    let counted = from.client_counter().map(|counter| counter.decode_request(body, url).is_ok());
    let Ok(request) = from.decode_request(body, url) else { return };
    assert_ne!(counted, Some(false), "what is answered is counted");
    let _ = Reply::to(from, &request, 0, 0);
    let provided = CODECS.iter().flat_map(|to| MODELS.map(|model| (*to as &dyn ProviderCodec, model)));
    let bedrock = BEDROCK_MODELS.map(|model| (&Converse as &dyn ProviderCodec, model));
    for (to, model) in provided.chain(bedrock) {
        let options = RouteOptions { url_fetch: first & 0x40 != 0, ..RouteOptions::default() };
        let target = Target { model, capabilities: Capabilities::of(model), options, states: &NoStates };
        let mut notes = Notes::new(first & 0x20 != 0);
        if let Ok(written) = to.encode_request(&request, &target, &mut notes) {
            small("a request", body.len(), written.body.len());
            is_json(&written.body);
        }
        if let Some(Ok(written)) = to.counter().map(|to| to.encode_request(&request, &target, &mut notes)) {
            small("a count", body.len(), written.body.len());
            is_json(&written.body);
        }
    }
}

/// Answers of one protocol for every other.
pub(crate) fn responses(data: &[u8]) {
    let Some((from, _, body)) = choose(data) else { return };
    from.counter().into_iter().for_each(|counter| drop(counter.decode_response(body)));
    if let Ok(models) = from.model_list().decode(body) {
        CODECS.iter().for_each(|to| is_json(&to.model_list().encode(&models)));
    }
    answer_from(from, body);
}

fn answer_from(from: &dyn ProviderCodec, body: &[u8]) {
    let Ok(response) = from.decode_response(body, &Exchange::default()) else { return };
    for to in CODECS {
        let written = to.encode_response(&response, &mut reply(*to), &mut Notes::new(false));
        small("an answer", body.len(), written.len());
        is_json(&written);
    }
}

/// Streams of one protocol for every other, in chunks of a size that the first byte chooses.
pub(crate) fn streams(data: &[u8]) {
    let Some((from, first, body)) = choose(data) else { return };
    let framing = if first & 0x80 == 0 { Framing::Sse } else { Framing::JsonArray };
    let size = 1 + usize::from(first >> 4 & 7) * 37;
    stream_from(from, framing, body, size);
}

fn stream_from(from: &dyn ProviderCodec, framing: Framing, body: &[u8], size: usize) {
    let read = |sink: &mut dyn Sink| {
        let mut reader = StreamReader::new(framing, from.stream_decoder(Exchange::default()));
        body.chunks(size).for_each(|chunk| reader.push(chunk, sink));
        reader.finish(sink);
    };
    let mut fold = Fold::new(from.protocol());
    read(&mut fold);
    for to in CODECS {
        let mut encoder = to.stream_encoder(reply(*to));
        let mut out = Vec::new();
        read(&mut |event: Event<'_>| encoder.event(&event, &mut out));
        // Each event repeats what the stream is known by.
        small("a stream", body.len() * 8, out.len());
    }
}

/// Error bodies of one protocol for every other.
pub(crate) fn errors(data: &[u8]) {
    let Some((from, first, body)) = choose(data) else { return };
    let status = [400, 401, 404, 413, 429, 500, 503, 529][usize::from(first >> 5)];
    error_from(from, ErrorHead { status, ..ErrorHead::default() }, body);
}

fn error_from(from: &dyn ProviderCodec, head: ErrorHead<'_>, body: &[u8]) {
    let error = from.decode_error(head, body);
    for to in CODECS {
        let (status, written) = to.encode_error(&error);
        assert!((400..600).contains(&status), "{status} is no error");
        small("an error", body.len(), written.len());
        is_json(&written);
    }
}

/// Answers and errors of Bedrock.
pub(crate) fn converse(data: &[u8]) {
    let Some((first, body)) = data.split_first() else { return };
    answer_from(&Converse, body);
    let error_type = (first & 1 != 0).then_some("ThrottlingException:http://internal/");
    error_from(&Converse, ErrorHead { status: 400, error_type, ..ErrorHead::default() }, body);
}

/// Streams of Bedrock: any bytes, or, since no such bytes have the right checksums, lines as messages that do. The
/// first byte of a line is its event.
pub(crate) fn converse_streams(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let size = 1 + usize::from(first >> 4) * 37;
    if first & 1 != 0 {
        let mut framer = EventStreamFramer::default();
        let mut seen = 0;
        let mut each = |frame: Frame<'_>| seen += frame.data.len() + frame.event.len();
        let _ = rest.chunks(size).try_for_each(|chunk| framer.push(chunk, &mut each));
        assert!(seen <= 2 * data.len() && framer.held() <= data.len(), "frames hold more than was read");
        return stream_from(&Converse, Framing::AwsEvents, rest, size);
    }
    let mut stream = Vec::new();
    for line in rest.split(|byte| *byte == b'\n') {
        let Some((event, payload)) = line.split_first() else { continue };
        match EVENTS[usize::from(*event) % EVENTS.len()].strip_prefix('!') {
            None => write_event(&mut stream, EVENTS[usize::from(*event) % EVENTS.len()], payload),
            Some(fault) => {
                let headers = [(":message-type", "exception"), (":exception-type", fault)];
                write_message(&mut stream, &headers, payload);
            }
        }
    }
    stream_from(&Converse, Framing::AwsEvents, &stream, size);
}

/// Requests for embeddings, answers to them, and their errors.
pub(crate) fn embeddings(data: &[u8]) {
    let Some((first, body)) = data.split_first() else { return };
    let from = EMBEDDERS[usize::from(*first) % EMBEDDERS.len()];
    let providers =
        EMBEDDERS.iter().map(|one| *one as &dyn ProviderEmbedder).chain([&Titan as _, &Vertex as _]);
    let url = UrlFacts { model: Some("m"), stream: None };
    let request = from.decode_request(body, url);
    for to in providers {
        if let Ok(request) = &request
            && let Ok(written) = to.encode_request(request, "m", &mut Notes::new(first & 0x80 != 0))
        {
            small("a request for embeddings", body.len(), written.len());
            is_json(&written);
        }
        if let Ok(answer) = to.decode_response(body) {
            let model = "m".to_owned();
            let (base64, batch) = (first & 0x40 != 0, first & 0x20 != 0);
            let reply = EmbeddingReply { model, base64, batch, inputs: answer.vectors.len(), estimate: 1 };
            for client in EMBEDDERS {
                if let Ok(written) = client.encode_response(&answer, &reply, &mut Notes::new(false)) {
                    small("embeddings", body.len(), written.len());
                    is_json(&written);
                }
            }
        }
        let error = to.decode_error(ErrorHead { status: 400, ..ErrorHead::default() }, body);
        EMBEDDERS.iter().for_each(|client| is_json(&client.encode_error(&error).1));
    }
}

/// Any bytes as frames.
pub(crate) fn frames(data: &[u8]) {
    let mut seen = 0;
    let mut each = |frame: Frame<'_>| seen += frame.data.len() + frame.event.len();
    let mut events = SseFramer::default();
    let _ = data.chunks(7).try_for_each(|chunk| events.push(chunk, &mut each));
    events.finish(&mut each);
    let mut array = ArrayFramer::default();
    let _ = data.chunks(7).try_for_each(|chunk| array.push(chunk, &mut each));
    assert!(seen <= 2 * data.len() + 2, "frames hold more than was read");
}

fn reply(to: &dyn Codec) -> Reply {
    let mut reply = Reply::to(to, &Request::new(to.protocol(), "m".into()), 1, 1);
    (reply.include_usage, reply.show_reasoning) = (true, true);
    reply
}

fn is_json(body: &[u8]) {
    let read = serde_json::from_slice::<serde::de::IgnoredAny>(body);
    assert!(read.is_ok(), "no JSON was written: {}", String::from_utf8_lossy(body));
}
