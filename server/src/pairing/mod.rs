//! Pairing: a code that the server shows, once, for a token of one's own. No key to make up, to copy, to put into the environment.
//!
//! The person at the server reads the code and types it into the extension; the extension redeems it and keeps the token. The token is
//! bound to the origin that redeemed it: wherever a request names an origin, it must be that one. A request that names none is let in with
//! the token alone, because browsers send no `Origin` with the reads of an extension that may talk to this host, and native messaging
//! has none that could be trusted. A program that is no browser names no origin when it redeems a code; its token is for programs alone.
//!
//! What this room does not do: talk HTTP (`http/pair.rs`), talk on the local socket (`native/counter.rs`).

/// What a person types.
mod code;
/// The one code there is.
mod desk;
/// Who is paired, kept.
mod keeper;
mod limits;

use std::{
    fmt, io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tabagent_protocol::{Code, Fault};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use self::{
    code::PairingCode,
    desk::{Attempt, Desk},
    keeper::{Hash, Keeper, Row},
};
use crate::{minute::wait_ms, service::Principal};

pub(crate) use code::TEXT as CODE_TEXT;
pub use limits::PairingLimits;

/// Characters of a caller's own name for itself, which is shown to the person who revokes it. Those that are no letters but tell a terminal
/// what to do are refused.
pub(crate) const NAME_LETTERS: usize = 64;
/// Bytes of an origin. Those of extensions have below 60.
const ORIGIN_BYTES: usize = 256;
/// Schemes whose pages are extensions: who is not listed may redeem a code all the same.
const EXTENSIONS: [&str; 2] = ["chrome-extension", "moz-extension"];

/// Everybody who is paired, and the code for the next one. A cheap handle: clones are the same.
#[derive(Clone, Debug)]
pub struct Pairing(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: PairingLimits,
    keeper: Keeper,
    desk: Mutex<Desk>,
    known: RwLock<Vec<Known>>,
    /// Held while the list is changed and written; readers go on.
    changing: Mutex<()>,
}

/// One paired caller, while the server runs.
struct Known {
    row: Row,
    /// Cancelled when it is paired no more: whatever it has under way ends.
    revoked: CancellationToken,
}

/// A paired caller, as the person at the server sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paired {
    /// What it is revoked by.
    pub id: String,
    /// The origin that its token is bound to; none for a program that is no browser.
    pub origin: Option<String>,
    /// What it calls itself.
    pub name: Option<String>,
    /// When it was paired, in RFC 3339.
    pub created: String,
}

/// A code, for the person who is to type it in. `Display` is one line that says what to do with it; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownCode {
    /// Two groups of four letters and digits.
    pub code: String,
    /// How long it can be typed in.
    pub seconds: u64,
}

/// What a caller gets for a code.
pub(crate) struct Redeemed {
    /// 256 random bits; nothing but their hash is kept.
    pub(crate) token: Zeroizing<String>,
    pub(crate) paired: Paired,
}

impl Pairing {
    /// Everybody who was paired by a server of this data folder.
    ///
    /// # Errors
    /// When the file of them cannot be read, or is not what was written.
    pub fn open(folder: &Path, limits: PairingLimits) -> io::Result<Self> {
        let keeper = Keeper::Folder(folder.to_owned());
        let known = keeper.load()?.unwrap_or_default().into_iter().map(Known::new).collect();
        Ok(Self::new(keeper, known, limits))
    }

    /// Nobody yet, and who is paired is forgotten with the server.
    #[must_use]
    pub fn in_memory(limits: PairingLimits) -> Self {
        Self::new(Keeper::Memory, Vec::new(), limits)
    }

