//! Who may ask: whoever has the token, from the explorer's own page or a program. Nobody else's page.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api_error::ApiError;
use crate::connections::Caller;
use crate::token::Token;

/// What the page may load: what comes from this server, and pictures that it makes itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Which names the server goes by.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Whether it listens to this machine alone.
    pub local: bool,
}

impl Names {
    /// Refuses a request that came under a name that is not this server's own, or from another site's page.
    ///
    /// A page of another site can make its own name point to this machine (DNS rebinding). An address in numbers
    /// cannot be made to do so, and `localhost` cannot either.
    ///
    /// # Errors
    /// 403, with the reason.
    pub fn check(self, headers: &HeaderMap, asked: Asked) -> Result<(), ApiError> {
        let refused = |why: String| Err(ApiError::new(StatusCode::FORBIDDEN, why));
        let word = |name: HeaderName| word(headers, name);
        let Some(host) = word(header::HOST) else { return refused("the request names no host".into()) };
        let Ok(authority) = host.parse::<Authority>() else { return refused(format!("`{host}` is no host")) };
        let name = authority.host().trim_start_matches('[').trim_end_matches(']');
        let known = match name.parse::<IpAddr>() {
            Ok(address) => !self.local || address.is_loopback(),
            Err(_) => name.eq_ignore_ascii_case("localhost"),
        };
        if !known {
            return refused(format!("this server does not go by the name `{host}`"));
        }
        if let Some(origin) = word(header::ORIGIN)
            && origin.strip_prefix("http://") != Some(host)
        {
            return refused(format!("a page of `{origin}` may not ask this server"));
        }
        if let (Asked::Owned, Some(site)) = (asked, word(HeaderName::from_static("sec-fetch-site")))
            && !matches!(site, "same-origin" | "none")
        {
            return refused("another site's page may not ask this server".into());
        }
        Ok(())
    }
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The page's own files, the same in every explorer: whoever reaches the server may have them.
    Page,
    /// All else is the owner's.
    Owned,
}

impl Asked {
    /// By the path: what is not known to be the page's is the owner's.
    pub fn of(path: &str) -> Self {
        if matches!(path, "/" | "/page.js" | "/page.css") { Self::Page } else { Self::Owned }
    }
}

/// Who is let in.
#[derive(Clone, Debug)]
pub struct Access {
    /// The names that the server goes by.
    pub names: Names,
    /// What the owner has.
    pub token: Token,
}

impl Access {
    /// Refuses a request under another name, from another site's page, or for what is the owner's without the token.
    ///
    /// The token comes as `Authorization: Bearer TOKEN` and in no other way: an address is copied and logged, and a
    /// cookie goes to every server of this machine, whatever its port (RFC 6265, 8.5).
    ///
    /// # Errors
    /// 403 as [`Names::check`], 401 without the token.
    pub fn check(&self, headers: &HeaderMap, asked: Asked) -> Result<(), ApiError> {
        self.names.check(headers, asked)?;
        let given = word(headers, header::AUTHORIZATION).and_then(|word| word.split_once(' '));
        let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
        if asked == Asked::Page || given.is_some_and(|given| self.token.is(given)) {
            return Ok(());
        }
        let why =
            if given.is_none() { "the request has no token" } else { "the request's token is not this explorer's" };
        Err(ApiError::new(StatusCode::UNAUTHORIZED, why).hint("open the address that `netfold explore` printed"))
    }
}

fn word(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Checks every request and puts the policy on every answer.
pub async fn guard(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let asked = Asked::of(request.uri().path());
    let mut response = match access.check(request.headers(), asked) {
        Ok(()) => {
            if let (Asked::Owned, Some(caller)) = (asked, request.extensions().get::<Arc<Caller>>()) {
                caller.know();
            }
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    let status = response.status();
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
