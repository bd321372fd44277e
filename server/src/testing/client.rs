//! A session, as a test holds it.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use futures_util::{FutureExt, future::BoxFuture};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tabagent_protocol::{Body, ConnectionId, Endpoint, Fault, Lane, Limits, Request, api::Action};
use tokio::sync::{mpsc, oneshot};

use super::{
    calling::{Calling, Stream, over, read, written},
    driver::{self, Driver, Opener, Wish},
    faults::Faults,
    queue::Queue,
    transport::Transport,
};
use crate::service::Principal;

/// Wishes that wait for the session's loop; one more waits in its caller.
const WISHES: usize = 64;
/// News that nobody has read: the newest of them are kept.
const NEWS: usize = 1_024;

/// What happens to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It stands; whether the server knew it, and the server's process.
    Welcomed(bool, [u8; 16]),
    /// It goes on over this transport.
    Moved(ConnectionId),
    /// No transport is left.
    Disconnected,
    /// The server has it no more; what never left waits for the next one, which begins by itself or with [`Client::restart`].
    Expired(Fault),
    /// The server announces an end: of the session, of a connection, or that there will be none for now.
    GoAway(Fault),
    /// A transport is gone.
    Lost(ConnectionId),
    /// It is over.
    Closed(Fault),
}

/// Who has a session, and how it behaves.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Whose it is, where a [`Memory`](super::Memory) is asked for transports.
    pub principal: Principal,
    /// A key, sent in the hello.
    pub bearer: Option<String>,
    /// The session's name; random when absent.
    pub secret: Option<[u8; 32]>,
    /// Names of sessions that end when this one begins: their client crashed.
    pub replaces: Vec<[u8; 32]>,
    /// The session's limits.
    pub limits: Limits,
    /// Whether it looks for another transport when it has lost the last, and for another session when the server has lost that.
    pub reconnect: bool,
    /// Of its faults.
    pub seed: u64,
}

impl Default for ClientOptions {
    fn default() -> Self {
        let principal = Principal::local();
        Self { principal, bearer: None, secret: None, replaces: Vec::new(), limits: Limits::default(), reconnect: true, seed: 0 }
    }
}

/// A client's session. Dropping it ends the session.
pub struct Client {
    wishes: mpsc::Sender<Wish>,
    faults: Faults,
    bearer: Option<String>,
    made: Arc<AtomicU32>,
    shared: Arc<Shared>,
    over: oneshot::Receiver<Fault>,
}

/// An action that the client serves.
pub(super) type Handler = Arc<dyn Fn(Body) -> BoxFuture<'static, Result<Body, Fault>> + Send + Sync>;

/// What the session's loop leaves for the client's holder.
pub(super) struct Shared {
    pub(super) news: Queue<News>,
    pub(super) events: Queue<Body>,
}

impl Client {
    /// A session without any transport yet: [`attach`](Self::attach) gives it one.
    #[must_use]
    pub fn new(options: ClientOptions) -> Self {
        Self::with_opener(options, None)
    }

    /// One that opens its transports itself.
    pub(super) fn with_opener(options: ClientOptions, opener: Option<Opener>) -> Self {
        let (wishes, wished) = mpsc::channel(WISHES);
        let (ended, over) = oneshot::channel();
        let faults = Faults::new(options.seed);
        let shared = Arc::new(Shared { news: Queue::new(NEWS), events: Queue::new(options.limits.events as usize) });
        let (made, bearer) = (Arc::new(AtomicU32::new(0)), options.bearer.clone());
        let mut endpoint = Endpoint::client(options.limits, options.secret.unwrap_or_else(driver::secret));
        endpoint.replace(options.replaces);
        let opener = opener.filter(|_| options.reconnect);
        let around = driver::Around {
            wishes: wishes.downgrade(),
            faults: faults.clone(),
            bearer: bearer.clone(),
            made: Arc::clone(&made),
            opener,
        };
        tokio::spawn(Driver::new(endpoint, around, Arc::clone(&shared)).run(wished, ended));
        Self { wishes, faults, bearer, made, shared, over }
    }

    /// Goes on over another transport.
    ///
    /// # Errors
    /// When the session is over.
    pub async fn attach(&self, transport: Transport) -> Result<ConnectionId, Fault> {
        self.attach_as(transport, self.bearer.as_deref()).await
    }