    fn new(keeper: Keeper, known: Vec<Known>, limits: PairingLimits) -> Self {
        let (desk, changing) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Shared { limits, keeper, desk, known: RwLock::new(known), changing }))
    }

    /// Makes a code that can be redeemed once. The one before it is worth nothing any more.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn show_code(&self) -> io::Result<ShownCode> {
        let code = PairingCode::random()?;
        let shown = ShownCode { code: code.to_string(), seconds: self.0.limits.code_life.as_secs() };
        lock(&self.0.desk).show(Instant::now(), code, &self.0.limits);
        Ok(shown)
    }

    /// Everybody, the first that was paired first.
    #[must_use]
    pub fn list(&self) -> Vec<Paired> {
        self.known().iter().map(|known| known.row.paired.clone()).collect()
    }

    /// Forgets a caller, and ends at once what it has under way: its sessions, its connections, its calls. None when there is none of
    /// this id. Writes a file, so it may block for a moment. Another server of the same folder hears of it with its own next change.
    ///
    /// # Errors
    /// When the file cannot be written: then the caller is paired as before.
    pub fn revoke(&self, id: &str) -> io::Result<Option<Paired>> {
        let mut found = None;
        self.change(|rows| {
            let place = rows.iter().position(|row| row.paired.id == id);
            found = place.map(|place| rows.remove(place).paired);
        })?;
        if let Some(paired) = &found {
            tracing::info!(id, origin = paired.origin, "a pairing is revoked");
        }
        Ok(found)
    }

    /// Whether this origin may redeem a code although nobody listed it: it is an extension's.
    pub(crate) fn may_ask(origin: &str) -> bool {
        let Some((scheme, id)) = origin.split_once("://") else { return false };
        let own = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        EXTENSIONS.contains(&scheme) && origin.len() <= ORIGIN_BYTES && !id.is_empty() && id.bytes().all(own)
    }

    /// Whether an extension of this origin is paired. A page's origin is not let in by that: it must be listed as well.
    pub(crate) fn knows(&self, origin: &str) -> bool {
        Self::may_ask(origin) && self.known().iter().any(|known| known.row.paired.origin.as_deref() == Some(origin))
    }

    /// Whose a token is. None when it is nobody's, or comes from another origin than the one it is bound to.
    pub(crate) fn principal(&self, token: &str, origin: Option<&str>) -> Option<Principal> {
        let hash = hash(token);
        let known = self.known();
        // All are compared, whichever it is.
        let is_it = |known: &Known| bool::from(known.row.token.ct_eq(&hash));
        let found = known.iter().fold(None, |found, known| if is_it(known) { Some(known) } else { found })?;
        let bound = &found.row.paired.origin;
        (origin.is_none() || origin == bound.as_deref()).then(|| found.principal())
    }

    /// Gives a token for a code, once. Writes a file, so it may block for a moment.
    ///
    /// # Errors
    /// `pairing_failed`: the code is wrong, used or too old, or there is none; which of these is said to nobody. `validation_failed`: no
    /// code looks like that, and it counts as no attempt. `rate_limited`, `limit_reached`: it was not looked at.
    pub(crate) fn redeem(&self, origin: Option<&str>, code: &str, name: Option<&str>) -> Result<Redeemed, Fault> {
        if name.is_some_and(|name| name.chars().count() > NAME_LETTERS || name.contains(char::is_control)) {
            let text = format!("`name` is longer than {NAME_LETTERS} characters, or more than one line");
            return Err(Fault::new(Code::VALIDATION_FAILED, text).with_details(r#"{"field":"name"}"#));
        }
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        let code = PairingCode::typed(code).ok_or_else(no_code)?;
        let max = self.0.limits.paired;
        if self.known().len() >= max {
            return Err(full(max));
        }
        match lock(&self.0.desk).attempt(Instant::now(), &code, &self.0.limits) {
            Attempt::Right => {}
            Attempt::Wrong => return Err(failed()),
            Attempt::TooOften(wait) => return Err(too_often(self.0.limits.attempts_per_minute, wait)),
        }
        let redeemed = self.add(origin, name).map_err(|error| {
            tracing::error!(%error, "a pairing could not be kept");
            Fault::new(Code::INTERNAL, "the pairing could not be kept: the server's log says why")
        })?;
        tracing::info!(id = redeemed.paired.id, origin, "paired");
        Ok(redeemed)
    }

    fn add(&self, origin: Option<&str>, name: Option<&str>) -> io::Result<Redeemed> {
        let (mut secret, mut id) = (Zeroizing::new([0; 32]), [0; 4]);
        getrandom::fill(secret.as_mut()).map_err(io::Error::other)?;
        getrandom::fill(&mut id).map_err(io::Error::other)?;
        let token = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(secret.as_ref()));
        let mut paired = Paired {
            id: String::new(),
            origin: origin.map(str::to_owned),
            name: name.map(str::to_owned),
            created: jiff::Timestamp::now().strftime("%FT%TZ").to_string(),
        };
        self.change(|rows| {
            let first = u32::from_be_bytes(id);
            let free = |id: &String| rows.iter().all(|row| row.paired.id != *id);
            let ids = (0..=u32::MAX).map(|step| format!("{:08x}", first.wrapping_add(step)));
            paired.id = ids.into_iter().find(free).unwrap_or_default();
            rows.push(Row { paired: paired.clone(), token: hash(&token) });
        })?;
        Ok(Redeemed { token, paired })
    }

    /// Changes what is kept, and then what is known. Another server of the same folder may have changed the file meanwhile.
    fn change(&self, change: impl FnOnce(&mut Vec<Row>)) -> io::Result<()> {
        let _changing = lock(&self.0.changing);
        let _alone = self.0.keeper.lock()?;
        let kept = self.0.keeper.load()?;
        let mut rows = kept.unwrap_or_else(|| self.known().iter().map(|known| known.row.clone()).collect());
        change(&mut rows);
        self.0.keeper.save(&rows)?;
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *known);
        for row in rows {
            let place = before.iter().position(|known| known.row == row);
            known.push(place.map_or_else(|| Known::new(row), |place| before.swap_remove(place)));
        }
        drop(known);
        before.iter().for_each(|gone| gone.revoked.cancel());
        Ok(())
    }

    fn known(&self) -> RwLockReadGuard<'_, Vec<Known>> {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn new(row: Row) -> Self {
        Self { row, revoked: CancellationToken::new() }
    }

    /// The same origin is the same principal, however often it is paired: its history stays its own. Programs have no origin to be known by.
    fn principal(&self) -> Principal {
        let Paired { id, origin, .. } = &self.row.paired;
        let name = origin.as_ref().map_or_else(|| format!("program:{id}"), |origin| format!("origin:{origin}"));
        Principal::until(name, self.revoked.clone())
    }
}

