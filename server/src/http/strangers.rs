//! How many sockets each address has that is not this machine.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// Sockets per address that is not this machine.
#[derive(Default)]
pub(super) struct Strangers(Mutex<HashMap<IpAddr, usize>>);

/// A socket's part in that count; dropping it gives it back.
pub(super) struct Seat(Option<(Arc<Strangers>, IpAddr)>);

impl Strangers {
    /// A seat, unless this address has as many already. This machine has any number.
    pub(super) fn seat(self: &Arc<Self>, ip: IpAddr, most: usize) -> Option<Seat> {
        if ip.is_loopback() {
            return Some(Seat(None));
        }
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.get(&ip).is_some_and(|count| *count >= most) {
            return None;
        }
        *counts.entry(ip).or_default() += 1;
        Some(Seat(Some((Arc::clone(self), ip))))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((strangers, ip)) = self.0.take() else {
            return;
        };
        let mut counts = strangers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_have_so_many_sockets_and_this_machine_any_number() {
        let strangers = Arc::new(Strangers::default());
        let (far, other, near) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]), IpAddr::from([127, 0, 0, 1]));
        let seats: Vec<_> = (0..2).filter_map(|_| strangers.seat(far, 2)).collect();
        assert_eq!(seats.len(), 2);
        assert!(strangers.seat(far, 2).is_none() && strangers.seat(other, 2).is_some());
        assert!(strangers.seat(near, 0).is_some());
        drop(seats);
        assert!(strangers.seat(far, 2).is_some());
        assert!(strangers.0.lock().expect("not poisoned").is_empty());
    }
}