    /// The same with another key in the hello, or none: a transport may have carried one itself.
    ///
    /// # Errors
    /// When the session is over.
    pub async fn attach_as(&self, transport: Transport, bearer: Option<&str>) -> Result<ConnectionId, Fault> {
        let id = ConnectionId(self.made.fetch_add(1, Ordering::Relaxed));
        self.wish(Wish::Open(id, Box::new(transport), bearer.map(str::to_owned))).await?;
        Ok(id)
    }

    /// Cuts one transport, without a word to the server where its kind can do that; see [`faults`](Self::faults) for all of them.
    pub async fn cut(&self, connection: ConnectionId) {
        drop(self.wish(Wish::Cut(connection)).await);
    }

    /// The faults of the transports that were made for this client.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Begins anew after the session expired, where it does not do so by itself.
    pub async fn restart(&self) {
        drop(self.wish(Wish::Restart).await);
    }

    /// Asks and waits for the answer. Dropping the future cancels the call.
    ///
    /// # Errors
    /// The call's failure; `protocol_error` for an answer of another type.
    pub async fn request<A>(&self, ask: &A) -> Result<A::Response, Fault>
    where
        A: Action + Serialize,
        A::Response: DeserializeOwned,
    {
        self.stream(ask).await?.response().await
    }

    /// Asks, to read along.
    ///
    /// # Errors
    /// When the request is refused at once, or the session is over.
    pub async fn stream<A: Action + Serialize>(&self, ask: &A) -> Result<Stream<A>, Fault> {
        Ok(Stream::new(self.call(request(ask, false)?).await?))
    }

    /// Asks, with items of its own behind the request: [`Stream::send`], then [`Stream::finish`].
    ///
    /// # Errors
    /// As [`Self::stream`].
    pub async fn upload<A: Action + Serialize>(&self, ask: &A) -> Result<Stream<A>, Fault> {
        Ok(Stream::new(self.call(request(ask, true)?).await?))
    }

    /// Asks for an action by its name, and waits for the answer.
    ///
    /// # Errors
    /// The call's failure.
    pub async fn ask(&self, action: &str, fields: &Value) -> Result<Value, Fault> {
        let request = Request { action: action.to_owned(), body: Body::json(fields.to_string()), ..Request::default() };
        read(&self.call(request).await?.answer().await?)
    }

    /// Makes a call as it is.
    ///
    /// # Errors
    /// When the request is refused at once, or the session is over.
    pub async fn call(&self, request: Request) -> Result<Calling, Fault> {
        let (made, calling) = oneshot::channel();
        self.wish(Wish::Call(Box::new(request), made)).await?;
        calling.await.map_err(|_| over())?
    }

    /// Answers calls of the server. A later handler of the same action takes its place.
    pub async fn serve<A, F, Fut>(&self, handler: F)
    where
        A: Action,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A::Response, Fault>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let answer = move |body: Body| {
            let handler = Arc::clone(&handler);
            async move { written(&handler(read(&body)?).await?) }.boxed()
        };
        drop(self.wish(Wish::Serve(A::NAME.to_owned(), Arc::new(answer))).await);
    }

    /// The next event that the session subscribed to; `None` when the session is over. Those of a call come with its replies.
    pub async fn event(&self) -> Option<Value> {
        let body = self.shared.events.next().await?;
        serde_json::from_slice(&body.value).ok()
    }

    /// The next thing that happens to the session; `None` when it is over and all is told.
    pub async fn news(&self) -> Option<News> {
        self.shared.news.next().await
    }

    /// The same, if something has happened already.
    #[must_use]
    pub fn try_news(&self) -> Option<News> {
        self.shared.news.try_next()
    }

    /// Ends the session, telling the server, and says how it ended.
    pub async fn close(self) -> Option<Fault> {
        drop(self.wish(Wish::Close).await);
        self.over.await.ok()
    }

    async fn wish(&self, wish: Wish) -> Result<(), Fault> {
        self.wishes.send(wish).await.map_err(|_| over())
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

fn request<A: Action + Serialize>(ask: &A, streams: bool) -> Result<Request, Fault> {
    let lane: Lane = A::INFO.lane;
    Ok(Request { action: A::NAME.to_owned(), lane, streams, body: written(ask)?, ..Request::default() })
}
