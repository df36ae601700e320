//! Where a request comes from, as far as limits are concerned.

use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};

/// The other end of the connection. The accept loop puts it into every request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Who is counted: an IPv4 address or the /64 of an IPv6 one, since whoever has one address of a /64 has them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Source {
    /// `proxies` of our own stand in front: the client is what the outermost of them saw. With none, the header is whatever the client likes, so it is not read.
    pub fn of(headers: &HeaderMap, extensions: &Extensions, proxies: usize) -> Self {
        let client = client(headers, extensions, proxies);
        Self(coarse(client.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}

/// The client's own address, as [`Source::of`] finds it. `None`: the connection is of no kind that has one.
pub fn client(headers: &HeaderMap, extensions: &Extensions, proxies: usize) -> Option<IpAddr> {
    let forwarded = || {
        let mut hops = Vec::new();
        for line in headers.get_all("x-forwarded-for") {
            hops.extend(line.to_str().ok()?.split(',').map(str::trim));
        }
        hops.get(hops.len().checked_sub(proxies)?)?
            .parse::<IpAddr>()
            .ok()
    };
    let client = if proxies == 0 { None } else { forwarded() };
    client.or_else(|| extensions.get::<Peer>().map(|Peer(peer)| peer.ip()))
}

impl<S: Send + Sync> FromRequestParts<S> for Source {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts
            .extensions
            .get::<Self>()
            .copied()
            .unwrap_or(Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}

fn coarse(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => IpAddr::V4(four),
            None => IpAddr::V6(Ipv6Addr::from(u128::from(six) & !u128::from(u64::MAX))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(peer: &str, forwarded: Option<&str>, proxies: usize) -> String {
        let mut headers = HeaderMap::new();
        if let Some(forwarded) = forwarded {
            headers.insert("x-forwarded-for", forwarded.parse().unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(Peer(SocketAddr::new(peer.parse().unwrap(), 1)));
        Source::of(&headers, &extensions, proxies).to_string()
    }

    #[test]
    fn a_direct_client_cannot_name_its_own_address() {
        assert_eq!(source("10.0.0.9", Some("1.1.1.1"), 0), "10.0.0.9");
    }

    #[test]
    fn trusted_proxies_are_counted_from_the_right() {
        assert_eq!(source("10.0.0.9", Some("6.6.6.6, 1.2.3.4"), 1), "1.2.3.4");
        assert_eq!(
            source("10.0.0.9", Some("6.6.6.6, 1.2.3.4, 10.0.0.8"), 2),
            "1.2.3.4"
        );
        assert_eq!(source("10.0.0.9", Some("1.2.3.4"), 2), "10.0.0.9");
    }

    #[test]
    fn a_whole_64_is_one_source() {
        assert_eq!(source("2001:db8:1:2:3:4:5:6", None, 0), "2001:db8:1:2::");
        assert_eq!(source("::ffff:10.0.0.9", None, 0), "10.0.0.9");
    }
}
