//! The refusal that names its field.

use std::fmt::Display;

use crate::error::{Code, Fault};

/// `validation_failed` that names the field it is about; a path (`messages[0].role`) where the field lies deeper.
#[must_use]
pub fn refused(field: &str, message: impl Display) -> Fault {
    // Field names are identifiers of Rust types with indices between them: Debug's quoting is JSON's.
    Fault::new(Code::VALIDATION_FAILED, format!("{field}: {message}")).with_details(format!("{{\"field\":{field:?}}}"))
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
}
