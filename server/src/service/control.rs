//! stop_generation, get_halt_status, subscribe, unsubscribe, routes: what a service can do about its own calls and events, and say
//! of itself.

use tabagent_protocol::{
    Fault,
    api::{
        EventsLost, GenerationStopped, GetHaltStatus, Route, Routes, RoutesResponse, ServerDraining, StopGeneration,
        StopGenerationResponse, Subscribe, SubscribeResponse, Unsubscribe, UnsubscribeResponse, Warning,
    },
};

use super::{Service, call::Call, subscriptions::To};

impl Service {
    /// Adds `stop_generation`, `get_halt_status`, `subscribe`, `unsubscribe` and `routes`.
    #[must_use]
    pub fn with_control(self) -> Self {
        self.on(|call, request: StopGeneration| async move { stop(&call, &request) })
            .on(|call, _: GetHaltStatus| async move {
                let shared = call.shared();
                // This call is one of them.
                Ok(shared.halt.status(shared.calls.len().saturating_sub(1)))
            })
            .on(|call, request: Subscribe| async move {
                let events = call.shared().subscriptions.subscribe(call.session(), &request.events)?;
                Ok(SubscribeResponse { events })
            })
            .on(|call, request: Unsubscribe| async move {
                let events = call.shared().subscriptions.unsubscribe(call.session(), &request.events)?;
                Ok(UnsubscribeResponse { events })
            })
            .on(|call, _: Routes| async move { Ok(routes(&call)) })
            .sends::<GenerationStopped>()
            .sends::<EventsLost>()
            .sends::<ServerDraining>()
            .sends::<Warning>()
    }
}

/// Each stopped call tells its own caller itself; the caller's other sessions learn it here, if they asked.
fn stop(call: &Call, request: &StopGeneration) -> Result<StopGenerationResponse, Fault> {
    let shared = call.shared();
    let stopped = shared.calls.stop(call.principal(), call.session(), &request.request_id);
    if !stopped.sessions.is_empty() {
        shared.halt.stopped();
    }
    let event = GenerationStopped { request_id: request.request_id.clone() };
    for session in &stopped.sessions {
        let to = To::principal(call.principal()).except(*session);
        shared.publish(&event, &to)?;
    }
    Ok(StopGenerationResponse { stopped_count: u32::try_from(stopped.sessions.len()).unwrap_or(u32::MAX) })
}

fn routes(call: &Call) -> RoutesResponse {
    let routes: Vec<_> = call.api().actions().map(Route::from).collect();
    RoutesResponse { total: u32::try_from(routes.len()).unwrap_or(u32::MAX), routes }
}
