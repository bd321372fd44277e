//! Failures of the store, as callers are told.

use tabagent_protocol::{Code, Fault};

use crate::store::StoreError;

/// What a caller did wrong is said by its code; everything else is for the log too.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
pub(super) fn fault(error: StoreError) -> Fault {
    let (code, details) = match &error {
        StoreError::TooLarge { .. } => (Code::PAYLOAD_TOO_LARGE, r#"{"field":"message.content","limit":"stored_message_bytes"}"#),
        StoreError::LimitReached => (Code::LIMIT_REACHED, r#"{"limit":"stored_bytes"}"#),
        _ => {
            tracing::error!(%error, "the store failed");
            (Code::INTERNAL, "")
        }
    };
    Fault::new(code, error.to_string()).with_details(details)
}
