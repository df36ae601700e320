//! Fields: the label above, the hint or the error below, and never a placeholder as a label.

use leptos::prelude::*;

use crate::Icon;

/// A label, a control, and below it what is wrong, or else a hint. The control needs the id `for_id`
/// and `aria-describedby` of `{for_id}-note`, as the inputs of this module have.
#[component]
pub fn Field(
    #[prop(into)] label: String,
    #[prop(into)] for_id: String,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] error: MaybeProp<String>,
    children: Children,
) -> impl IntoView {
    let note = format!("{for_id}-note");
    view! {
        <div class="field">
            <label class="field__label" for=for_id>{label}</label>
            {children()}
            <div id=note class="field__note">
                {move || match error.get() {
                    Some(error) => {
                        view! { <p class="field__error"><Icon name="error" size=14/><span>{error}</span></p> }.into_any()
                    }
                    None => hint.clone().map(|hint| view! { <p class="field__hint">{hint}</p> }).into_any(),
                }}
            </div>
        </div>
    }
}

/// A labelled line of text.
#[component]
pub fn Input(
    /// Name in the form; also its id unless `id` says otherwise.
    name: &'static str,
    #[prop(into)] label: String,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] error: MaybeProp<String>,
    #[prop(optional, into)] value: Option<String>,
    #[prop(optional)] autocomplete: Option<&'static str>,
    #[prop(optional)] required: bool,
    #[prop(optional)] autofocus: bool,
    #[prop(optional)] maxlength: Option<u32>,
    #[prop(optional)] large: bool,
    /// A word of code rather than of prose: no capitals, no spelling marks.
    #[prop(optional)]
    verbatim: bool,
    #[prop(optional)] node_ref: NodeRef<leptos::html::Input>,
) -> impl IntoView {
    let id = id.unwrap_or_else(|| name.to_owned());
    let note = format!("{id}-note");
    view! {
        <Field label for_id=id.clone() nostrip:hint=hint error>
            <input
                node_ref=node_ref
                class="input"
                class:input--lg=large
                class:is-error=move || error.get().is_some()
                id=id
                name=name
                type="text"
                value=value
                autocomplete=autocomplete
                autocapitalize=verbatim.then_some("none")
                spellcheck=verbatim.then_some("false")
                required=required
                autofocus=autofocus
                maxlength=maxlength.map(|length| length.to_string())
                aria-describedby=note
                aria-invalid=move || error.get().map(|_| "true")
            />
        </Field>
    }
}

/// A labelled password that can be shown while typing; paste and managers are welcome.
#[component]
pub fn PasswordInput(
    name: &'static str,
    #[prop(into)] label: String,
    /// `current-password` or `new-password`, so that managers offer the right thing.
    autocomplete: &'static str,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] error: MaybeProp<String>,
    #[prop(optional)] large: bool,
) -> impl IntoView {
    let id = id.unwrap_or_else(|| name.to_owned());
    let note = format!("{id}-note");
    let shown = RwSignal::new(false);
    let toggle_name = move || {
        if shown.get() {
            "Hide password"
        } else {
            "Show password"
        }
    };
    view! {
        <Field label for_id=id.clone() nostrip:hint=hint error>
            <div class="input-group">
                <input
                    class="input"
                    class:input--lg=large
                    class:is-error=move || error.get().is_some()
                    id=id
                    name=name
                    type=move || if shown.get() { "text" } else { "password" }
                    autocomplete=autocomplete
                    autocapitalize="none"
                    spellcheck="false"
                    required=true
                    aria-describedby=note
                    aria-invalid=move || error.get().map(|_| "true")
                />
                <button
                    type="button"
                    class="input-group__end needs-script"
                    aria-label=toggle_name
                    title=toggle_name
                    aria-pressed=move || shown.get().to_string()
                    on:click=move |_| shown.update(|shown| *shown = !*shown)
                >
                    <Icon name="eye"/>
                </button>
            </div>
        </Field>
    }
}

/// A labelled text of some lines.
#[component]
pub fn TextArea(
    name: &'static str,
    #[prop(into)] label: String,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional, into)] error: MaybeProp<String>,
    #[prop(optional, into)] value: String,
    #[prop(default = 3)] rows: u8,
    #[prop(optional)] maxlength: Option<u32>,
) -> impl IntoView {
    let id = id.unwrap_or_else(|| name.to_owned());
    let note = format!("{id}-note");
    view! {
        <Field label for_id=id.clone() nostrip:hint=hint error>
            <textarea
                class="input"
                class:is-error=move || error.get().is_some()
                id=id
                name=name
                rows=rows.to_string()
                maxlength=maxlength.map(|length| length.to_string())
                aria-describedby=note
                aria-invalid=move || error.get().map(|_| "true")
            >
                {value}
            </textarea>
        </Field>
    }
}

/// A choice of few, as the platform's own list: keyboard, type-ahead and phones come with it.
#[component]
pub fn Select(
    name: &'static str,
    /// Said by screen readers; give `id` and a [`Field`] for a visible one.
    #[prop(into)]
    label: String,
    #[prop(optional, into)] id: Option<String>,
    /// Value and words of each.
    options: Vec<(String, String)>,
    #[prop(into)] chosen: String,
    #[prop(optional)] small: bool,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// Told the value that was chosen. A property for the reason [`crate::Button`] gives.
    #[prop(optional, into)]
    choose: Option<Callback<(String,)>>,
) -> impl IntoView {
    view! {
        <span class="select-wrap" class:select-wrap--sm=small>
            <select
                class="select"
                class:select--sm=small
                id=id
                name=name
                aria-label=label
                disabled=move || disabled.get()
                on:change=move |event| {
                    if let Some(choose) = choose {
                        choose.try_run((event_target_value(&event),));
                    }
                }
            >
                {options
                    .into_iter()
                    .map(|(value, words)| {
                        let selected = value == chosen;
                        view! { <option value=value selected=selected>{words}</option> }
                    })
                    .collect_view()}
            </select>
            <Icon name="down" size=14/>
        </span>
    }
}
