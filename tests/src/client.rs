//! A native program's session over real transports: WebRTC and WebSockets that tests open and cut as they like.

use std::time::Duration;

use serde_json::Value;
use tabagent_protocol::{Body, CallId, Code, ConnectionId, Fault, Lane, Limits, Request};
use tabagent_server::testing::{Calling, Client, ClientOptions, News, Transport};

use crate::{
    native::{self, failed},
    ws,
};

/// Longest wait for each step; a machine under load is slow, not broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A kind of transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// Two data channels.
    WebRtc,
    /// One socket.
    WebSocket,
}

/// One part of an answer.
#[derive(Debug)]
pub enum Reply {
    /// An item of the stream.
    Item(Value),
    /// The end of it.
    Done(Result<Value, Fault>),
}

/// What comes back from a call. Dropping it cancels the call.
#[derive(Debug)]
pub struct Replies(Calling);

impl Replies {
    /// Withdraws the call.
    pub async fn cancel(self) {
        self.0.cancel().await;
    }

    /// The next part; `None` after the last.
    pub async fn recv(&mut self) -> Option<Reply> {
        use tabagent_server::testing::Reply as Part;
        loop {
            match self.0.next().await? {
                Part::Item(body) => return Some(Reply::Item(value(&body))),
                Part::News(_) => {}
                Part::Done(answer) => return Some(Reply::Done(answer.map(|body| value(&body)))),
            }
        }
    }
}

/// Where a session goes, and as whom.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The server.
    pub url: String,
    /// Its key: in a header where there is one, in the hello where not.
    pub key: Option<String>,
    /// The session's name; random when absent.
    pub secret: Option<[u8; 32]>,
    /// Secrets of sessions that this one takes the place of.
    pub replaces: Vec<[u8; 32]>,
    /// The session's limits.
    pub limits: Limits,
}

/// A session of a native program, which opens another transport when it is told to.
#[derive(Debug)]
pub struct NativeClient {
    options: Options,
    /// The session.
    pub session: Client,
}

impl NativeClient {
    /// A session over WebRTC.
    ///
    /// # Errors
    /// What refused or failed, by its code.
    pub async fn connect(url: &str) -> Result<Self, Fault> {
        let client = Self::new(Options { url: url.to_owned(), ..Options::default() });
        client.open(Rung::WebRtc).await?;
        Ok(client)
    }

    /// A session without any transport yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let Options { secret, limits, replaces, .. } = options.clone();
        let session = Client::new(ClientOptions { secret, limits, replaces, reconnect: false, ..ClientOptions::default() });
        Self { options, session }
    }

    /// Opens another transport and moves to it.
    ///
    /// # Errors
    /// What refused or failed, by its code.
    pub async fn open(&self, rung: Rung) -> Result<ConnectionId, Fault> {
        self.open_at(rung, &self.options.url).await
    }

    /// The same at another server.
    ///
    /// # Errors
    /// What refused or failed, by its code.
    pub async fn open_at(&self, rung: Rung, url: &str) -> Result<ConnectionId, Fault> {
        let key = self.options.key.as_deref();
        let transport: Transport = match rung {
            Rung::WebRtc => native::transport(url, key).await?,
            Rung::WebSocket => ws::transport(url).await?,
        };
        let bearer = key.filter(|_| rung == Rung::WebSocket);
        self.session.attach_as(transport, bearer).await
    }

    /// Cuts a transport.
    pub async fn cut(&self, connection: ConnectionId) {
        self.session.cut(connection).await;
    }

    /// Begins anew after the session expired.
    pub async fn restart(&self) {
        self.session.restart().await;
    }

    /// What has happened and was not looked at yet, if anything has.
    #[must_use]
    pub fn heard(&self) -> Option<News> {
        self.session.try_news()
    }

    /// Waits for news that fits.
    ///
    /// # Panics
    /// When it does not come.
    #[expect(clippy::panic, reason = "a test that saw something else says what it saw")]
    pub async fn until(&mut self, fits: impl Fn(&News) -> bool) -> News {
        let mut heard = Vec::new();
        loop {
            match tokio::time::timeout(PATIENCE, self.session.news()).await {
                Ok(Some(news)) if fits(&news) => return news,
                Ok(Some(news)) => heard.push(news),
                end => panic!("{end:?} after {heard:?}"),
            }
        }
    }

    /// Asks and reads along.
    ///
    /// # Errors
    /// When the request is refused at once, or the session is over.
    pub async fn stream(&self, action: &str, fields: &Value) -> Result<(CallId, Replies), Fault> {
        self.stream_in(Lane::Interactive, action, fields).await
    }

    /// The same in this lane.
    ///
    /// # Errors
    /// As [`Self::stream`].
    pub async fn stream_in(&self, lane: Lane, action: &str, fields: &Value) -> Result<(CallId, Replies), Fault> {
        let request = Request { action: action.to_owned(), lane, body: Body::json(fields.to_string()), ..Request::default() };
        let calling = self.session.call(request).await?;
        Ok((calling.id(), Replies(calling)))
    }

    /// Asks with items of its own behind the request, sent as the handler reads them.
    ///
    /// # Errors
    /// As [`Self::stream`].
    pub async fn upload(
        &self,
        lane: Lane,
        action: &str,
        fields: &Value,
        items: impl IntoIterator<Item = Value>,
    ) -> Result<(CallId, Replies), Fault> {
        let body = Body::json(fields.to_string());
        let request = Request { action: action.to_owned(), lane, body, streams: true, ..Request::default() };
        let calling = self.session.call(request).await?;
        calling.queue(items.into_iter().map(|item| Body::json(item.to_string())).collect()).await?;
        Ok((calling.id(), Replies(calling)))
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// The call's failure.
    pub async fn request(&self, action: &str, fields: &Value) -> Result<Value, Fault> {
        let (_, mut replies) = self.stream(action, fields).await?;
        answer(&mut replies).await
    }

    /// Ends the session politely and says how it ended.
    pub async fn close(self) -> Option<Fault> {
        self.session.close().await
    }
}

/// The answer of a call, whatever comes before it.
///
/// # Errors
/// The call's failure.
pub async fn answer(replies: &mut Replies) -> Result<Value, Fault> {
    loop {
        match tokio::time::timeout(PATIENCE, replies.recv()).await.map_err(|_| failed("no answer in time"))? {
            Some(Reply::Item(_)) => {}
            Some(Reply::Done(answer)) => return answer,
            None => return Err(Fault::new(Code::TRANSPORT_FAILED, "the session ended before the answer")),
        }
    }
}

fn value(body: &Body) -> Value {
    serde_json::from_slice(&body.value).unwrap_or(Value::Null)
}
