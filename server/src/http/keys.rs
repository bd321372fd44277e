//! The keys that open the API, kept as hashes and compared in constant time.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{options::Key, service::Principal};

/// What is kept of a key.
type Hash = [u8; 32];

/// All valid keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys(Vec<Hash>);

impl Keys {
    /// Keeps the hashes of these keys.
    pub(crate) fn new(keys: &[Key]) -> Self {
        Self(keys.iter().map(|key| hash(key.secret())).collect())
    }

    /// The principal of a key, or None when it is not valid. Takes the same time whichever key it is.
    pub(crate) fn principal(&self, presented: &str) -> Option<Principal> {
        let presented = hash(presented);
        let known = self.0.iter().fold(subtle::Choice::from(0), |found, key| found | key.ct_eq(&presented));
        bool::from(known).then(|| Principal::new(name(&presented)))
    }
}

fn hash(key: &str) -> Hash {
    Sha256::digest(key.as_bytes()).into()
}

/// Enough of the hash to tell keys apart in logs.
fn name(hash: &Hash) -> String {
    let [a, b, c, d, ..] = hash;
    format!("key:{a:02x}{b:02x}{c:02x}{d:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_its_own_principal() {
        let keys = Keys::new(&["one".parse().expect("as written"), "two".parse().expect("as written")]);
        let (one, two) = (keys.principal("one"), keys.principal("two"));
        assert!(one.is_some() && two.is_some() && one != two);
        assert_eq!(keys.principal("three"), None);
        assert_eq!(keys.principal(""), None);
        assert_eq!(Keys::default().principal(""), None);
    }
}
