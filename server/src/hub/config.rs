//! `datalayer hub config`: the `jupyterhub_config.py` that goes with this studio.

use std::fmt::Write;
use std::path::Path;

/// What a Hub has to know of its studio.
pub struct Wiring<'a> {
    /// The studio's origin, as browsers and the Hub reach it.
    pub studio: &'a str,
    /// The Hub's address for browsers, with its base path and a slash at the end.
    pub hub: &'a str,
    /// Where the Hub's own proxy has to listen, for the studio: scheme, host and port.
    pub upstream: &'a str,
    /// Base path of the Hub's addresses, such as `/jupyter/`.
    pub base: &'a str,
    /// The file with the secret both sides know.
    pub secret: &'a Path,
    pub https: bool,
}

/// The file's text. It holds no secret: it names where the secret is.
pub fn text(wiring: &Wiring<'_>) -> String {
    let Wiring {
        studio, hub, https, ..
    } = wiring;
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        writeln!(out, "c.{name} = {value}").ok();
    };
    line(
        "JupyterHub.bind_url",
        quoted(&format!("{}{}", wiring.upstream, wiring.base)),
    );
    line("JupyterHub.public_url", quoted(hub));
    line("JupyterHub.authenticator_class", quoted("generic-oauth"));
    line("GenericOAuthenticator.client_id", quoted("jupyterhub"));
    line("GenericOAuthenticator.client_secret", "secret()".into());
    for (setting, path) in [
        ("authorize_url", "/oauth/authorize"),
        ("token_url", "/oauth/token"),
        ("userdata_url", "/oauth/userinfo"),
    ] {
        line(
            &format!("GenericOAuthenticator.{setting}"),
            quoted(&format!("{studio}{path}")),
        );
    }
    line(
        "GenericOAuthenticator.oauth_callback_url",
        quoted(&format!("{hub}hub/oauth_callback")),
    );
    line("GenericOAuthenticator.login_service", quoted("Datalayer"));
    line(
        "GenericOAuthenticator.scope",
        r#"["openid", "profile", "hub"]"#.into(),
    );
    line("GenericOAuthenticator.enable_pkce", "True".into());
    // A name that never changes, so that somebody who is renamed keeps their server.
    line("GenericOAuthenticator.username_claim", quoted("hub_name"));
    line("GenericOAuthenticator.manage_groups", "True".into());
    line(
        "GenericOAuthenticator.auth_state_groups_key",
        quoted("oauth_user.groups"),
    );
    line(
        "GenericOAuthenticator.allowed_groups",
        r#"{"studio-users"}"#.into(),
    );
    line("Authenticator.auto_login", "True".into());
    // Whether the studio still lets them in is asked again: before a server starts, and every minute.
    line("Authenticator.enable_auth_state", "True".into());
    line("Authenticator.auth_refresh_age", "60".into());
    line("Authenticator.refresh_pre_spawn", "True".into());
    line("JupyterHub.allow_named_servers", "True".into());
    line("Spawner.default_url", quoted("/lab"));
    if *https {
        line("JupyterHub.cookie_host_prefix_enabled", "True".into());
    }
    format!(
        "{HEAD}\n\ndef secret():\n    \"\"\"What the studio knows this Hub by.\"\"\"\n    given = os.environ.get(\"DATALAYER_HUB_CLIENT_SECRET\")\n    \
         if given:\n        return given\n    with open({file}) as file:\n        return file.read().strip()\n\n\nif not os.environ.get(\"JUPYTERHUB_CRYPT_KEY\"):\n    \
         raise SystemExit(\"JUPYTERHUB_CRYPT_KEY is not set: give this Hub a key of its own, for instance the output of `openssl rand -hex 32`\")\n\n{out}",
        file = quoted(&wiring.secret.display().to_string()),
    )
}

const HEAD: &str = "\
# JupyterHub behind Datalayer, printed by `datalayer hub config`. Wants jupyterhub 5.2 or newer and oauthenticator 17.2 or newer.
#
# People sign in with the studio and reach the Hub through it, so the Hub's own address need not be reachable from outside.
# Spawner, images and limits are yours to add: in a file of your own that begins with
#     load_subconfig(\"this file\")
import os

c = get_config()  # noqa: F821";

/// A Python string. JSON's escapes are Python's, as long as nothing is beyond ASCII.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            ' '..='~' => out.push(character),
            other => {
                write!(out, "\\U{:08x}", u32::from(other)).ok();
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(https: bool) -> String {
        text(&Wiring {
            studio: "https://studio.example",
            hub: "https://hub.example/jupyter/",
            upstream: "http://127.0.0.1:8000",
            base: "/jupyter/",
            secret: Path::new("/data/hub/client \"secret\""),
            https,
        })
    }

    #[test]
    fn everything_that_trust_rests_on_is_said() {
        let text = of(true);
        for line in [
            r#"c.JupyterHub.bind_url = "http://127.0.0.1:8000/jupyter/""#,
            r#"c.GenericOAuthenticator.token_url = "https://studio.example/oauth/token""#,
            r#"c.GenericOAuthenticator.oauth_callback_url = "https://hub.example/jupyter/hub/oauth_callback""#,
            r#"c.GenericOAuthenticator.allowed_groups = {"studio-users"}"#,
            "c.GenericOAuthenticator.enable_pkce = True",
            "c.JupyterHub.cookie_host_prefix_enabled = True",
            r#"    with open("/data/hub/client \"secret\"") as file:"#,
        ] {
            assert!(text.lines().any(|has| has == line), "{line} in\n{text}");
        }
        assert!(!of(false).contains("cookie_host_prefix_enabled"));
        assert!(!text.contains("allow_all") && !text.contains("admin"));
    }

    #[test]
    fn nothing_ends_a_string_early() {
        assert_eq!(
            quoted("a\"b\\c\nü"),
            "\"a\\\"b\\\\c\\U0000000a\\U000000fc\""
        );
    }
}
