//! Options with a form of their own: keys, web origins, host names, ICE servers.

use std::{fmt, str::FromStr};

use axum::http::uri::Authority;
use tabagent_protocol::signaling::IceServer;

/// Why a value was refused, as the end of the sentence "`VALUE` …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub(super) &'static str);

/// A secret that opens the API. It is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The secret itself.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl FromStr for Key {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.is_empty() {
            return Err(ValueError("is empty"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ValueError("has a character that cannot stand in an Authorization header"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// A web origin that may talk to the server: exact, or with any port (`http://localhost:*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginPattern {
    /// `scheme://host`, in lower case, and the port when it is fixed.
    text: String,
    any_port: bool,
}

impl OriginPattern {
    /// Whether an `Origin` header names this origin.
    #[must_use]
    pub fn matches(&self, origin: &str) -> bool {
        if !self.any_port {
            return origin.eq_ignore_ascii_case(&self.text);
        }
        let Some((host, rest)) = origin.split_at_checked(self.text.len()) else {
            return false;
        };
        let port = rest.strip_prefix(':').map_or(rest.is_empty(), |port| port.parse::<u16>().is_ok());
        host.eq_ignore_ascii_case(&self.text) && port
    }
}

impl FromStr for OriginPattern {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or(ValueError("is not an origin such as chrome-extension://ID or http://localhost:3000"))?;
        let scheme_ok = !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        let (authority, any_port) = rest.strip_suffix(":*").map_or((rest, false), |host| (host, true));
        if authority.contains('*') {
            return Err(ValueError("has a `*` elsewhere than as the port: origins are listed one by one"));
        }
        let parsed = authority.parse::<Authority>().ok().filter(|parsed| !parsed.as_str().contains('@'));
        if !scheme_ok || parsed.is_none() || any_port && parsed.is_some_and(|parsed| parsed.port().is_some()) {
            return Err(ValueError("is not scheme://host[:port], without a path or a slash at the end"));
        }
        Ok(Self { text: format!("{scheme}://{authority}").to_ascii_lowercase(), any_port })
    }
}

/// A host name under which the server may be addressed; without a port, on any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    host: String,
    port: Option<u16>,
}

impl HostPattern {
    /// Whether a `Host` header names this host.
    #[must_use]
    pub fn matches(&self, authority: &Authority) -> bool {
        authority.host().eq_ignore_ascii_case(&self.host) && (self.port.is_none() || self.port == authority.port_u16())
    }
}

impl FromStr for HostPattern {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let authority = text.parse::<Authority>().map_err(|_| ValueError("is not a host name, with or without a port"))?;
        if text.contains(['@', '*']) {
            return Err(ValueError("is not a host name: wildcards and users have no place in it"));
        }
        Ok(Self { host: authority.host().to_ascii_lowercase(), port: authority.port_u16() })
    }
}

/// Reads `URL[,user,credential]`.
///
/// # Errors
/// When the URL is not one of STUN or TURN, or a TURN server comes without its user and credential.
pub(super) fn ice_server(text: &str) -> Result<IceServer, ValueError> {
    let mut parts = text.splitn(3, ',').map(str::to_owned);
    let url = parts.next().unwrap_or_default();
    let (username, credential) = (parts.next(), parts.next());
    let turn = url.starts_with("turn:") || url.starts_with("turns:");
    if !turn && !url.starts_with("stun:") && !url.starts_with("stuns:") {
        return Err(ValueError("does not begin with stun: or turn:"));
    }
    if turn && credential.is_none() {
        return Err(ValueError("is a TURN server without credentials: write URL,user,credential"));
    }
    Ok(IceServer { urls: vec![url], username, credential })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_match_exactly_or_with_any_port() {
        let rows = [
            ("chrome-extension://abc", "chrome-extension://abc", true),
            ("chrome-extension://abc", "chrome-extension://abcd", false),
            ("chrome-extension://abc", "http://abc", false),
            ("http://localhost:3000", "http://localhost:3000", true),
            ("http://localhost:3000", "http://localhost:30001", false),
            ("http://localhost:*", "http://localhost:30001", true),
            ("http://localhost:*", "http://localhost", true),
            ("http://localhost:*", "http://localhost.evil.test:80", false),
            ("http://localhost:*", "http://localhost:80.evil.test", false),
            ("http://localhost:*", "https://localhost:80", false),
            ("http://localhost:*", "null", false),
            ("HTTP://LocalHost:*", "http://localhost:1", true),
        ];
        for (pattern, origin, expected) in rows {
            assert_eq!(pattern.parse::<OriginPattern>().expect("as written").matches(origin), expected, "{pattern} {origin}");
        }
    }

    #[test]
    fn patterns_that_mean_everybody_are_refused() {
        for text in ["*", "null", "http://*", "https://*.example", "http://a/", "http://a/b", "http://u@a", "http://a:1:*", ""] {
            assert!(text.parse::<OriginPattern>().is_err(), "{text}");
        }
        for text in ["*", "*.example", "a b", "a/b", "u@a", ""] {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_ice_server_is_a_url_and_perhaps_credentials() {
        let stun = ice_server("stun:stun.example:3478").expect("as written");
        assert_eq!((stun.urls.as_slice(), stun.username), (["stun:stun.example:3478".to_owned()].as_slice(), None));
        let turn = ice_server("turn:t.example:3478?transport=udp,user,pass,word").expect("as written");
        assert_eq!((turn.username.as_deref(), turn.credential.as_deref()), (Some("user"), Some("pass,word")));
        assert!(ice_server("turn:t.example").is_err());
        assert!(ice_server("http://t.example").is_err());
    }

    #[test]
    fn a_key_does_not_show_itself() {
        let key: Key = "s3cret".parse().expect("as written");
        assert_eq!(format!("{key:?}"), "Key(…)");
        assert!("two words".parse::<Key>().is_err());
        assert!("".parse::<Key>().is_err());
    }
}
