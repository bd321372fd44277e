//! Native messaging: the host as a browser starts it, against the real server program.

use serde_json::json;
use tabagent_protocol::api::Generate;
use tabagent_server::{
    Server, ServerOptions, Service,
    testing::{Client, ClientOptions},
};
use tabagent_tests::{
    Program,
    hosted::{Host, hear, say},
    program::KEY,
};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_runs_through_the_host_and_goes_on_over_another_one() -> Outcome {
    let data = tempfile::tempdir()?;
    let _server = Program::start(data.path())?;
    let client = Client::new(ClientOptions { bearer: Some(KEY.to_owned()), ..ClientOptions::default() });
    let first = client.attach(Host::transport(data.path())?).await?;
    assert_eq!(client.ask("health", &json!({})).await?["status"], "healthy");

    let count: Generate = serde_json::from_value(json!({"model": "default", "prompt": "Count to 40", "stream": true}))?;
    let mut stream = client.stream(&count).await?;
    let mut text = String::new();
    let mut items = 0;
    while let Some(item) = stream.item().await? {
        text.push_str(&item.delta);
        items += 1;
        if items == 5 {
            client.cut(first).await;
            client.attach(Host::transport(data.path())?).await?;
        }
    }
    let numbers: Vec<u32> = text.split(|letter: char| !letter.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>(), "{text}");
    stream.response().await?;
    Ok(())
}

#[test]
fn plain_envelopes_are_answered_and_the_host_ends_with_either_side() -> Outcome {
    let data = tempfile::tempdir()?;
    for first in [json!({"action": "health"}), json!({"p": ""})] {
        let mut nobody = Host::start(data.path())?;
        say(&mut nobody.input, &first)?;
        assert!(!nobody.wait()?, "there is no server");
        assert_eq!(hear(&mut nobody.output)?, None, "standard output is the browser's alone");
    }

    let mut server = Program::start(data.path())?;
    let mut host = Host::start(data.path())?;
    say(&mut host.input, &json!({"action": "health", "request_id": "one"}))?;
    assert_eq!(hear(&mut host.output)?.ok_or("an answer")?["status"], "healthy");
    // A knock: there is a server.
    say(&mut host.input, &json!({"p": ""}))?;
    assert_eq!(hear(&mut host.output)?, Some(json!({"p": ""})));
    say(&mut host.input, &json!({"action": "x".repeat(1024 * 1024)}))?;
    assert_eq!(hear(&mut host.output)?.ok_or("an answer")?["code"], "payload_too_large");
    say(&mut host.input, &json!({"p": "no base64!"}))?;
    assert_eq!(hear(&mut host.output)?.ok_or("an answer")?["code"], "bad_request");
    say(&mut host.input, &json!({"action": "health"}))?;
    assert!(hear(&mut host.output)?.is_some(), "it goes on after all that");

    assert!(Host::start(data.path())?.close()?, "the browser closed its pipe");
    server.kill()?;
    assert!(!host.wait()?, "the server is gone");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_needs_a_key_as_an_extension_does_on_every_rung_and_plain_json_a_server_that_lets_local_callers_in() -> Outcome
{
    for allow_local in [false, true] {
        let data = tempfile::tempdir()?;
        let options = ServerOptions { keys: vec!["right".parse()?], allow_local, ..ServerOptions::default() };
        let server = Server::new(options, Service::reference());
        tokio::spawn(server.serve_native(data.path())?);

        for (bearer, welcome) in [(None, false), (Some("wrong"), false), (Some("right"), true)] {
            let client = Client::new(ClientOptions { bearer: bearer.map(str::to_owned), ..ClientOptions::default() });
            client.attach(Host::transport(data.path())?).await?;
            let code = client.ask("health", &json!({})).await.err().map(|fault| fault.code.to_string());
            assert_eq!(code.as_deref(), (!welcome).then_some("unauthorized"), "{bearer:?}, {allow_local}");
        }

        let plain = tokio::task::spawn_blocking(move || -> std::io::Result<_> {
            let mut host = Host::start(data.path())?;
            say(&mut host.input, &json!({"action": "health"}))?;
            let answer = hear(&mut host.output)?;
            Ok((answer, if allow_local { host.close()? } else { host.wait()? }))
        });
        let (answer, well) = plain.await??;
        let code = answer.ok_or("an answer")?["code"].as_str().map(str::to_owned);
        assert_eq!(code.as_deref(), (!allow_local).then_some("unauthorized"));
        assert_eq!(well, allow_local);
        server.close().await;
    }
    Ok(())
}
