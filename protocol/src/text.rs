//! Sentences with numbers in them. `format!` does the same, and brings 5 KB of machinery for what is never used: widths, alignment,
//! tables of printable characters. The browser downloads this crate.

/// The parts, one behind the other.
#[must_use]
pub fn join(parts: &[&str]) -> String {
    let mut text = String::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        text.push_str(part);
    }
    text
}

/// A number in decimal digits.
#[must_use]
pub fn decimal(mut number: u64) -> String {
    let mut digits = String::new();
    loop {
        // From behind: they are few, and a string that is turned round would be read as UTF-8 once more.
        digits.insert(0, (b'0' + (number % 10) as u8) as char);
        number /= 10;
        if number == 0 {
            return digits;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        for number in [0, 7, 10, 1_048_576, u64::MAX] {
            assert_eq!(decimal(number), number.to_string());
        }
        assert_eq!(join(&["call ", &decimal(7), " is late"]), "call 7 is late");
        assert_eq!(join(&[]), "");
    }
}
