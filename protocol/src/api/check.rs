//! The few checks that requests share; each failure names its field.

use std::{fmt::Display, ops::RangeInclusive};

use crate::error::{Code, Fault};

/// `validation_failed` that names the field it is about; a path (`messages[0].role`) where the field lies deeper.
#[must_use]
pub fn refused(field: &str, message: impl Display) -> Fault {
    // Field names are identifiers of Rust types with indices between them: Debug's quoting is JSON's.
    Fault::new(Code::VALIDATION_FAILED, format!("{field}: {message}")).with_details(format!("{{\"field\":{field:?}}}"))
}

/// Refuses the empty text.
///
/// # Errors
/// `validation_failed`.
pub fn not_empty(field: &str, text: &str) -> Result<(), Fault> {
    if text.is_empty() { Err(refused(field, "must not be empty")) } else { Ok(()) }
}

/// Refuses a list without entries.
///
/// # Errors
/// `validation_failed`.
pub fn at_least_one<T>(field: &str, list: &[T]) -> Result<(), Fault> {
    if list.is_empty() { Err(refused(field, "needs at least one entry")) } else { Ok(()) }
}

/// Refuses a number outside the range; absent is fine.
///
/// # Errors
/// `validation_failed`.
pub fn within<T: PartialOrd + Display>(field: &str, number: Option<T>, range: RangeInclusive<T>) -> Result<(), Fault> {
    match number {
        Some(number) if !range.contains(&number) => {
            Err(refused(field, format_args!("must be {} to {}, not {number}", range.start(), range.end())))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_its_field_in_the_details() {
        let fault = refused("messages[0].role", "is no role");
        assert_eq!(fault.code, Code::VALIDATION_FAILED);
        assert_eq!(fault.details, br#"{"field":"messages[0].role"}"#);
        assert_eq!(fault.message, "messages[0].role: is no role");
    }

    #[test]
    fn ranges_are_inclusive_and_absence_is_fine() {
        assert!(within("temperature", Some(2.0), 0.0..=2.0).is_ok());
        assert!(within("temperature", Some(2.1), 0.0..=2.0).is_err());
        assert!(within("max_tokens", None, 1..=100_000).is_ok());
        assert!(within("max_tokens", Some(0), 1..=100_000).is_err());
    }
}
