//! A pairing code: eight letters and digits that a person reads off one screen and types in on another.

use std::{fmt, io};

use subtle::{Choice, ConstantTimeEq};

/// Without I, L, O and U: what looks alike is read as what was meant, and no rude word can be made.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Bits of one letter.
const BITS: usize = 5;
/// Letters, in two groups.
const LETTERS: usize = 8;
const GROUP: usize = 4;
/// Longest text that is looked at: the letters, with a sign or a blank around each.
pub(crate) const TEXT: usize = 3 * LETTERS;

/// A code, 40 random bits. It is not shown by `Debug`.
#[derive(Clone)]
pub(super) struct PairingCode([u8; LETTERS * BITS / 8]);

impl PairingCode {
    /// A code that nobody can know.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(super) fn random() -> io::Result<Self> {
        let mut bits = [0; LETTERS * BITS / 8];
        getrandom::fill(&mut bits).map_err(io::Error::other)?;
        Ok(Self(bits))
    }

    /// Reads what a person typed, in small letters or capitals, with or without the hyphen. None when it cannot be a code.
    pub(super) fn typed(text: &str) -> Option<Self> {
        if text.len() > TEXT {
            return None;
        }
        let letters = text.bytes().filter(|byte| !matches!(byte, b'-' | b' '));
        let mut read = 0;
        let mut bits = 0_u64;
        for letter in letters {
            bits = bits << BITS | value(letter)?;
            read += 1;
        }
        let [.., a, b, c, d, e] = bits.to_be_bytes();
        (read == LETTERS).then_some(Self([a, b, c, d, e]))
    }

    /// Whether both are the same, in the same time whatever they are.
    pub(super) fn is(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

/// Two groups of four.
impl fmt::Display for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e] = self.0;
        let bits = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
        for place in 0..LETTERS {
            if place == GROUP {
                f.write_str("-")?;
            }
            let letter = bits >> (BITS * (LETTERS - 1 - place)) & 31;
            let letter = ALPHABET.get(letter as usize).copied().unwrap_or_default();
            write!(f, "{}", char::from(letter))?;
        }
        Ok(())
    }
}

impl fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairingCode(…)")
    }
}

fn value(letter: u8) -> Option<u64> {
    let meant = match letter.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    let place = ALPHABET.iter().position(|known| *known == meant)?;
    u64::try_from(place).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_two_groups_of_four_and_reads_back() {
        for bits in [[0; 5], [255; 5], [1, 2, 3, 4, 5], *b"\x9a\xee\xf1\x51\x3d"] {
            let shown = PairingCode(bits).to_string();
            assert!(shown.len() == 9 && shown.as_bytes()[4] == b'-', "{shown}");
            assert!(shown.bytes().all(|byte| byte == b'-' || ALPHABET.contains(&byte)), "{shown}");
            assert_eq!(PairingCode::typed(&shown).map(|code| code.0), Some(bits), "{shown}");
        }
        assert_eq!(PairingCode([0; 5]).to_string(), "0000-0000");
        assert_eq!(PairingCode([255; 5]).to_string(), "ZZZZ-ZZZZ");
    }

    #[test]
    fn it_is_read_as_people_write() {
        let meant = PairingCode::typed("K7Q0-2M11").expect("as written").0;
        for text in ["k7q0-2m11", "K7Q02M11", "K7QO-2MIL", " k7q0 2m1i ", "K 7 Q O 2 M l 1"] {
            assert_eq!(PairingCode::typed(text).map(|code| code.0), Some(meant), "{text}");
        }
        for text in ["", "K7Q0-2M1", "K7Q0-2M111", "K7Q0-2M1U", "K7Q0_2M11", "K7Q0-2M1é", &"-".repeat(99)] {
            assert!(PairingCode::typed(text).is_none(), "{text}");
        }
    }

    #[test]
    fn no_two_are_alike_and_none_shows_itself() {
        let (one, other) = (PairingCode::random().expect("random"), PairingCode::random().expect("random"));
        assert!(!bool::from(one.is(&other)) && bool::from(one.is(&one.clone())));
        assert_eq!(format!("{one:?}"), "PairingCode(…)");
    }
}