/// Without the token's hash, though nobody could do anything with it.
impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.row.paired.fmt(f)
    }
}

/// One line, as the person at the server reads it.
impl fmt::Display for Paired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.origin.as_deref().unwrap_or("(a program)");
        write!(f, "{}  {}  {origin}", self.id, self.created)?;
        // Quoted, with nothing in it that a terminal would obey.
        self.name.iter().try_for_each(|name| write!(f, "  {name:?}"))
    }
}

impl fmt::Display for ShownCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, seconds } = self;
        let (number, unit) = if seconds.is_multiple_of(60) { (seconds / 60, "minute") } else { (*seconds, "second") };
        let plural = if number == 1 { "" } else { "s" };
        write!(f, "pairing code {code}: type it into the options of your extension within {number} {unit}{plural}")
    }
}

impl fmt::Debug for ShownCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShownCode").field("seconds", &self.seconds).finish_non_exhaustive()
    }
}

fn hash(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}

fn no_code() -> Fault {
    Fault::new(Code::VALIDATION_FAILED, "`code` is not a pairing code: those have eight letters and digits, as in K7QF-2M9X")
        .with_details(r#"{"field":"code"}"#)
}

fn failed() -> Fault {
    Fault::new(Code::PAIRING_FAILED, "this pairing code is wrong, used or too old: `tabagent-server pair` prints a new one")
}

fn full(max: usize) -> Fault {
    let message = format!("{max} callers are paired (limit paired): revoke one with `tabagent-server pair revoke`");
    Fault::new(Code::LIMIT_REACHED, message).with_details(format!(r#"{{"limit":"paired","max":{max}}}"#))
}

fn too_often(max: usize, wait: Duration) -> Fault {
    let message = format!("a pairing code may be tried {max} times a minute (limit pairing_attempts_per_minute)");
    let details = format!(r#"{{"limit":"pairing_attempts_per_minute","max":{max}}}"#);
    Fault::new(Code::RATE_LIMITED, message).with_details(details).retry_after(wait_ms(wait))
}

/// What these guard cannot be left half-changed, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
