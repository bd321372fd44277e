//! Who may have another connection: places in all, per address, per principal, and how many new ones a minute.
//!
//! Takes `now` as an argument and knows no connection, so that its rules can be read and tested alone.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

use tabagent_protocol::{Code, Fault};

use super::ConnectionId;
use crate::{
    limits::ServerLimits,
    minute::{LastMinute, wait_ms},
    service::Principal,
};

/// Visitors whose last minute is remembered. Beyond it strangers from ever new addresses are refused, not remembered.
const VISITORS: usize = 4_096;
/// Told to a client that found all places taken: connections come and go, but nobody knows when.
const FULL_RETRY_MS: u32 = 5_000;

/// Whom the limits of one client are counted for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Visitor {
    /// A client on this machine: they all share one address, so their principals are told apart.
    Local(Principal),
    /// Any other, by address; IPv6 by network, because a host has a whole one to choose from.
    Remote(IpAddr),
}

impl Visitor {
    /// Without an address (a server that was given none) all clients are one.
    pub(super) fn new(principal: &Principal, ip: Option<IpAddr>) -> Self {
        match ip.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)).to_canonical() {
            ip if ip.is_loopback() => Self::Local(principal.clone()),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                Self::Remote(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
            ip => Self::Remote(ip),
        }
    }
}

/// The places and who holds them.
#[derive(Debug)]
pub(super) struct Admission {
    limits: ServerLimits,
    held: HashMap<ConnectionId, Visitor>,
    /// When each visitor took places.
    recent: HashMap<Visitor, LastMinute>,
}

impl Admission {
    pub(super) fn new(limits: ServerLimits) -> Self {
        Self { limits, held: HashMap::new(), recent: HashMap::new() }
    }

    /// Takes a place for a new connection, which [`release`](Self::release) gives back.
    ///
    /// # Errors
    /// `rate_limited` or `limit_reached`, naming the limit; nothing is taken then.
    pub(super) fn take(&mut self, now: Instant, id: ConnectionId, visitor: Visitor) -> Result<(), Fault> {
        self.pace(now, &visitor)?;
        self.room(&visitor)?;
        self.take_more(id, visitor.clone())?;
        self.recent.entry(visitor).or_default().note(now);
        Ok(())
    }

    /// The same for a connection that carries on a session of before: it is not new, and its predecessor may not have ended yet.
    ///
    /// # Errors
    /// `limit_reached` when there is no place at all.
    pub(super) fn take_more(&mut self, id: ConnectionId, visitor: Visitor) -> Result<(), Fault> {
        if self.held.len() >= self.limits.connections {
            return Err(full("connections", self.limits.connections));
        }
        self.held.insert(id, visitor);
        Ok(())
    }

    /// A connection turned out to carry on a session of before: it was not a new one.
    pub(super) fn forgive(&mut self, id: ConnectionId) {
        if let Some(times) = self.held.get(&id).and_then(|visitor| self.recent.get_mut(visitor)) {
            times.forgive();
        }
    }

    /// Gives a place back.
    pub(super) fn release(&mut self, id: ConnectionId) {
        self.held.remove(&id);
    }

    /// Forgets visitors of whom there is nothing to remember.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.recent.retain(|_, times| !times.is_over(now));
    }

    fn pace(&mut self, now: Instant, visitor: &Visitor) -> Result<(), Fault> {
        let (name, max) = match visitor {
            Visitor::Local(_) => ("connections_per_minute_loopback", self.limits.connections_per_minute_loopback),
            Visitor::Remote(_) => ("connections_per_minute", self.limits.connections_per_minute),
        };
        if self.recent.len() >= VISITORS && !self.recent.contains_key(visitor) {
            self.sweep(now);
            if self.recent.len() >= VISITORS {
                return Err(refused(Code::RATE_LIMITED, name, max, Duration::from_millis(FULL_RETRY_MS.into())));
            }
        }
        let allowed = match self.recent.get_mut(visitor) {
            Some(times) => times.check(now, max),
            None => LastMinute::default().check(now, max),
        };
        allowed.map_err(|wait| refused(Code::RATE_LIMITED, name, max, wait))
    }

    fn room(&self, visitor: &Visitor) -> Result<(), Fault> {
        let (name, max) = match visitor {
            Visitor::Local(_) => ("connections_per_principal", self.limits.connections_per_principal),
            Visitor::Remote(_) => ("connections_per_ip", self.limits.connections_per_ip),
        };
        let held = self.held.values().filter(|holder| *holder == visitor).count();
        if held < max { Ok(()) } else { Err(full(name, max)) }
    }
}

fn full(name: &'static str, max: usize) -> Fault {
    refused(Code::LIMIT_REACHED, name, max, Duration::from_millis(FULL_RETRY_MS.into()))
}

