//! A server without a socket, or the sessions of one that has some.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use tabagent_protocol::{Code, Fault};
use tokio_util::sync::CancellationToken;

use super::{
    client::{Client, ClientOptions, News},
    driver::Opener,
    faults::Faults,
    transport::{Transport, channel},
};
use crate::{
    Server, ServerLimits, ServerOptions, Service,
    service::Principal,
    sessions::{LocalPipe, Pipes},
};

/// Serves sessions in this process. A cheap handle: clones are the same server.
#[derive(Clone, Debug)]
pub struct Memory {
    server: Server,
}

impl Memory {
    /// A server of this service.
    #[must_use]
    pub fn serve(service: Service) -> Self {
        Self::serve_under(service, ServerLimits::default())
    }

    /// The same under other limits.
    #[must_use]
    pub fn serve_under(service: Service, limits: ServerLimits) -> Self {
        Self::of(&Server::new(ServerOptions { limits, ..ServerOptions::default() }, service))
    }

    /// A way into a server that may have others.
    #[must_use]
    pub fn of(server: &Server) -> Self {
        Self { server: server.clone() }
    }

    /// The server: to drain it, to close it, to publish.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A session of a local caller, which finds its transports itself.
    ///
    /// # Errors
    /// What refuses it.
    pub async fn connect(&self) -> Result<Client, Fault> {
        self.connect_as(ClientOptions::default()).await
    }

    /// A session of this caller.
    ///
    /// # Errors
    /// What refuses it.
    pub async fn connect_as(&self, options: ClientOptions) -> Result<Client, Fault> {
        let (server, principal) = (self.clone(), options.principal.clone());
        let opener: Opener = Arc::new(move |faults| server.transport(&principal, faults));
        let lone = (!options.reconnect).then(|| Arc::clone(&opener));
        let client = Client::with_opener(options, Some(opener));
        if let Some(opener) = lone {
            client.attach(opener(client.faults())).await?;
        }
        loop {
            match client.news().await {
                Some(News::Welcomed(..)) => return Ok(client),
                Some(News::GoAway(fault) | News::Closed(fault) | News::Expired(fault)) => return Err(fault),
                Some(_) => {}
                None => return Err(Fault::new(Code::TRANSPORT_FAILED, "the session ended before it began")),
            }
        }
    }

    /// A transport to this server on behalf of a principal, under these faults. It is let in as a WebSocket would be.
    #[must_use]
    pub fn transport(&self, principal: &Principal, faults: &Faults) -> Transport {
        let ((near, near_end), (far, far_end)) = (channel(), channel());
        let line = faults.line();
        tokio::spawn(faults.carry(line.clone(), near_end, far_end));
        let pipes = Pipes::shared(far.sender, far.receiver);
        tokio::spawn(introduce(self.server.clone(), principal.clone(), pipes, line.clone()));
        Transport::shared(near).ending_with(line)
    }
}

/// The server's end of a line: its hello, then its session.
async fn introduce(server: Server, principal: Principal, mut pipes: Pipes, line: CancellationToken) {
    let (sessions, signaling) = server.rooms();
    let hello = match sessions.hello(&mut pipes).await {
        Ok(hello) => hello,
        Err(fault) => return pipes.refuse(None, &fault).await,
    };
    let resumes = sessions.knows(&principal, &hello);
    match signaling.admit(&principal, Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), resumes) {
        Ok(place) => {
            let line =
                LocalPipe { kind: "memory", place, principal, confined: None, closed: line, retiring: CancellationToken::new() };
            sessions.join(Arc::new(line), hello, pipes).await;
        }
        Err(fault) => pipes.refuse(Some(&hello), &fault).await,
    }
}
