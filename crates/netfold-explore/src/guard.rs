//! Who may ask: the page itself, and programs of this machine's user. Nobody else's page.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

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
    pub fn check(self, headers: &HeaderMap, api: bool) -> Result<(), Problem> {
        let refused = |why: String| Err(Problem::new(StatusCode::FORBIDDEN, why));
        let word = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
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
        if let (true, Some(site)) = (api, word(HeaderName::from_static("sec-fetch-site")))
            && !matches!(site, "same-origin" | "none")
        {
            return refused("another site's page may not ask this server".into());
        }
        Ok(())
    }
}

/// Checks every request and puts the policy on every answer.
pub async fn guard(State(names): State<Names>, request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/api/");
    let mut response = match names.check(request.headers(), api) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
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
