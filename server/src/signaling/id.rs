//! Names of connections: 128 random bits, which nobody guesses.

use std::{fmt, str::FromStr};

use tabagent_protocol::{Code, Fault};

/// Name of a connection: 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId(u128);

impl ConnectionId {
    /// A new one, from the operating system's randomness.
    ///
    /// # Errors
    /// `internal` when there is none.
    pub(super) fn random() -> Result<Self, Fault> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| Fault::new(Code::INTERNAL, format!("no randomness: {error}")))?;
        Ok(Self(u128::from_le_bytes(bytes)))
    }
}

impl From<u128> for ConnectionId {
    fn from(bits: u128) -> Self {
        Self(bits)
    }
}

/// The text was not the name of any connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a connection")]
pub struct NotAnId;

impl FromStr for ConnectionId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !digits {
            return Err(NotAnId);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| NotAnId)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_nothing_else_does() {
        let id = ConnectionId::random().expect("as written");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(ConnectionId::from(7).to_string().len(), 32);
        for text in ["", "7", "+0000000000000000000000000000007", "zz000000000000000000000000000000", &"0".repeat(33)] {
            assert_eq!(text.parse::<ConnectionId>(), Err(NotAnId), "{text}");
        }
    }
}
