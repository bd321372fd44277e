//! The OpenAI format over HTTP: objects, streams, errors.

use serde_json::{Value, json};

use crate::{
    common::{Outcome, refused},
    data, start,
};

#[tokio::test]
async fn chat_speaks_the_openai_format() -> Outcome {
    let server = start().await?;
    let ask = json!({ "model": "default", "messages": [{ "role": "user", "content": [{ "type": "text", "text": "one two" }] }] });
    let whole: Value = server.post("/v1/chat/completions").json(&ask).send().await?.json().await?;
    assert_eq!(whole["object"], "chat.completion");
    assert_eq!(whole["choices"][0]["message"], json!({ "role": "assistant", "content": "one two", "refusal": null }));
    assert_eq!((&whole["choices"][0]["finish_reason"], &whole["usage"]["total_tokens"]), (&json!("stop"), &json!(3)));

    let mut asks = ask.clone();
    asks["stream"] = true.into();
    let reply = server.post("/v1/chat/completions").json(&asks).send().await?;
    assert_eq!(reply.headers()["content-type"], "text/event-stream");
    let text = reply.text().await?;
    let lines = data(&text);
    assert_eq!(lines.last(), Some(&"[DONE]"));
    let chunks = lines[..lines.len() - 1].iter().map(|line| serde_json::from_str(line)).collect::<Result<Vec<Value>, _>>()?;
    assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk" && chunk["id"] == chunks[0]["id"]));
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let said: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(said, "one two");
    assert_eq!(chunks[chunks.len() - 1]["choices"][0]["finish_reason"], "stop");

    let refusal = server.post("/v1/chat/completions").json(&json!({ "model": "", "messages": [] })).send().await?;
    let refusal = refused(refusal, 400, "validation_failed").await?;
    assert_eq!(refusal["error"]["type"], "invalid_request_error");
    assert_eq!(refusal["error"]["param"], "model");
    let keyless = server.post("/v1/chat/completions").header("authorization", "Bearer no").json(&ask).send().await?;
    assert_eq!(refused(keyless, 401, "unauthorized").await?["error"]["type"], "authentication_error");
    Ok(())
}

#[tokio::test]
async fn a_stream_may_end_with_the_tokens_it_took() -> Outcome {
    let server = start().await?;
    let mut ask = json!({ "model": "m", "messages": [{ "role": "developer", "content": "one" }], "stream": true });
    ask["stream_options"] = json!({ "include_usage": true });
    let text = server.post("/v1/chat/completions").json(&ask).send().await?.text().await?;
    let lines = data(&text);
    let last: Value = serde_json::from_str(lines[lines.len() - 2])?;
    assert_eq!((&last["choices"], &last["usage"]["total_tokens"]), (&json!([]), &json!(3)));

    ask["stream_options"] = json!("all");
    let refusal = refused(server.post("/v1/chat/completions").json(&ask).send().await?, 400, "validation_failed").await?;
    assert_eq!(refusal["error"]["param"], "stream_options");
    Ok(())
}

#[tokio::test]
async fn the_newer_name_of_a_field_is_read_and_may_not_contradict_the_older() -> Outcome {
    let server = start().await?;
    let ask = |tokens: Value| {
        let mut ask = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }], "max_completion_tokens": 5 });
        ask["max_tokens"] = tokens;
        server.post("/v1/chat/completions").json(&ask).send()
    };
    assert_eq!(ask(json!(null)).await?.status(), 200);
    assert_eq!(ask(json!(5)).await?.status(), 200);
    assert_eq!(refused(ask(json!(6)).await?, 400, "validation_failed").await?["error"]["param"], "max_tokens");
    Ok(())
}
