//! chat, generate and responses: the same generator, asked in three ways.

use std::sync::Arc;

use tabagent_protocol::{
    Fault,
    api::{
        Chat, ChatMessage, ChatResponse, Generate, GenerateResponse, MessageRole, ParamsResponse, Responses, ResponsesInput,
        ResponsesResponse, Stop,
    },
};

use super::{
    Reference, answer,
    generator::{Manner, Said, say},
    models::{Engine, Found},
    words,
};
use crate::service::{Call, Service};

impl Service {
    /// Adds `chat`, `generate` and `responses`.
    pub(super) fn with_generation(self, reference: Reference) -> Self {
        let reference = Arc::new(reference);
        let [for_chat, for_generate, for_responses] = std::array::from_fn(|_| Arc::clone(&reference));
        self.on(move |call, request: Chat| chat(Arc::clone(&for_chat), call, request))
            .on(move |call, request: Generate| generate(Arc::clone(&for_generate), call, request))
            .on(move |call, request: Responses| responses(Arc::clone(&for_responses), call, request))
    }
}

async fn chat(reference: Arc<Reference>, call: Call, request: Chat) -> Result<ChatResponse, Fault> {
    let model = reference.models.find(&request.model, "chat")?;
    let said = respond(&reference, &call, &model, &request).await?;
    let (id, model) = (call.request_id().to_owned(), model.id.to_owned());
    Ok(ChatResponse { id, model, response: said.text, usage: said.usage, finish_reason: said.finish_reason })
}

async fn generate(reference: Arc<Reference>, call: Call, request: Generate) -> Result<GenerateResponse, Fault> {
    let model = reference.models.find(&request.model, "generate")?;
    let as_chat = Chat {
        messages: vec![message(MessageRole::User, request.prompt)],
        max_tokens: request.max_tokens,
        stop: request.stop,
        stream: request.stream,
        ..Chat::default()
    };
    let said = respond(&reference, &call, &model, &as_chat).await?;
    let (id, model) = (call.request_id().to_owned(), model.id.to_owned());
    Ok(GenerateResponse { id, model, text: said.text, usage: said.usage, finish_reason: said.finish_reason })
}

async fn responses(reference: Arc<Reference>, call: Call, request: Responses) -> Result<ResponsesResponse, Fault> {
    let model = reference.models.find(&request.model, "chat")?;
    let input = match request.input {
        ResponsesInput::Text(text) => vec![message(MessageRole::User, text)],
        ResponsesInput::Messages(messages) => messages,
    };
    let instructions = request.instructions.map(|text| message(MessageRole::System, text));
    let as_chat = Chat {
        messages: instructions.into_iter().chain(input).collect(),
        max_tokens: request.max_output_tokens,
        stream: request.stream,
        ..Chat::default()
    };
    let said = respond(&reference, &call, &model, &as_chat).await?;
    let (id, model) = (call.request_id().to_owned(), model.id.to_owned());
    Ok(ResponsesResponse { id, model, output_text: said.text, usage: said.usage, finish_reason: said.finish_reason })
}

fn message(role: MessageRole, content: String) -> ChatMessage {
    ChatMessage { role, content, name: None }
}

async fn respond(reference: &Reference, call: &Call, model: &Found, request: &Chat) -> Result<Said, Fault> {
    let unsaid = reference.settings.of(call.principal(), model);
    let ParamsResponse { min_length, max_length, max_new_tokens, stop_sequences, .. } = unsaid;
    let max_tokens = request.max_tokens.unwrap_or(max_length.min(max_new_tokens));
    let text = match &model.engine {
        Engine::Guide(guide) => guide.answer(answer::last_user(&request.messages)),
        Engine::Words | Engine::Vectors => answer::answer(&request.messages, max_tokens, || reference.machine()),
    };
    let manner = Manner {
        min_tokens: min_length,
        max_tokens,
        stop: request.stop.as_ref().map_or(&stop_sequences, Stop::as_slice),
        tokens_per_second: reference.tokens_per_second,
        stream: request.stream.unwrap_or(false),
    };
    let input_tokens = request.messages.iter().map(|message| words::tokens(&message.content).count() as u64).sum();
    say(call, &text, &manner, input_tokens).await
}
