//! How a call gets a model to where it wants it: it is there, or somebody is at it, or this call starts.

use std::sync::Arc;

use jiff::Timestamp;
use tabagent_protocol::{
    Fault,
    api::{DownloadStatus, LoadingStatus, ModelLoaded, ModelLoadingProgress},
};

use super::{
    Loaded, Models, Row,
    catalogue::{BACKEND, Bundle, Engine, Entry},
    flight::{Flight, Goal, Herald},
    work,
};
use crate::service::Call;

/// What a call wants of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// That its file is here and whole.
    Present,
    /// That it is in memory: this variant, or any.
    Loaded(Option<&'static str>),
    /// The same, loaded anew.
    Reloaded(Option<&'static str>),
}

impl Wanted {
    /// A file is looked at each time: it may have been damaged or removed by others.
    fn is_met_by(self, loaded: Option<&Loaded>) -> bool {
        match self {
            Self::Loaded(variant) => loaded.is_some_and(|loaded| variant.is_none_or(|variant| variant == loaded.variant)),
            Self::Present | Self::Reloaded(_) => false,
        }
    }

    fn goal(self, row: &Row) -> Goal {
        match self {
            Self::Present => Goal::Present,
            Self::Loaded(variant) | Self::Reloaded(variant) => {
                let there = row.loaded.as_ref().map_or(row.entry.variants[0], |loaded| loaded.variant);
                Goal::Loaded(variant.unwrap_or(there))
            }
        }
    }

    /// Whether work towards a goal ends in what is wanted.
    pub(super) fn is_served_by(self, goal: Goal) -> bool {
        match (self, goal) {
            (Self::Present, Goal::Present) => true,
            (Self::Loaded(variant) | Self::Reloaded(variant), Goal::Loaded(coming)) => {
                variant.is_none_or(|variant| variant == coming)
            }
            _ => false,
        }
    }
}

/// How a call gets what it wants of a model.
pub(super) enum Boarding {
    /// It is there.
    There,
    /// By work that this call started.
    Started(Arc<Flight>),
    /// By work that another call started, to the same end or to another one.
    Joined(Arc<Flight>),
}

impl Models {
    /// Finds or starts the work that gets a model to where a call wants it.
    pub(super) fn board(self: &Arc<Self>, entry: &'static Entry, wanted: Wanted, call: &Call) -> Boarding {
        let mut inner = self.lock();
        let row = inner.row(entry);
        if let Some(flight) = row.flight() {
            flight.join(call);
            return Boarding::Joined(flight);
        }
        if wanted.is_met_by(row.loaded.as_ref()) {
            return Boarding::There;
        }
        let goal = wanted.goal(row);
        let models = Arc::clone(self);
        let flight = Flight::start(goal, call, move |herald| async move {
            let end = models.fly(entry, goal, &herald).await;
            (herald, end)
        });
        row.flight = Arc::downgrade(&flight);
        Boarding::Started(flight)
    }

    /// The work itself; answers how many bytes the model's file has.
    async fn fly(&self, entry: &'static Entry, goal: Goal, herald: &Herald) -> Result<u64, Fault> {
        match goal {
            Goal::Present => match &entry.bundle {
                Some(bundle) => {
                    if self.was_here(entry, bundle, herald).await? {
                        herald.download(entry.id, DownloadStatus::Completed, bundle.size(), bundle.size());
                    }
                }
                None => herald.download(entry.id, DownloadStatus::Completed, 0, 0),
            },
            Goal::Loaded(variant) => {
                let engine = self.engine(entry, variant, herald).await.inspect_err(|fault| {
                    let message = Some(fault.message.clone().into_owned());
                    herald.loading(ModelLoadingProgress { message, ..work::progress(entry, LoadingStatus::Error, None) });
                })?;
                self.put(entry, Loaded { variant, at: Timestamp::now(), engine });
                // Told when it is true: whoever hears it can ask the model.
                let file = entry.bundle.as_ref().map(|bundle| (bundle, bundle.size()));
                herald.loading(work::progress(entry, LoadingStatus::Done, file));
                herald.loaded(ModelLoaded { model_id: entry.id.to_owned(), backend: BACKEND.to_owned() });
            }
        }
        Ok(entry.bundle.as_ref().map_or(0, Bundle::size))
    }

    async fn engine(&self, entry: &'static Entry, variant: &str, herald: &Herald) -> Result<Engine, Fault> {
        let Some(bundle) = &entry.bundle else {
            herald.loading(work::progress(entry, LoadingStatus::Initiate, None));
            return entry.at_once().ok_or_else(|| work::nothing_to_load(entry));
        };
        self.was_here(entry, bundle, herald).await?;
        let file = self.library.read(entry, bundle).await?.ok_or_else(|| work::vanished(entry))?;
        Ok(work::build(entry, bundle, variant, &file, herald).await)
    }

    /// Fetches a model's file unless it is here and whole; answers whether it was. What is known of it is what was found.
    async fn was_here(&self, entry: &'static Entry, bundle: &'static Bundle, herald: &Herald) -> Result<bool, Fault> {
        let here = self.library.read(entry, bundle).await?.is_some();
        self.lock().row(entry).present = here;
        if !here {
            work::fetch(entry, bundle, &self.library, herald).await?;
            self.lock().row(entry).present = true;
        }
        Ok(here)
    }

    fn put(&self, entry: &'static Entry, loaded: Loaded) {
        let mut inner = self.lock();
        inner.row(entry).loaded = Some(loaded);
        self.count(&inner);
    }
}
