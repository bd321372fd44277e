//! What the server says of itself is what it does: its OpenAPI document, its examples, its page.

use std::error::Error;

use reqwest::{Method, Response, header};
use serde_json::{Map, Value, json};
use tabagent_protocol::api::{ActionInfo, TABLE};
use tabagent_server::{ReferenceOptions, ServerOptions, Service};

use crate::common::{KEY, Outcome, TestServer, options, refused, service};

const SCHEMAS: &str = "#/components/schemas/";

fn reference() -> Service {
    Service::reference_with(ReferenceOptions { tokens_per_second: 0, ..ReferenceOptions::default() })
}

/// All values under a key, wherever it is.
fn all<'v>(value: &'v Value, key: &str, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get(key));
            object.values().for_each(|value| all(value, key, found));
        }
        Value::Array(list) => list.iter().for_each(|value| all(value, key, found)),
        _ => {}
    }
}

/// A schema of the document with everything it may refer to.
fn checks(document: &Value, schema: &Value) -> jsonschema::Validator {
    let whole = json!({ "allOf": [schema], "components": document["components"] });
    jsonschema::validator_for(&whole).expect("a schema")
}

fn operation<'d>(document: &'d Value, info: &ActionInfo) -> &'d Value {
    &document["paths"][info.address().as_ref()][info.method.to_lowercase()]
}

