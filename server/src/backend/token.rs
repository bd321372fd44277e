//! set_hf_token, get_hf_token_status, clear_hf_token: one token for the whole server, in the store.

use tabagent_protocol::{
    Fault,
    api::{ClearHfToken, GetHfTokenStatus, HfTokenStatusResponse, SetHfToken, Success, refused},
};

use super::failure::fault;
use crate::{
    service::Service,
    store::{HfToken, Store},
};

impl Service {
    /// Adds `set_hf_token`, `get_hf_token_status` and `clear_hf_token`.
    #[must_use]
    pub fn with_hf_token(self, store: &Store) -> Self {
        let (to_set, to_see, to_clear) = (store.clone(), store.clone(), store.clone());
        self.on(move |_, request: SetHfToken| set(to_set.clone(), request))
            .on(move |_, _: GetHfTokenStatus| status(to_see.clone()))
            .on(move |_, _: ClearHfToken| clear(to_clear.clone()))
    }
}

async fn set(store: Store, request: SetHfToken) -> Result<Success, Fault> {
    // The schema has seen to it already; nothing is kept that the store would not take for a token.
    let token = HfToken::new(request.token).ok_or_else(|| refused("token", "is no Hugging Face token"))?;
    store.set_hf_token(Some(token)).await.map_err(fault)?;
    Ok(Success::new("The Hugging Face token is kept."))
}

async fn status(store: Store) -> Result<HfTokenStatusResponse, Fault> {
    let has_token = store.hf_token().await.map_err(fault)?.is_some();
    Ok(HfTokenStatusResponse { has_token })
}

async fn clear(store: Store) -> Result<Success, Fault> {
    store.set_hf_token(None).await.map_err(fault)?;
    Ok(Success::new("There is no Hugging Face token any more."))
}
