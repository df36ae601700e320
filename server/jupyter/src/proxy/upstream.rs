//! Where the Hub's proxy is, and the base path that it and the studio have in common.

use hyper::Uri;

/// Where the Hub's public proxy is, as the studio reaches it, and the path both are mounted at.
///
/// Paths are never rewritten on their way, so the Hub must be told the same base path (`JupyterHub.bind_url`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    host: Box<str>,
    port: u16,
    base: Box<str>,
}

/// Why an address cannot be the Hub's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    #[error("{0:?} is no address of a JupyterHub; write it like http://127.0.0.1:8000")]
    Address(String),
    #[error(
        "{0:?} is an https address, and the studio reaches the Hub over plain http only; \
         give the address of the Hub's proxy inside the machine or the private network"
    )]
    Https(String),
    #[error(
        "{0:?} names a path other than {1:?}; the Hub must be mounted there too \
         (JupyterHub.bind_url ends with it), because paths are not rewritten"
    )]
    Path(String, String),
    #[error(
        "{0:?} is no base path; write it like /jupyter/, of letters, digits, '-', '_', '.' and '~'"
    )]
    Base(String),
}

impl Upstream {
    /// `address` is `http://HOST[:PORT]`, with or without the base path behind it; `base` is like `/jupyter/`.
    ///
    /// # Errors
    ///
    /// What is wrong with either, in a sentence for whoever configures the studio.
    pub fn new(address: &str, base: &str) -> Result<Self, UpstreamError> {
        let unreadable = || UpstreamError::Address(address.to_owned());
        if !is_base(base) {
            return Err(UpstreamError::Base(base.to_owned()));
        }
        let uri: Uri = address.parse().map_err(|_| unreadable())?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(UpstreamError::Https(address.to_owned())),
            _ => return Err(unreadable()),
        }
        let authority = uri.authority().ok_or_else(unreadable)?;
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let port = match authority.port() {
            Some(port) => Some(port.as_u16()),
            // `http://host:` and ports beyond the largest.
            None if authority.as_str().ends_with(authority.host()) => Some(80),
            None => None,
        };
        let port = port.filter(|port| *port != 0).ok_or_else(unreadable)?;
        if host.is_empty()
            || authority.as_str().contains('@')
            || uri.query().is_some()
            || address.contains('#')
        {
            return Err(unreadable());
        }
        let path = uri.path();
        if path != "/" && path != base && format!("{path}/") != base {
            return Err(UpstreamError::Path(address.to_owned(), base.to_owned()));
        }
        Ok(Self {
            host: host.into(),
            port,
            base: base.into(),
        })
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Begins and ends with a slash.
    pub fn base(&self) -> &str {
        &self.base
    }
}

fn is_base(base: &str) -> bool {
    let Some(inner) = base
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix('/'))
    else {
        return false;
    };
    inner.split('/').all(|segment| {
        !matches!(segment, "" | "." | "..")
            && segment
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_and_without_the_base_path() {
        for address in [
            "http://127.0.0.1:8000",
            "http://127.0.0.1:8000/",
            "http://127.0.0.1:8000/jupyter",
            "http://127.0.0.1:8000/jupyter/",
        ] {
            let upstream = Upstream::new(address, "/jupyter/").unwrap();
            assert_eq!((upstream.host(), upstream.port()), ("127.0.0.1", 8000));
            assert_eq!(upstream.base(), "/jupyter/");
        }
        let six = Upstream::new("http://[::1]:81/", "/jupyter/").unwrap();
        assert_eq!((six.host(), six.port()), ("::1", 81));
        assert_eq!(Upstream::new("http://hub", "/j/k/").unwrap().port(), 80);
    }

    #[test]
    fn an_address_that_cannot_be_is_refused_with_a_sentence() {
        for address in [
            "",
            "127.0.0.1:8000",
            "/jupyter/",
            "ftp://hub",
            "http://",
            "http://hub:0",
            "http://hub:99999",
            "http://ada:secret@hub",
            "http://hub/?x",
            "http://hub/#x",
        ] {
            let refused = Upstream::new(address, "/jupyter/");
            assert!(
                matches!(refused, Err(UpstreamError::Address(_))),
                "{address}: {refused:?}"
            );
        }
        let told = |address| Upstream::new(address, "/jupyter/").unwrap_err().to_string();
        assert!(told("https://hub").contains("plain http only"));
        assert!(told("http://hub/lab/").contains("bind_url"));
        for base in [
            "", "/", "jupyter", "/jupyter", "//", "/a//b/", "/../", "/a b/", "/a%2e/",
        ] {
            let refused = Upstream::new("http://hub", base);
            assert!(matches!(refused, Err(UpstreamError::Base(_))), "{base}");
        }
    }
}
