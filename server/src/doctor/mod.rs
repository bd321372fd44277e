//! `tabagent-server doctor`: what stands in the way of serving, each cause by name, with its cure.
//!
//! One file per family of checks. Each looks without changing anything, is bounded in time, and says what it found in one
//! sentence. The browser's side of the same question is `doctor()` of `@tabagent/client`; both report alike.

/// One STUN or TURN server, asked.
mod ask;
/// STUN and TURN servers.
mod ice;
/// What the machine grants to every program.
mod machine;
/// Options that contradict each other or let nobody in.
mod options;
/// The HTTP port, and who has it.
mod port;
/// What was found, for people and for programs.
mod report;
/// The data folder.
mod storage;
/// Questions and answers as STUN writes them.
mod stun;
/// The sockets of data channels.
mod udp;

pub use report::{Check, Diagnosis};

use report::Findings;

use crate::options::{OptionError, Settings};

/// Looks at everything that a server with these settings would need.
///
/// Settings that are none end it early: the rest is about what they say.
pub async fn diagnose(settings: Result<Settings, OptionError>) -> Diagnosis {
    let mut findings = Findings::new();
    machine::look(&mut findings).await;
    let options = settings.and_then(|settings| settings.server_options().map(|options| (settings, options)));
    let (settings, options) = match options {
        Ok(read) => read,
        Err(error) => {
            let advice = "`tabagent-server --help` has every option and its form; `tabagent-server limits` every limit.";
            findings.bad("configuration", "bad_configuration", error.to_string(), advice);
            return findings.diagnosis();
        }
    };
    findings.good("configuration", "The options, the environment and the files that they name can be read.");
    options::look(&mut findings, &settings, &options);
    port::look(&mut findings, settings.address(), &options).await;
    storage::look(&mut findings, settings.data_dir.clone());
    storage::files(&mut findings, settings.files.as_deref());
    machine::open_files(&mut findings, &options);
    if options.mode.webrtc() {
        udp::look(&mut findings, &options);
        ice::look(&mut findings, &options).await;
    }
    findings.diagnosis()
}
