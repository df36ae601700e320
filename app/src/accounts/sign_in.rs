//! Signing in.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use ui::{Banner, Button, ButtonKind, ButtonSize, Icon, Input, Mark, PasswordInput, Tone};

use super::calls::{SignIn, needs_setup};
use crate::refusal::{RefusedBanner, about, refused};

#[component]
pub fn SignInPage() -> impl IntoView {
    let waits = Resource::new(|| (), |()| needs_setup());
    view! {
        <Title text="Sign in"/>
        <Door>
            <h1>"Tell stories with data"</h1>
            <Suspense>
                {move || Suspend::new(async move {
                    if waits.await == Ok(true) { view! { <FirstStart/> }.into_any() } else { view! { <SignInForm/> }.into_any() }
                })}
            </Suspense>
        </Door>
    }
    .into_any()
}

#[component]
fn SignInForm() -> impl IntoView {
    let action = ServerAction::<SignIn>::new();
    let error = refused(action);
    let next = use_query_map()
        .read_untracked()
        .get("next")
        .unwrap_or_default();
    Effect::new(move |_| {
        if let Some(Ok(path)) = action.value().get() {
            ui::dom::go(&path);
        }
    });
    // Once accepted it stays busy until the next page is there.
    let busy = Signal::derive(move || {
        action.pending().get() || action.value().with(|value| matches!(value, Some(Ok(_))))
    });
    view! {
        <p class="door__lead">"Sign in with your account of this studio."</p>
        <ActionForm action=action>
            <div class="form">
                <RefusedBanner error=error fields=&["username", "password"]/>
                <input type="hidden" name="next" value=next/>
                <Input
                    name="username"
                    label="Username"
                    autocomplete="username"
                    required=true
                    autofocus=true
                    large=true
                    verbatim=true
                    error=about(error, "username")
                />
                <PasswordInput
                    name="password"
                    label="Password"
                    autocomplete="current-password"
                    large=true
                    error=about(error, "password")
                />
                <Button kind=ButtonKind::Primary size=ButtonSize::Large block=true r#type="submit" busy=busy>
                    "Sign in"
                </Button>
            </div>
        </ActionForm>
        <p class="door__aside">"No account, or no way in? Ask whoever runs this studio."</p>
    }
    .into_any()
}

/// Nobody can sign in yet.
#[component]
fn FirstStart() -> impl IntoView {
    view! {
        <p class="door__lead">"This studio waits for its first administrator."</p>
        <Banner tone=Tone::Info>
            <p class="med">"Open the set-up link"</p>
            <p class="t2">
                "The studio printed it in its terminal when it started. It works once. Whoever opens it becomes the first administrator."
            </p>
        </Banner>
    }
    .into_any()
}

/// The page before the studio: the form on one side, what is inside on the other.
#[component]
pub(super) fn Door(children: Children) -> impl IntoView {
    view! {
        <main class="door" id="main">
            <section class="door__in">
                <a class="door__mark" href="/"><Mark size=28/><b>"Datalayer"</b></a>
                <div class="door__form">{children()}</div>
                <p class="door__foot">"Notebooks, runs and files stay on the machine this studio runs on."</p>
            </section>
            <section class="door__out" aria-label="What Datalayer is made of">
                <div class="door__layers">
                    <Layer icon="notebook" name="Notebooks" words="written together, cell by cell">
                        <CaretsFigure/>
                    </Layer>
                    <Layer icon="bolt" name="Runs" words="go on when you close the lid">
                        <RunsFigure/>
                    </Layer>
                    <Layer icon="members" name="Spaces" words="view, comment, suggest, run, edit, manage">
                        <RolesFigure/>
                    </Layer>
                    <Layer icon="history" name="History" words="every keystroke is on disk">
                        <LogFigure/>
                    </Layer>
                    <Layer icon="cpu" name="Kernels" words="Python, and any you have installed">
                        <KernelsFigure/>
                    </Layer>
                </div>
            </section>
        </main>
    }
    .into_any()
}

#[component]
fn Layer(
    icon: &'static str,
    name: &'static str,
    words: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="door__layer">
            <Icon name=icon size=18/>
            <div class="grow"><b>{name}</b><div class="t3 fs-12">{words}</div></div>
            {children()}
        </div>
    }
    .into_any()
}

/// Lines of code with two carets in them.
#[component]
fn CaretsFigure() -> impl IntoView {
    view! {
        <svg class="fig" width="84" height="26" viewBox="0 0 84 26" aria-hidden="true">
            <path class="fig__line" d="M2 4h34M2 13h52M10 22h44"/>
            <path class="fig__who w1" d="M40 0v8"/>
            <path class="fig__who w2" d="M58 18v8"/>
        </svg>
    }
    .into_any()
}

/// A bar that is nearly through.
#[component]
fn RunsFigure() -> impl IntoView {
    view! {
        <svg class="fig" width="84" height="26" viewBox="0 0 84 26" aria-hidden="true">
            <rect class="fig__rest" x="2" y="6" width="80" height="4" rx="2"/>
            <rect class="fig__run" x="2" y="6" width="58" height="4" rx="2"/>
            <rect class="fig__rest" x="2" y="17" width="80" height="4" rx="2"/>
            <rect class="fig__done" x="2" y="17" width="80" height="4" rx="2"/>
        </svg>
    }
    .into_any()
}

/// Six steps, each including the ones before it.
#[component]
fn RolesFigure() -> impl IntoView {
    view! {
        <svg class="fig" width="84" height="26" viewBox="0 0 84 26" aria-hidden="true">
            {(0..6)
                .map(|step| {
                    let height = 4 + step * 4;
                    view! {
                        <rect
                            class="fig__step"
                            x=(2 + step * 14).to_string()
                            y=(25 - height).to_string()
                            width="10"
                            height=height.to_string()
                            rx="1.5"
                        />
                    }
                })
                .collect_view()}
        </svg>
    }
    .into_any()
}

/// A line of marks, one after the other.
#[component]
fn LogFigure() -> impl IntoView {
    view! {
        <svg class="fig" width="84" height="26" viewBox="0 0 84 26" aria-hidden="true">
            <path class="fig__line" d="M4 13h76"/>
            {[6, 20, 28, 44, 58, 64, 78]
                .into_iter()
                .map(|x| view! { <circle class="fig__dot" cx=x.to_string() cy="13" r="3"/> })
                .collect_view()}
        </svg>
    }
    .into_any()
}

#[component]
fn KernelsFigure() -> impl IntoView {
    view! {
        <span class="row g-15" aria-hidden="true">
            <i class="dot dot--ok"></i>
            <i class="dot dot--ok"></i>
            <i class="dot dot--info"></i>
            <i class="dot dot--off"></i>
        </span>
    }
    .into_any()
}
