//! What is done to get a model: its file is fetched and checked, its tables are made. Every step is news.

use std::sync::Arc;

use tabagent_protocol::{
    Code, Fault,
    api::{DownloadStatus, LoadingStatus, ModelLoadingProgress},
};
use tokio::task::yield_now;

use super::{
    super::guide::Builder,
    catalogue::{Bundle, Engine, Entry, precision},
    flight::{Herald, percent},
    library::Library,
};

/// Bytes that are fetched at a time, each with its news.
const CHUNK: usize = 2048;

/// Fetches a model's file.
pub(super) async fn fetch(
    entry: &'static Entry,
    bundle: &'static Bundle,
    library: &Library,
    herald: &Herald,
) -> Result<(), Fault> {
    let total = bundle.size();
    let mut loaded = 0;
    herald.download(entry.id, DownloadStatus::Downloading, loaded, total);
    let fetched = async {
        let mut writing = library.write(entry, bundle)?;
        for chunk in bundle.bytes.chunks(CHUNK) {
            writing.add(chunk).await?;
            loaded += chunk.len() as u64;
            herald.download(entry.id, DownloadStatus::Downloading, loaded, total);
            // Out of memory nothing is waited for; a cancel is heard all the same.
            yield_now().await;
        }
        writing.finish().await
    };
    let fetched = fetched.await;
    let status = if fetched.is_ok() { DownloadStatus::Completed } else { DownloadStatus::Failed };
    herald.download(entry.id, status, loaded, total);
    fetched
}

/// Makes the tables of a model from its file.
pub(super) async fn build(entry: &Entry, bundle: &Bundle, variant: &str, file: &[u8], herald: &Herald) -> Engine {
    let at = |status, read| progress(entry, status, Some((bundle, read)));
    herald.loading(at(LoadingStatus::Initiate, 0));
    let mut builder = Builder::new(String::from_utf8_lossy(file).into_owned());
    while let Some(read) = builder.step() {
        herald.loading(at(LoadingStatus::Progress, read));
        yield_now().await;
    }
    Engine::Guide(Arc::new(builder.finish(precision(variant))))
}

/// News of loading; of a file, with the bytes of it that are worked through.
pub(super) fn progress(entry: &Entry, status: LoadingStatus, file: Option<(&Bundle, u64)>) -> ModelLoadingProgress {
    let ready = matches!(status, LoadingStatus::Done | LoadingStatus::Cached);
    ModelLoadingProgress {
        model_id: entry.id.to_owned(),
        status,
        file: file.map(|(bundle, _)| bundle.file.to_owned()),
        progress: if ready { 100 } else { file.map_or(0, |(bundle, read)| percent(read, bundle.size())) },
        loaded: file.map(|(_, read)| read),
        total: file.map(|(bundle, _)| bundle.size()),
        message: None,
    }
}

/// A file that was there a moment ago.
pub(super) fn vanished(entry: &Entry) -> Fault {
    let text = format!("the file of {} was removed or changed while it was being loaded; load it again", entry.id);
    Fault::new(Code::INVALID_STATE, text)
}

/// A mistake in the catalogue.
pub(super) fn nothing_to_load(entry: &Entry) -> Fault {
    Fault::new(Code::INTERNAL, format!("{} has neither a file nor anything built in", entry.id))
}
