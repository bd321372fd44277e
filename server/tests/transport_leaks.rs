//! What a peer leaves behind. Alone in its process, because it counts the descriptors of the whole of it.
#![cfg(target_os = "linux")]

use std::time::Duration;

use tabagent_server::transport::{ChannelSpec, Peer, PeerEvent, PeerOptions};
use tokio::{sync::mpsc::Receiver, time::timeout};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const PATIENCE: Duration = Duration::from_secs(20);

fn descriptors() -> std::io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/fd")?.count())
}

async fn ended(mut events: Receiver<PeerEvent>) -> Outcome {
    while timeout(PATIENCE, events.recv()).await?.is_some() {}
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_peers_leave_no_descriptor_behind() -> Outcome {
    let options = PeerOptions::default();
    let channels = [ChannelSpec { label: "main".to_owned(), protocol: String::new() }];
    let before = descriptors()?;
    for round in 0..30 {
        let (offering, offer, offering_events) = Peer::offering(&options, &channels).await?;
        if round % 3 == 0 {
            drop(offering); // nobody answers
            ended(offering_events).await?;
            continue;
        }
        let (answering, answer, mut answering_events) = Peer::answering(&options, &offer).await?;
        offering.accept_answer(&answer).await?;
        // Every other pair is connected first, and its channel outlives the peer.
        let mut channel = None;
        while round % 2 == 0 && channel.is_none() {
            match timeout(PATIENCE, answering_events.recv()).await? {
                Some(PeerEvent::Channel(open)) => channel = Some(open),
                Some(_) => {}
                None => return Err("closed before a channel opened".into()),
            }
        }
        drop((offering, answering));
        ended(offering_events).await?;
        ended(answering_events).await?;
        if let Some(mut channel) = channel {
            assert!(timeout(PATIENCE, channel.receiver.receive()).await?.is_none());
        }
    }
    assert_eq!(descriptors()?, before);

    // A caller that goes away in the middle of a negotiation, at any point of it.
    let (_peer, offer, _events) = Peer::offering(&options, &channels).await?;
    let one_peer = descriptors()?;
    for polls in 1..30 {
        let mut answering = Box::pin(Peer::answering(&options, &offer));
        for _ in 0..polls {
            let _ = futures_util::poll!(&mut answering);
            tokio::task::yield_now().await;
        }
        drop(answering);
    }
    let gone = async {
        while !matches!(descriptors(), Ok(now) if now == one_peer) {
            tokio::task::yield_now().await;
        }
    };
    Ok(timeout(PATIENCE, gone).await?)
}
