//! The audit log, for administrators.

use datalayer::{AuditEntry, PageRequest};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use ui::Time;

use super::calls::list_audit;
use crate::frame::{Frame, Here};
use crate::refusal::Loaded;

#[component]
pub fn AuditPage() -> impl IntoView {
    let query = use_query_map();
    let before = Memo::new(move |_| query.read().get("before"));
    let entries = Resource::new(
        move || before.get(),
        |before| list_audit(PageRequest { before, limit: 100 }),
    );
    view! {
        <Title text="Audit log"/>
        <Frame crumbs=|| view! { <Here>"Audit log"</Here> }>
            <div class="page">
                <header class="page__head">
                    <h1 class="h-page">"Audit log"</h1>
                    <p class="t2">
                        "Who did what. Every entry holds a hash over itself and the one before it; "
                        <code>"datalayer admin audit --verify"</code> " checks that none was changed or taken out."
                    </p>
                </header>
                <Loaded of=entries let:page>
                    <Entries entries=page.items/>
                    {page.next.map(|next| view! { <a class="btn page__more" href=format!("/audit?before={next}")>"Older entries"</a> })}
                </Loaded>
            </div>
        </Frame>
    }
    .into_any()
}

#[component]
fn Entries(entries: Vec<AuditEntry>) -> impl IntoView {
    view! {
        <div class="card table-card">
            <table class="table table--stack">
                <thead>
                    <tr>
                        <th scope="col">"No."</th>
                        <th scope="col">"When"</th>
                        <th scope="col">"Who"</th>
                        <th scope="col">"What"</th>
                        <th scope="col">"To what"</th>
                    </tr>
                </thead>
                <tbody>
                    {entries
                        .into_iter()
                        .map(|entry| {
                            let who = if entry.actor_name.is_empty() { entry.actor.clone() } else { entry.actor_name };
                            view! {
                                <tr>
                                    <td class="t3">{entry.number}</td>
                                    <td><Time at=entry.at.0/></td>
                                    <td title=entry.actor>{who}</td>
                                    <td><code class="mono">{entry.action}</code></td>
                                    <td>
                                        <div class="trunc">{entry.detail}</div>
                                        <code class="mono t3 fs-12">{entry.object}</code>
                                    </td>
                                </tr>
                            }
                        })
                        .collect_view()}
                </tbody>
            </table>
        </div>
    }
    .into_any()
}