fn refused(code: Code, limit: &'static str, max: usize, wait: Duration) -> Fault {
    let what = if code == Code::RATE_LIMITED { "new connections a minute" } else { "connections" };
    Fault::new(code, format!("there may be {max} {what} here (limit {limit})"))
        .with_details(format!(r#"{{"limit":"{limit}","max":{max}}}"#))
        .retry_after(wait_ms(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(limits: &[&str]) -> Admission {
        let mut all = ServerLimits::default();
        for limit in limits {
            all.set(limit).expect("as written");
        }
        Admission::new(all)
    }

    fn visitor(ip: &str, principal: &str) -> Visitor {
        Visitor::new(&Principal::new(principal), Some(ip.parse().expect("as written")))
    }

    fn limit(fault: &Fault) -> String {
        let details: serde_json::Value = serde_json::from_slice(&fault.details).expect("as written");
        format!("{} {}", fault.code, details["limit"].as_str().expect("as written"))
    }

    #[test]
    fn local_clients_are_counted_by_principal_and_others_by_address() {
        let now = Instant::now();
        let mut admission = admission(&["connections_per_principal=1", "connections_per_ip=2"]);
        let mut take = |id: u128, visitor| admission.take(now, ConnectionId::from(id), visitor);
        take(1, visitor("127.0.0.1", "a")).expect("as written");
        assert_eq!(limit(&take(2, visitor("::1", "a")).expect_err("refused")), "limit_reached connections_per_principal");
        take(2, visitor("127.0.0.1", "b")).expect("as written");
        take(3, visitor("192.0.2.1", "a")).expect("as written");
        take(4, visitor("::ffff:192.0.2.1", "b")).expect("as written");
        assert_eq!(limit(&take(5, visitor("192.0.2.1", "c")).expect_err("refused")), "limit_reached connections_per_ip");
        take(5, visitor("192.0.2.2", "a")).expect("as written");
        take(6, visitor("2001:db8::1", "a")).expect("as written");
        take(7, visitor("2001:db8::2", "a")).expect("as written");
        assert!(take(8, visitor("2001:db8::3", "a")).is_err());
    }

    #[test]
    fn a_place_given_back_can_be_taken_again() {
        let now = Instant::now();
        let mut admission = admission(&["connections=1"]);
        admission.take(now, ConnectionId::from(1), visitor("127.0.0.1", "a")).expect("as written");
        let refused = admission.take(now, ConnectionId::from(2), visitor("192.0.2.1", "b")).expect_err("refused");
        assert!(refused.retry_after_ms.is_some());
        assert_eq!(limit(&refused), "limit_reached connections");
        admission.release(ConnectionId::from(1));
        admission.take(now, ConnectionId::from(2), visitor("192.0.2.1", "b")).expect("as written");
    }

    #[test]
    fn who_resumes_is_nobodys_new_connection() {
        let now = Instant::now();
        let mut admission = admission(&["connections=3", "connections_per_minute=1", "connections_per_ip=2"]);
        let one = || visitor("192.0.2.1", "a");
        admission.take(now, ConnectionId::from(1), one()).expect("as written");
        admission.take_more(ConnectionId::from(2), one()).expect("one that resumes");
        admission.release(ConnectionId::from(1));
        assert_eq!(
            limit(&admission.take(now, ConnectionId::from(3), one()).expect_err("a new one")),
            "rate_limited connections_per_minute"
        );
        admission.forgive(ConnectionId::from(2));
        admission.take(now, ConnectionId::from(3), one()).expect("what turned out to resume was not new");
        admission.forgive(ConnectionId::from(3));
        assert_eq!(
            limit(&admission.take(now, ConnectionId::from(4), one()).expect_err("two are here")),
            "limit_reached connections_per_ip"
        );
        admission.take_more(ConnectionId::from(4), one()).expect("one that resumes");
        let refused = admission.take_more(ConnectionId::from(5), one()).expect_err("three in all");
        assert_eq!(limit(&refused), "limit_reached connections");
    }

    #[test]
    fn the_pace_is_told_with_the_exact_wait() {
        let now = Instant::now();
        let mut admission = admission(&["connections_per_minute=2", "connections_per_ip=9"]);
        let mut take = |id: u128, seconds| {
            admission.take(now + Duration::from_secs(seconds), ConnectionId::from(id), visitor("192.0.2.1", "a"))
        };
        take(1, 0).expect("as written");
        take(2, 20).expect("as written");
        let refused = take(3, 30).expect_err("refused");
        assert_eq!(refused.retry_after_ms, Some(30_000));
        assert_eq!(limit(&refused), "rate_limited connections_per_minute");
        take(3, 60).expect("as written");
        assert!(take(4, 61).is_err());
    }

    #[test]
    fn what_is_remembered_of_strangers_is_bounded() {
        let now = Instant::now();
        let mut admission = admission(&["connections=100000"]);
        for n in 0..VISITORS {
            let ip = IpAddr::from([10, 0, (n / 256) as u8, (n % 256) as u8]);
            admission.take(now, ConnectionId::from(n as u128), Visitor::Remote(ip)).expect("as written");
        }
        let late = now + Duration::from_secs(60);
        assert!(admission.take(now, ConnectionId::from(u128::MAX), visitor("192.0.2.1", "a")).is_err());
        admission.take(late, ConnectionId::from(u128::MAX), visitor("192.0.2.1", "a")).expect("as written");
        assert_eq!(admission.recent.len(), 1);
    }
}
