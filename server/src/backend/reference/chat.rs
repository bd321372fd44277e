//! chat and generate: the same generator, asked in two ways.

use std::sync::Arc;

use tabagent_protocol::{
    Fault,
    api::{Chat, ChatMessage, ChatResponse, Generate, GenerateResponse, MessageRole, Stop},
};

use super::{
    Reference, answer,
    generator::{Manner, Said, say},
    models, words,
};
use crate::service::Call;

pub(super) async fn chat(reference: Arc<Reference>, call: Call, request: Chat) -> Result<ChatResponse, Fault> {
    let model = models::find(&request.model, "chat")?.id.to_owned();
    let said = respond(&reference, &call, &request).await?;
    let id = call.request_id().to_owned();
    Ok(ChatResponse { id, model, response: said.text, usage: said.usage, finish_reason: said.finish_reason })
}

pub(super) async fn generate(reference: Arc<Reference>, call: Call, request: Generate) -> Result<GenerateResponse, Fault> {
    let model = models::find(&request.model, "generate")?.id.to_owned();
    let prompt = ChatMessage { role: MessageRole::User, content: request.prompt, name: None };
    let as_chat = Chat {
        messages: vec![prompt],
        max_tokens: request.max_tokens,
        stop: request.stop,
        stream: request.stream,
        ..Chat::default()
    };
    let said = respond(&reference, &call, &as_chat).await?;
    let id = call.request_id().to_owned();
    Ok(GenerateResponse { id, model, text: said.text, usage: said.usage, finish_reason: said.finish_reason })
}

async fn respond(reference: &Reference, call: &Call, request: &Chat) -> Result<Said, Fault> {
    let max_tokens = request.max_tokens.unwrap_or(reference.options.max_tokens);
    let text = answer::answer(&request.messages, max_tokens, || reference.machine());
    let manner = Manner {
        max_tokens,
        stop: request.stop.as_ref().map_or(&[], Stop::as_slice),
        tokens_per_second: reference.options.tokens_per_second,
        stream: request.stream.unwrap_or(false),
    };
    let input_tokens = request.messages.iter().map(|message| words::tokens(&message.content).count() as u64).sum();
    say(call, &text, &manner, input_tokens).await
}
