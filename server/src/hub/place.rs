//! Where the Hub is: for browsers, and for us.

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, anyhow, bail};

use crate::config::PublicUrl;

/// The Hub's address for browsers: an origin of its own and a base path, such as `https://hub.example/jupyter/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubPlace {
    pub origin: String,
    /// Host and port, as a browser says them in `Host`.
    pub authority: String,
    /// Begins and ends with a slash.
    pub base: String,
    pub https: bool,
}

impl HubPlace {
    /// Refused where what runs in JupyterLab could act as the person who looks at it.
    pub fn check_apart_from(&self, studio: Option<&PublicUrl>) -> Result<()> {
        let Some(studio) = studio else {
            bail!(
                "hub: the studio's own address must be known too, so that the Hub can send people there to sign in; give --public-url"
            );
        };
        if studio.origin == self.origin {
            bail!(
                "hub: {self} is the studio's own origin, and code that runs in JupyterLab would act as whoever looks at it; \
                 give the Hub a host name of its own, such as https://hub.example{}, that leads to the studio too",
                self.base
            );
        }
        if studio.https && !self.https {
            bail!("hub: {self} is not encrypted while the studio is; give an https:// address");
        }
        Ok(())
    }
}

impl fmt::Display for HubPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.base)
    }
}

impl FromStr for HubPlace {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            anyhow!(
                "hub: `{text}` is not the address of a Hub; write it with its base path and a slash at the end, as https://hub.example/jupyter/"
            )
        };
        let uri: axum::http::Uri = text.parse().map_err(|_| wrong())?;
        let base = uri.path().to_owned();
        let plain = base.len() > 1
            && base.ends_with('/')
            && !base.contains("//")
            && base
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte))
            && !base.split('/').any(|part| part == "." || part == "..");
        if !plain || uri.query().is_some() {
            return Err(wrong());
        }
        let site = text.strip_suffix(&base).ok_or_else(wrong)?;
        let url: PublicUrl = site.parse().map_err(|error: anyhow::Error| {
            anyhow!(
                "hub: {}",
                error.to_string().trim_start_matches("public-url: ")
            )
        })?;
        let authority = url
            .origin
            .split_once("://")
            .map(|(_, authority)| authority.to_owned())
            .ok_or_else(wrong)?;
        Ok(Self {
            origin: url.origin,
            authority,
            base,
            https: url.https,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn studio(url: &str) -> PublicUrl {
        url.parse().unwrap()
    }

    #[test]
    fn an_address_has_an_origin_and_a_base_path() {
        let place: HubPlace = "http://Hub.localhost:3000/jupyter/".parse().unwrap();
        assert_eq!(place.origin, "http://hub.localhost:3000");
        assert_eq!(place.authority, "hub.localhost:3000");
        assert_eq!(place.base, "/jupyter/");
        assert_eq!(place.to_string(), "http://hub.localhost:3000/jupyter/");
        for wrong in [
            "",
            "hub.example/jupyter/",
            "https://hub.example",
            "https://hub.example/",
            "https://hub.example/jupyter",
            "https://hub.example//",
            "https://hub.example/a/../b/",
            "https://hub.example/a%2fb/",
            "https://hub.example/jupyter/?a=1",
            "https://ada@hub.example/jupyter/",
            "ftp://hub.example/jupyter/",
            "http://hub.example/jupyter/",
        ] {
            let error = wrong.parse::<HubPlace>().expect_err(wrong);
            assert!(error.to_string().starts_with("hub: "), "{error}");
        }
    }

    #[test]
    fn the_studios_own_origin_is_refused() {
        let place: HubPlace = "https://studio.example/jupyter/".parse().unwrap();
        let error = place
            .check_apart_from(Some(&studio("https://studio.example")))
            .expect_err("same");
        assert!(
            error.to_string().contains("host name of its own"),
            "{error}"
        );
        assert!(place.check_apart_from(None).is_err());
        assert!(
            place
                .check_apart_from(Some(&studio("https://lab.example")))
                .is_ok()
        );
        let plain: HubPlace = "http://hub.localhost/jupyter/".parse().unwrap();
        assert!(
            plain
                .check_apart_from(Some(&studio("https://lab.example")))
                .is_err()
        );
    }
}
