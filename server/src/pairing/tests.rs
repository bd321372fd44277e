//! What the parts of the room do together, on a clock that stands still.

use super::*;

const ORIGIN: Option<&str> = Some("chrome-extension://abcdefghijklmnopabcdefghijklmnop");

fn redeem(pairing: &Pairing, shown: &ShownCode) -> Result<Redeemed, Code> {
    pairing.redeem(ORIGIN, &shown.code, None).map_err(|fault| fault.code)
}

#[tokio::test(start_paused = true)]
async fn a_code_can_be_redeemed_until_its_last_millisecond() {
    let pairing = Pairing::in_memory(PairingLimits::default());
    for (wait, expected) in [(599_999, None), (600_000, Some(Code::PAIRING_FAILED))] {
        let shown = pairing.show_code().expect("random");
        assert_eq!(shown.seconds, 600);
        tokio::time::advance(Duration::from_millis(wait)).await;
        assert_eq!(redeem(&pairing, &shown).err(), expected, "{wait}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_wait_that_was_told_the_next_attempt_is_looked_at() {
    let pairing = Pairing::in_memory(PairingLimits { attempts_per_minute: 1, ..PairingLimits::default() });
    let shown = pairing.show_code().expect("random");
    let wrong = |code: &str| pairing.redeem(ORIGIN, code, None).err().expect("refused");
    assert_eq!(wrong("0000-0000").code, Code::PAIRING_FAILED);
    let refused = wrong(&shown.code);
    assert_eq!((refused.code, refused.retry_after_ms), (Code::RATE_LIMITED, Some(60_000)));
    tokio::time::advance(Duration::from_millis(60_000)).await;
    assert!(redeem(&pairing, &shown).is_ok());
}

#[test]
fn what_cannot_be_kept_is_no_pairing_and_the_code_is_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let pairing = Pairing::open(folder.path(), PairingLimits::default()).expect("nobody yet");
    drop(folder);
    let shown = pairing.show_code().expect("random");
    assert_eq!(redeem(&pairing, &shown).err(), Some(Code::INTERNAL));
    assert_eq!(redeem(&pairing, &shown).err(), Some(Code::PAIRING_FAILED));
    assert!(pairing.list().is_empty());
}

#[test]
fn two_servers_of_a_folder_do_not_forget_each_others_callers() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = || Pairing::open(folder.path(), PairingLimits::default()).expect("as written");
    let (one, other) = (open(), open());
    let first = redeem(&one, &one.show_code().expect("random")).expect("right");
    let second = redeem(&other, &other.show_code().expect("random")).expect("right");
    assert_eq!(open().list(), [first.paired.clone(), second.paired.clone()]);
    assert!(other.principal(&first.token, ORIGIN).is_some(), "learnt with the change");
    let principal = one.principal(&first.token, ORIGIN).expect("paired");
    assert!(other.revoke(&first.paired.id).expect("written").is_some());
    assert!(one.revoke(&second.paired.id).expect("written").is_some());
    assert_eq!(principal.check().err().map(|fault| fault.code), Some(Code::UNAUTHORIZED), "learnt with its own change");
    assert!(open().list().is_empty());
}

#[test]
fn what_servers_of_a_folder_change_at_the_same_time_is_all_kept() {
    const EACH: usize = 8;
    let folder = tempfile::tempdir().expect("a folder");
    let limits = PairingLimits { attempts_per_minute: EACH, ..PairingLimits::default() };
    let pairing = || Pairing::open(folder.path(), limits.clone()).expect("as written");
    let servers = [pairing(), pairing(), pairing()];
    std::thread::scope(|threads| {
        for server in &servers {
            threads.spawn(|| {
                for _ in 0..EACH {
                    redeem(server, &server.show_code().expect("random")).expect("right");
                }
            });
        }
    });
    assert_eq!(pairing().list().len(), EACH * servers.len());
}

#[test]
fn the_same_origin_is_the_same_principal_until_its_own_token_is_revoked() {
    let pairing = Pairing::in_memory(PairingLimits::default());
    let pair = || redeem(&pairing, &pairing.show_code().expect("random")).expect("right");
    let (one, other) = (pair(), pair());
    let [mine, theirs] = [&one, &other].map(|paired| pairing.principal(&paired.token, ORIGIN).expect("paired"));
    assert_eq!(mine, theirs);
    assert_eq!(mine.as_str(), "origin:chrome-extension://abcdefghijklmnopabcdefghijklmnop");
    assert!(pairing.revoke(&one.paired.id).expect("written").is_some());
    assert!(mine.check().is_err() && theirs.check().is_ok());
    assert!(pairing.revoke(&one.paired.id).expect("written").is_none());
}

#[test]
fn only_extensions_may_ask_although_nobody_listed_them() {
    let long = format!("chrome-extension://{}", "a".repeat(ORIGIN_BYTES));
    let rows = [
        ("chrome-extension://abcdefghijklmnopabcdefghijklmnop", true),
        ("moz-extension://0b6b4d2e-2b3c-4d5e-8f90-a1b2c3d4e5f6", true),
        ("chrome-extension://", false),
        ("chrome-extension://a.b", false),
        ("chrome-extension://a:1", false),
        ("chrome-extension://a/", false),
        ("chrome-extension://u@a", false),
        ("Chrome-Extension://a", false),
        ("chrome-extension:a", false),
        ("https://chrome-extension.test", false),
        ("http://127.0.0.1:9000", false),
        ("null", false),
        (&long, false),
    ];
    for (origin, may) in rows {
        assert_eq!(Pairing::may_ask(origin), may, "{origin}");
    }
}

#[test]
fn neither_a_code_nor_a_token_shows_itself() {
    let pairing = Pairing::in_memory(PairingLimits::default());
    let shown = pairing.show_code().expect("random");
    let (text, line) = (format!("{shown:?} {pairing:?}"), shown.to_string());
    assert!(!text.contains(&shown.code), "{text}");
    assert_eq!(line, format!("pairing code {}: type it into the options of your extension within 10 minutes", shown.code));
    let redeemed = redeem(&pairing, &shown).expect("right");
    let text = format!("{pairing:?}");
    assert!(text.contains(&redeemed.paired.id) && !text.contains(redeemed.token.as_str()), "{text}");
    let hash = hash(&redeemed.token);
    assert!(!text.contains(&format!("{hash:?}")), "{text}");
}
