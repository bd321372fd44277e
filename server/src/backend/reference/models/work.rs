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

/// Sees to it that a model's file is here and whole; answers how many bytes it has.
pub(super) async fn pull(entry: &'static Entry, library: &Library, herald: &Herald) -> Result<u64, Fault> {
    let Some(bundle) = &entry.bundle else {
        herald.download(entry.id, DownloadStatus::Completed, 0, 0);
        return Ok(0);
    };
    let total = bundle.bytes.len() as u64;
    if library.read(entry, bundle).await?.is_some() {
        herald.download(entry.id, DownloadStatus::Completed, total, total);
        return Ok(total);
    }
    fetch(entry, bundle, library, herald).await?;
    Ok(total)
}

async fn fetch(entry: &'static Entry, bundle: &'static Bundle, library: &Library, herald: &Herald) -> Result<(), Fault> {
    let total = bundle.bytes.len() as u64;
    let mut loaded = 0;
    herald.download(entry.id, DownloadStatus::Downloading, loaded, total);
    let fetched = async {
        let mut writing = library.write(entry, bundle).await?;
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

/// Makes a variant of a model ready to be asked, fetching its file if it is not here.
pub(super) async fn load(entry: &'static Entry, variant: &str, library: &Library, herald: &Herald) -> Result<Engine, Fault> {
    if let Some(engine) = entry.at_once() {
        herald.loading(progress(entry, LoadingStatus::Initiate, None));
        return Ok(engine);
    }
    let Some(bundle) = &entry.bundle else {
        return Err(Fault::new(Code::INTERNAL, format!("{} has neither a file nor anything built in", entry.id)));
    };
    let file = match library.read(entry, bundle).await? {
        Some(file) => file,
        None => {
            fetch(entry, bundle, library, herald).await?;
            // Read back: what is loaded is what the next start will find.
            library.read(entry, bundle).await?.ok_or_else(|| vanished(entry))?
        }
    };
    let total = file.len() as u64;
    let at = |status, loaded| progress(entry, status, Some((bundle.file, loaded, total)));
    herald.loading(at(LoadingStatus::Initiate, 0));
    let mut builder = Builder::new(String::from_utf8_lossy(&file).into_owned());
    while let Some(read) = builder.step() {
        herald.loading(at(LoadingStatus::Progress, read));
        yield_now().await;
    }
    Ok(Engine::Guide(Arc::new(builder.finish(precision(variant)))))
}

/// News of loading; of a file with its name, the bytes worked through and the bytes in all.
pub(super) fn progress(entry: &Entry, status: LoadingStatus, file: Option<(&str, u64, u64)>) -> ModelLoadingProgress {
    let (name, loaded, total) = file.map_or((None, None, None), |(name, loaded, total)| (Some(name), Some(loaded), Some(total)));
    let ready = matches!(status, LoadingStatus::Done | LoadingStatus::Cached);
    ModelLoadingProgress {
        model_id: entry.id.to_owned(),
        status,
        file: name.map(str::to_owned),
        progress: if ready { 100 } else { loaded.zip(total).map_or(0, |(loaded, total)| percent(loaded, total)) },
        loaded,
        total,
        message: None,
    }
}

fn vanished(entry: &Entry) -> Fault {
    let text = format!("the file of {} was removed or changed while it was being loaded; load it again", entry.id);
    Fault::new(Code::INVALID_STATE, text)
}
