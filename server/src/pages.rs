//! The pages and their server functions, as a router.

use std::sync::Arc;

use api::Doors;
use app::Assets;
use app::hub::HubAddress;
use axum::Router;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{from_fn, map_response};
use axum::response::Response;
use axum::routing::get;
use leptos::config::LeptosOptions;
use leptos::nonce::use_nonce;
use leptos::prelude::{provide_context, use_context};
use leptos_axum::{
    AxumRouteListing, LeptosRoutes, ResponseOptions, generate_route_list,
    render_app_async_with_context,
};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

/// Every page's address, as the app's router knows it.
pub fn list() -> Vec<AxumRouteListing> {
    generate_route_list(app::shell)
}

/// Every server function: method and address.
pub fn calls() -> Vec<(Method, String)> {
    leptos::server_fn::axum::server_fn_paths()
        .map(|(path, method)| (method, path.to_owned()))
        .collect()
}

/// Pages and server functions, for whoever the cookie says.
pub fn router(doors: &Arc<Doors>, assets: Assets, hub: Option<String>) -> Router {
    let origin = doors.provider.as_ref();
    let origin: Option<Arc<str>> = origin.map(|provider| provider.client_origin().into());
    let hub = HubAddress(hub);
    let context = move || {
        provide_context(assets.clone());
        provide_context(hub.clone());
        guard_page(origin.as_deref());
    };
    let options = LeptosOptions::builder().output_name("app").build();
    let lost = render_app_async_with_context(context.clone(), app::shell);
    let compressed = CompressionLayer::new().quality(CompressionLevel::Precise(4));
    let pages = Router::new()
        .leptos_routes_with_context(&options, list(), context, app::shell)
        .fallback(get(lost).fallback(elsewhere))
        .layer(map_response(lead_on))
        .layer(compressed)
        .layer(from_fn(api::bounded));
    api::visiting(pages, doors).with_state(options)
}

/// The page's policy, with the nonce its scripts carry. Server functions have no nonce and keep the policy of answers.
/// A sign-in that was asked for at the Hub ends there, without script as the answer to its form.
fn guard_page(hub: Option<&str>) {
    let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) else {
        return;
    };
    let signs_in = use_context::<Parts>().is_some_and(|parts| parts.uri.path() == "/sign-in");
    let beyond = hub.filter(|_| signs_in);
    if let Ok(policy) = HeaderValue::from_str(&api::page_policy(&nonce, beyond)) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// A page that leads elsewhere does so for everyone. Without `Accept: text/html` the renderer takes the asker for a script,
/// which only server functions are for.
async fn lead_on(mut response: Response) -> Response {
    let media = response.headers().get(header::CONTENT_TYPE);
    let page = media.is_some_and(|media| media.as_bytes().starts_with(b"text/html"));
    if page && response.headers_mut().remove("serverfnredirect").is_some() {
        *response.status_mut() = StatusCode::FOUND;
    }
    response
}

/// No page and no server function is here; what other methods a page takes, its own route says.
async fn elsewhere() -> StatusCode {
    StatusCode::NOT_FOUND
}