/// Sends the fields of an example to where the document says they stand.
async fn send(server: &TestServer, info: &ActionInfo, fields: &Value) -> Result<Response, Box<dyn Error>> {
    let mut fields = fields.as_object().cloned().unwrap_or_default();
    let address = info.address();
    let segment = |segment: &str, fields: &mut Map<String, Value>| {
        let name = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        name.map_or_else(|| segment.to_owned(), |name| text(&fields.shift_remove(name).unwrap_or_default()).replace('/', "%2F"))
    };
    let path: Vec<_> = address.split('/').map(|one| segment(one, &mut fields)).collect();
    let request = server.client.request(Method::from_bytes(info.method.as_bytes())?, server.url(&path.join("/")));
    let request = match info.method {
        "GET" | "DELETE" => request.query(&fields.iter().map(|(name, value)| (name, text(value))).collect::<Vec<_>>()),
        _ => request.json(&fields),
    };
    Ok(request.send().await?)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn the_document_is_whole() {
    let document = reference().api().openapi();
    assert_eq!(document["openapi"], "3.1.0");
    let mut references = Vec::new();
    all(&document, "$ref", &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#')).expect("within the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        jsonschema::meta::validate(schema).unwrap_or_else(|error| unreachable!("{name}: {error}"));
        assert!(name.chars().all(char::is_alphanumeric), "{name}");
    }
    let mut ids = Vec::new();
    all(&document, "operationId", &mut ids);
    let count = ids.len();
    ids.sort_by_key(|id| id.to_string());
    ids.dedup();
    assert_eq!(ids.len(), count, "an operationId is there twice");
}

#[test]
fn every_action_is_at_every_address_of_its() {
    let service = reference();
    let document = service.api().openapi();
    for info in service.api().actions() {
        let own = operation(&document, info);
        assert_eq!(own["operationId"], info.name);
        assert_eq!((&own["x-tabagent-action"], &own["x-tabagent-scope"]), (&json!(info.name), &json!(info.scope)));
        for (method, path) in info.also {
            assert_eq!(document["paths"][path][method.to_lowercase()]["deprecated"], true, "{method} {path}");
        }
        let in_path = info.address().split('/').filter(|segment| segment.starts_with('{')).count();
        let parameters = own["parameters"].as_array().into_iter().flatten();
        assert_eq!(parameters.filter(|parameter| parameter["in"] == "path").count(), in_path, "{}", info.name);
        assert!(own["responses"].as_object().is_some_and(|responses| responses.len() > 10));
    }
}

#[test]
fn every_accepted_example_fits_its_schema() {
    let service = reference();
    let document = service.api().openapi();
    for info in service.api().actions() {
        let content = &operation(&document, info)["requestBody"]["content"]["application/json"];
        if let (Some(schema), Some(example)) = (content.get("schema"), content.get("example")) {
            let outcome = checks(&document, schema).validate(example).map_err(|error| error.to_string());
            assert_eq!(outcome, Ok(()), "{}", info.name);
        }
        for parameter in operation(&document, info)["parameters"].as_array().into_iter().flatten() {
            if let (Some(schema), Some(example)) = (parameter.get("schema"), parameter.get("example")) {
                assert!(checks(&document, schema).is_valid(example), "{}: {parameter}", info.name);
            }
        }
    }
}

#[tokio::test]
async fn every_accepted_example_is_answered_as_the_document_says() -> Outcome {
    let server = TestServer::start(options(), reference()).await?;
    let document: Value = server.get("/v1/openapi.json").send().await?.json().await?;
    for info in reference().api().actions() {
        let reply = send(&server, info, &serde_json::from_str(info.accepted)?).await?;
        if info.needs_session {
            refused(reply, 409, "invalid_state").await?;
            continue;
        }
        let (status, kind) = (reply.status(), reply.headers()[header::CONTENT_TYPE].clone());
        let answer: Value = reply.json().await?;
        assert_eq!((status.as_u16(), kind.to_str()?), (200, "application/json"), "{}: {answer}", info.name);
        let schema = &operation(&document, info)["responses"]["200"]["content"]["application/json"]["schema"];
        let outcome = checks(&document, schema).validate(&answer).map_err(|error| error.to_string());
        assert_eq!(outcome, Ok(()), "{}: {answer}", info.name);
    }
    Ok(())
}

#[tokio::test]
async fn every_refused_example_is_refused_for_its_field() -> Outcome {
    let server = TestServer::start(options(), reference()).await?;
    let document: Value = server.get("/v1/openapi.json").send().await?.json().await?;
    for info in reference().api().actions() {
        let (example, field) = info.refused;
        let reply = send(&server, info, &serde_json::from_str(example)?).await?;
        let (status, error): (_, Value) = (reply.status(), reply.json().await?);
        assert!(status.is_client_error(), "{}: {error}", info.name);
        if info.needs_session {
            assert_eq!(error["code"], "invalid_state");
            continue;
        }
        assert_eq!(error["details"]["field"], field, "{}: {error}", info.name);
        let reference = &operation(&document, info)["responses"][status.as_str()]["$ref"];
        let response = reference.as_str().and_then(|text| document.pointer(text.trim_start_matches('#')));
        let schema = &response.expect("a documented status")["content"]["application/json"]["schema"];
        assert!(checks(&document, schema).is_valid(&error), "{}: {error}", info.name);
    }
    Ok(())
}

#[tokio::test]
async fn the_table_is_served_with_own_actions_behind_it() -> Outcome {
    let server = TestServer::start(options(), service().with_system().with_control()).await?;
    let routes: Value = server.get("/v1/routes").send().await?.json().await?;
    let rows = routes["routes"].as_array().ok_or("a list")?;
    assert_eq!(routes["total"], rows.len());
    let names: Vec<_> = rows.iter().filter_map(|row| row["action"].as_str()).collect();
    let in_table: Vec<_> = TABLE.iter().map(|info| info.name).filter(|name| names.contains(name)).collect();
    assert_eq!(names, [in_table, vec!["echo", "alive"]].concat());
    let health = json!({"action": "health", "method": "GET", "path": "/v1/health", "tags": ["system"],
        "description": rows[0]["description"], "streaming": false, "requires_auth": true});
    assert_eq!(rows[0], health);
    let subscribe = rows.iter().find(|row| row["action"] == "subscribe").ok_or("subscribe")?;
    assert_eq!((&subscribe["method"], &subscribe["path"]), (&json!("POST"), &json!("/v1/actions/subscribe")));
    Ok(())
}

#[tokio::test]
async fn descriptions_have_their_types_and_need_a_key_where_actions_do() -> Outcome {
    let server = TestServer::start(ServerOptions { allow_local: false, ..options() }, service()).await?;
    for path in ["/v1/openapi.json", "/v1/types.ts"] {
        refused(server.get(path).send().await?, 401, "unauthorized").await?;
    }
    let keyed = |path: &str| server.get(path).bearer_auth(KEY).send();
    let types = keyed("/v1/types.ts").await?;
    assert_eq!(types.headers()[header::CONTENT_TYPE], "text/typescript; charset=utf-8");
    assert_eq!(types.text().await?, service().api().typescript());
    let document = keyed("/v1/openapi.json").await?;
    assert_eq!(document.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(document.json::<Value>().await?, service().api().openapi());
    refused(server.client.delete(server.url("/v1/types.ts")).bearer_auth(KEY).send().await?, 405, "not_found").await?;
    Ok(())
}

#[tokio::test]
async fn the_page_for_people_has_neither_scripts_nor_a_need_for_keys() -> Outcome {
    let server = TestServer::start(ServerOptions { allow_local: false, ..options() }, reference()).await?;
    let page = server.get("/docs").send().await?;
    assert_eq!(page.status(), 200);
    let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str()?;
    assert!(policy.starts_with("default-src 'none'; style-src 'self'") && !policy.contains("script-src"), "{policy}");
    let text = page.text().await?;
    assert!(text.contains(&format!("curl 'http://127.0.0.1:{}/v1/health'", server.port)));
    for (path, kind) in [("/docs/style.css", "text/css; charset=utf-8"), ("/docs/mark.svg", "image/svg+xml")] {
        assert!(text.contains(path), "{path}");
        assert_eq!(server.get(path).send().await?.headers()[header::CONTENT_TYPE], kind);
    }
    let found = server.get("/docs?q=EMBED").send().await?.text().await?;
    assert!(found.contains("id=\"embeddings\"") && !found.contains("id=\"health\""));
    let foreign = server.get("/docs").header("origin", "https://evil.test").send().await?;
    refused(foreign, 403, "origin_refused").await?;
    Ok(())
}

#[test]
fn schemas_of_the_openai_format_do_not_take_names_from_own_types() {
    let document = reference().api().openapi();
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    for name in ["OpenAiChatCompletion", "OpenAiChatCompletionChunk", "OpenAiEmbeddingList", "OpenAiModelList", "OpenAiError"] {
        assert!(schemas.contains_key(name), "{name}");
    }
    let chat = &document["paths"]["/v1/chat/completions"]["post"]["responses"]["200"]["content"]["application/json"]["schema"];
    assert_eq!(chat["$ref"], format!("{SCHEMAS}OpenAiChatCompletion"));
}
