//! The menu behind your own picture.

use leptos::prelude::*;
use ui::{Avatar, Menu, MenuItem, MenuLink, MenuSeparator};

use super::{Look, Theme, choose, use_house, use_look};
use crate::accounts::calls::SignOut;

/// You: settings, people, theme, sign-out.
#[component]
pub fn UserMenu(
    /// Unique on the page.
    id: &'static str,
) -> impl IntoView {
    let house = use_house();
    let sign_out = ServerAction::<SignOut>::new();
    Effect::new(move |_| {
        if let Some(Ok(path)) = sign_out.value().get() {
            ui::dom::go(&path);
        }
    });
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                house
                    .me
                    .await
                    .ok()
                    .map(|me| {
                        let (face_name, face_id) = (me.name.clone(), me.id.to_string());
                        view! {
                            <Menu
                                id=id
                                name="You"
                                class="rail__you"
                                face=move || {
                                    view! { <Avatar name=face_name.clone() id=face_id.clone() size=28 decorative=true/> }
                                }
                            >
                                <div class="menu__label">
                                    <div class="t1 semi trunc">{me.name.clone()}</div>
                                    <div class="trunc">{me.username.clone()}</div>
                                </div>
                                <MenuSeparator/>
                                <MenuLink href="/settings" icon="settings">"Settings"</MenuLink>
                                {me.administrator.then(|| view! { <MenuLink href="/people" icon="members">"People"</MenuLink> })}
                                <MenuSeparator/>
                                <ThemeItems/>
                                <MenuSeparator/>
                                <ActionForm action=sign_out attr:role="none">
                                    <MenuItem icon="arrow" r#type="submit">"Sign out"</MenuItem>
                                </ActionForm>
                            </Menu>
                        }
                    })
            })}
        </Suspense>
    }
    .into_any()
}

#[component]
fn ThemeItems() -> impl IntoView {
    let look = use_look();
    view! {
        <div class="needs-script" role="group" aria-label="Theme">
            <div class="menu__label">"Theme"</div>
            {Theme::ALL
                .into_iter()
                .map(|theme| {
                    let icon = match theme {
                        Theme::System => "columns",
                        Theme::Light => "sun",
                        Theme::Dark => "moon",
                    };
                    view! {
                        <MenuItem
                            icon=icon
                            checked=Signal::derive(move || look.get().theme == theme)
                            press=move || choose(look, Look { theme, ..look.get_untracked() })
                        >
                            {theme.words()}
                        </MenuItem>
                    }
                })
                .collect_view()}
        </div>
    }
    .into_any()
}
