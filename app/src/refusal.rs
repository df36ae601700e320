//! What a page shows while it waits and when the answer is no.

use datalayer::Error;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::Redirect;
use leptos_router::hooks::use_location;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ui::{Banner, Button, Skeleton, Tone};

use crate::call::{self, CallError, sentence};
use crate::frame::{Frame, Here};

/// Shows what a page asked for: lines while it comes, the view when it is there, the reason when it is not to be had.
#[component]
pub fn Loaded<T, F, V>(
    of: Resource<Result<T, CallError>>,
    /// The content draws its own frame: a refusal needs one too.
    #[prop(optional)]
    framed: bool,
    children: F,
) -> impl IntoView
where
    T: Clone + Send + Sync + Serialize + DeserializeOwned + 'static,
    F: Fn(T) -> V + Clone + Send + Sync + 'static,
    V: IntoView + 'static,
{
    view! {
        <Transition fallback=|| view! { <div class="page"><Skeleton lines=6/></div> }>
            {move || {
                let children = children.clone();
                Suspend::new(async move {
                    match of.await {
                        Ok(value) => children(value).into_any(),
                        Err(error) if framed => {
                            view! { <Frame crumbs=|| view! { <Here>"Not to be had"</Here> }><Failed error/></Frame> }
                                .into_any()
                        }
                        Err(error) => view! { <Failed error/> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
    .into_any()
}

/// Why there is nothing to see: signed out leads to the sign-in and back; the rest is said in a sentence with a way on.
#[component]
pub fn Failed(error: CallError) -> impl IntoView {
    if error == CallError::Refused(Error::SignInNeeded) {
        return view! { <SignInFirst/> }.into_any();
    }
    call::page_status(error.status());
    let (title, hint) = match &error {
        CallError::Refused(Error::NotFound { .. } | Error::Invalid { .. }) => (
            sentence(&error),
            "It may have been removed, or it was not shared with you. Ask whoever gave you the link.",
        ),
        CallError::Refused(Error::Forbidden { .. }) => {
            (sentence(&error), "Ask a manager of the space.")
        }
        CallError::Refused(_) | CallError::Garbled => (sentence(&error), "Nothing was changed."),
        CallError::Lost => (
            "The studio does not answer.".to_owned(),
            "Nothing you wrote is lost. Try again in a moment.",
        ),
    };
    view! {
        <Title text=title.trim_end_matches('.').to_owned()/>
        <div class="page">
            <div class="empty">
                <span class="empty__art"><ui::Icon name="info" size=20/></span>
                <h1 class="empty__title">{title}</h1>
                <p>{hint}</p>
                <div class="row g-2">
                    <a class="btn" href="/">"Go home"</a>
                    <span class="needs-script"><Button press=ui::dom::reload>"Try again"</Button></span>
                </div>
            </div>
        </div>
    }
    .into_any()
}

/// Leads to the sign-in, and after it back to here.
#[component]
pub fn SignInFirst() -> impl IntoView {
    let location = use_location();
    let here = untrack(|| {
        let (path, query) = (location.pathname.get(), location.search.get());
        if query.is_empty() {
            path
        } else {
            format!("{path}?{query}")
        }
    });
    let path = if here == "/" {
        "/sign-in".to_owned()
    } else {
        format!("/sign-in?next={}", encoded(&here))
    };
    view! { <Redirect path/> }
}

/// The banner above a form whose last try was refused, unless a field of it says so itself.
#[component]
pub fn RefusedBanner(
    #[prop(into)] error: Signal<Option<CallError>>,
    /// The fields that show their own errors.
    #[prop(optional)]
    fields: &'static [&'static str],
) -> impl IntoView {
    move || {
        error
            .get()
            .filter(|error| !error.is_about(fields))
            .map(|error| view! { <Banner tone=Tone::Danger>{sentence(&error)}</Banner> })
    }
}

/// What an action's last try was refused for.
pub fn refused<S>(action: ServerAction<S>) -> Signal<Option<CallError>>
where
    S: leptos::server_fn::ServerFn<Error = CallError> + Clone + Send + Sync + 'static,
    S::Output: Clone + Send + Sync + 'static,
{
    Signal::derive(move || {
        action.value().with(|value| {
            value
                .as_ref()
                .and_then(|value| value.as_ref().err().cloned())
        })
    })
}

/// The part of a refusal that is about one field of the form.
pub fn about(error: Signal<Option<CallError>>, field: &'static str) -> Signal<Option<String>> {
    Signal::derive(move || error.get().and_then(|error| error.about(field)))
}

/// A refusal with this code, as the sentence for the field it belongs to.
pub fn coded(error: Signal<Option<CallError>>, code: &'static str) -> Signal<Option<String>> {
    Signal::derive(move || {
        let error = error.get().filter(|error| has_code(error, code));
        error.map(|error| sentence(&error))
    })
}

/// What is left of a refusal for the banner, where these codes are said at their fields.
pub fn without_codes(
    error: Signal<Option<CallError>>,
    codes: &'static [&'static str],
) -> Signal<Option<CallError>> {
    Signal::derive(move || {
        let error = error.get();
        error.filter(|error| !codes.iter().any(|code| has_code(error, code)))
    })
}

fn has_code(error: &CallError, code: &str) -> bool {
    matches!(error, CallError::Refused(error) if error.code() == code)
}

/// For the value of a query parameter.
fn encoded(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
            out
        })
}
