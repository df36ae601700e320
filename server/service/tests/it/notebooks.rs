//! Notebooks: begin, import, read, export.

use std::sync::Arc;

use bytes::Bytes;
use datalayer::{
    Cover, Format, Kernel, KernelActivity, Ledger, NewNotebook, NotebookChange, PageRequest, Role,
    RunLedger, User,
};
use notebook::presence::Present;
use notebook::runs::{Happening, Output, RunEvent, StreamName};
use notebook::{CellId, CellKind, ClientId, Snapshot};
use serde_json::{Value, json};

use crate::studio::{Rooms, code};

/// As JupyterLab writes it: indent 1, a line break at the end.
fn file(notebook: &Value) -> Bytes {
    fn write(value: &Value) -> String {
        let mut out = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let mut writer = serde_json::Serializer::with_formatter(&mut out, formatter);
        serde::Serialize::serialize(value, &mut writer).unwrap();
        String::from_utf8(out).unwrap()
    }
    Bytes::from(write(notebook) + "\n")
}

fn analysis(png: &str) -> Value {
    json!({
        "cells": [
            { "cell_type": "markdown", "id": "intro", "metadata": {}, "source": ["# Sales\n", "\n", "By month, in k€."] },
            { "cell_type": "code", "execution_count": 3, "id": "plot", "metadata": { "tags": ["parameters"] },
              "outputs": [
                  { "name": "stdout", "output_type": "stream", "text": ["12 rows\n", "ok\n"] },
                  { "data": { "image/png": png, "text/plain": ["<Figure size 640x480>"] },
                    "execution_count": 3, "metadata": {}, "output_type": "execute_result" }
              ],
              "source": ["plot(sales)"] },
            { "cell_type": "code", "execution_count": null, "id": "last", "metadata": {}, "outputs": [], "source": [] }
        ],
        "metadata": {
            "kernelspec": { "display_name": "R", "language": "R", "name": "ir" },
            "language_info": { "name": "R" },
            "studio_of_another_house": { "kept": true }
        },
        "nbformat": 4,
        "nbformat_minor": 5
    })
}

/// Base64 of something like a large picture.
fn picture(bytes: usize) -> String {
    use base64::Engine as _;
    let bytes: Vec<u8> = (0..bytes).map(|n| (n * 31 % 253) as u8).collect();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

on_both! {
    async fn a_new_notebook_has_one_empty_code_cell(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        let notebook = ada.notebook(&space, "  My\u{202e} plan ").await;
        assert_eq!((notebook.title.as_str(), notebook.edited_by.as_str()), ("My plan", "Ada"));
        let view = ada.view_notebook(&notebook.id).await.unwrap();
        let cells = view.snapshot.document.cells();
        assert_eq!(cells.len(), 1);
        assert_eq!((cells[0].1.kind, cells[0].1.source.as_str()), (CellKind::Code, ""));
        assert_eq!(view.snapshot.revision, 0);
        for (title, expected) in [("", "title.empty"), (&*"x".repeat(201), "title.too_long")] {
            assert_eq!(code(ada.create_notebook(&space.id, NewNotebook { title: title.into() }).await), expected);
        }
    }

    async fn an_imported_file_comes_out_as_it_went_in_with_its_large_picture_kept_beside_it(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        let png = picture(200_000);
        let bytes = file(&analysis(&png));
        let (notebook, notices) = ada.import_notebook(&space.id, "reports/Sales.ipynb", bytes.clone()).await.unwrap();
        assert_eq!((notebook.title.as_str(), notices.len()), ("Sales", 0));
        let view = ada.view_notebook(&notebook.id).await.unwrap();
        let runs = serde_json::to_string(&view.runs).unwrap();
        assert!(runs.len() < 5_000, "the picture is not in what a browser loads first: {} bytes", runs.len());
        let exported = ada.export_notebook(&notebook.id, Format::Ipynb).await.unwrap();
        assert_eq!((exported.file_name.as_str(), exported.media_type), ("Sales.ipynb", "application/x-ipynb+json"));
        assert_eq!(exported.bytes, bytes);
        assert_eq!(ada.export_notebook(&notebook.id, Format::Original).await.unwrap().bytes, bytes);
        let opening = Ledger::open(&studio.house, &notebook.id).await.unwrap();
        assert_eq!(opening.kernel, "ir", "it runs with the kernel the file names");
    }

    async fn a_large_notebook_opens_with_its_first_outputs_and_brings_the_rest_when_asked(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        let cells: Vec<Value> = (0..40).map(|at| json!({
            "cell_type": "code", "execution_count": at, "id": format!("c{at}"), "metadata": {}, "source": ["print()"],
            "outputs": [{ "name": "stdout", "output_type": "stream", "text": ["x".repeat(20_000)] }],
        })).collect();
        let large = json!({ "cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5 });
        let (notebook, _) = ada.import_notebook(&space.id, "large.ipynb", file(&large)).await.unwrap();
        let whole = ada.view_notebook(&notebook.id).await.unwrap();
        let opened = ada.open_notebook(&notebook.id, 100_000).await.unwrap();
        assert_eq!(opened.snapshot, whole.snapshot, "the text is all there");
        let here: Vec<&str> = opened.runs.cells.iter().filter(|(_, run)| !run.outputs.is_empty()).map(|(id, _)| id.as_str()).collect();
        assert_eq!(here, ["c0", "c1", "c2", "c3", "c4"]);
        assert_eq!((opened.later.len(), opened.later.values().sum::<u64>()), (35, 35 * 20_000));

        let asked: Vec<CellId> = ["c7", "c39", "none"].iter().filter_map(|id| CellId::new(*id)).collect();
        let outputs = ada.read_outputs(&notebook.id, &asked).await.unwrap();
        assert_eq!(outputs.cells.keys().collect::<Vec<_>>(), [&asked[1], &asked[0]]);
        assert_eq!(outputs.cells[&asked[0]], whole.runs.cells[&asked[0]]);

        // What happens after they were read is in the next answer.
        let event = |sequence, what| RunEvent { sequence, at: 1, cell: asked[0].clone(), run: "run".into(), what };
        let events = vec![event(1, Happening::Started), event(2, Happening::Stream { name: StreamName::Stdout, text: "new".into() })];
        RunLedger::append(&studio.house, &notebook.id, events, None).await.unwrap();
        let outputs = ada.read_outputs(&notebook.id, &asked[..1]).await.unwrap();
        assert_eq!(outputs.sequence, 2);
        assert_eq!(outputs.cells[&asked[0]].outputs, [Output::Stream { name: StreamName::Stdout, text: "new".into() }]);
    }

    async fn a_picture_is_read_by_members_through_the_notebook_that_shows_it(studio: Studio) {
        use base64::Engine as _;
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        let png = picture(100_000);
        let (notebook, _) = ada.import_notebook(&space.id, "a.ipynb", file(&analysis(&png))).await.unwrap();
        let other = ada.notebook(&space, "Other").await;
        let pixels = base64::engine::general_purpose::STANDARD.decode(&png).unwrap();
        let hash = storage::hash(&pixels);
        let viewer = studio.member("vera", Role::Viewer, &ada, &space).await;
        assert_eq!(viewer.read_blob(&notebook.id, &hash).await.unwrap(), ("image/png".to_owned(), Bytes::from(pixels)));
        assert_eq!(code(ada.read_blob(&other.id, &hash).await), "blob.not_found", "that notebook does not show it");
        let original = storage::hash(&file(&analysis(&png)));
        assert_eq!(code(ada.read_blob(&notebook.id, &original).await), "blob.not_found", "the file is not an output");
        let eve = studio.someone("eve").await;
        assert_eq!(code(eve.read_blob(&notebook.id, &hash).await), "notebook.not_found");
        for bad in ["", "x\0", "../../datalayer.sqlite", &hash.to_uppercase()] {
            assert_eq!(code(ada.read_blob(&notebook.id, bad).await), "blob.not_found", "{bad:?}");
        }
    }

    async fn other_formats_are_written_too(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        let (notebook, _) = ada.import_notebook(&space.id, "a/b: \"c\".ipynb", file(&analysis("iVBORw0KGgo="))).await.unwrap();
        let percent = ada.export_notebook(&notebook.id, Format::Percent).await.unwrap();
        assert!(percent.file_name.ends_with(".py") && !percent.file_name.contains(['/', ':', '"']), "{}", percent.file_name);
        assert!(String::from_utf8(percent.bytes.to_vec()).unwrap().contains("plot(sales)"));
        let markdown = ada.export_notebook(&notebook.id, Format::Markdown).await.unwrap();
        assert!(String::from_utf8(markdown.bytes.to_vec()).unwrap().contains("# Sales"));
        let fresh = ada.notebook(&space, "Fresh").await;
        assert_eq!(code(ada.export_notebook(&fresh.id, Format::Original).await), "blob.not_found");
    }

    async fn what_is_no_notebook_is_refused_by_name_and_nothing_is_left_behind(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        for (bytes, expected) in [
            (&b""[..], "notebook.not_json"),
            (b"hello", "notebook.not_json"),
            (b"<!DOCTYPE html><html></html>", "notebook.not_json"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "notebook.not_json"),
            (br#"{"cells":[],"metadata":{},"nbformat":5,"nbformat_minor":0}"#, "notebook.version"),
            (br#"{"cells":[],"metadata":{},"nbformat":-1}"#, "notebook.version"),
            (br#"{"cells":7,"metadata":{},"nbformat":4,"nbformat_minor":5}"#, "notebook.shape"),
        ] {
            let refused = ada.import_notebook(&space.id, "x.ipynb", Bytes::from(bytes)).await.map(drop).unwrap_err();
            assert_eq!((refused.code().as_str(), refused.status()), (expected, 422), "{:?}", String::from_utf8_lossy(bytes));
        }
        let huge = Bytes::from(vec![b' '; 100 * 1024 * 1024 + 1]);
        assert_eq!(ada.import_notebook(&space.id, "x.ipynb", huge).await.map(drop).unwrap_err().status(), 413);
        assert_eq!(ada.read_space(&space.id).await.unwrap().notebooks, 0);
    }

    async fn a_view_shows_what_the_open_room_has(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        let notebook = ada.notebook(&space, "Plan").await;
        let rooms = Arc::new(Rooms::default());
        studio.house.set_live(rooms.clone());
        assert_eq!(ada.view_notebook(&notebook.id).await.unwrap().snapshot.revision, 0);
        let mut live = ada.view_notebook(&notebook.id).await.unwrap().snapshot;
        live.document.metadata.insert("typed".into(), json!("just now"));
        let live = Snapshot { revision: 7, document: live.document };
        *rooms.open.lock().unwrap() = Some(live.clone());
        assert_eq!(ada.view_notebook(&notebook.id).await.unwrap().snapshot, live);
        let exported = ada.export_notebook(&notebook.id, Format::Ipynb).await.unwrap();
        assert!(String::from_utf8(exported.bytes.to_vec()).unwrap().contains("just now"));
    }

    async fn notebooks_come_latest_edit_first_in_pages_and_across_spaces(studio: Studio) {
        studio.ada().await;
        let bob = studio.someone("bob").await;
        let (one, two) = (bob.space("One").await, bob.space("Two").await);
        for title in ["a", "b", "c", "d", "e"] {
            bob.notebook(&one, title).await;
            bob.notebook(&two, &format!("{title}2")).await;
            if title != "c" {
                studio.time.pass(1);
            }
        }
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let page = bob.list_notebooks(&one.id, false, PageRequest { before, limit: 2 }).await.unwrap();
            seen.extend(page.items.into_iter().map(|notebook| notebook.title));
            before = page.next;
            if before.is_none() { break }
        }
        seen[1..3].sort();
        assert_eq!(seen, ["e", "c", "d", "b", "a"]);
        let recent = bob.recent_notebooks(3).await.unwrap();
        assert_eq!(recent.len(), 3);
        assert!(recent[..2].iter().all(|notebook| notebook.title.starts_with('e')));
    }

    async fn an_archived_notebook_is_there_to_be_read(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        let notebook = ada.notebook(&space, "Plan").await;
        let rooms = Arc::new(Rooms::default());
        studio.house.set_live(rooms.clone());
        let archive = |archived| NotebookChange { archived: Some(archived), title: None };
        let archived = ada.change_notebook(&notebook.id, archive(true)).await.unwrap();
        assert!(archived.archived_at.is_some() && !archived.may.edit && archived.may.view);
        assert_eq!(*rooms.told.lock().unwrap(), std::slice::from_ref(&ada.user.id), "whoever has it open hears of it");
        assert!(ada.list_notebooks(&space.id, false, PageRequest::first()).await.unwrap().items.is_empty());
        assert_eq!(ada.list_notebooks(&space.id, true, PageRequest::first()).await.unwrap().items.len(), 1);
        assert_eq!(ada.read_space(&space.id).await.unwrap().notebooks, 0);
        let rename = NotebookChange { title: Some("New".into()), archived: None };
        assert_eq!(code(ada.change_notebook(&notebook.id, rename).await), "archived");
        let back = ada.change_notebook(&notebook.id, archive(false)).await.unwrap();
        assert!(back.archived_at.is_none() && back.may.edit);
        assert!(rooms.titles.lock().unwrap().is_empty(), "a refused name is told to nobody");
        let rename = NotebookChange { title: Some(" Tides ".into()), archived: None };
        ada.change_notebook(&notebook.id, rename).await.unwrap();
        assert_eq!(*rooms.titles.lock().unwrap(), ["Tides"]);
    }

    async fn a_file_holds_the_pictures_and_the_whole_text_that_are_in_storage_or_says_what_it_lacks(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        let (notebook, _) = ada.import_notebook(&space.id, "Sales.ipynb", file(&analysis(&picture(100_000)))).await.unwrap();
        let png = picture(100_000);
        let text = |format| { let (ada, id) = (&ada, &notebook.id); async move {
            String::from_utf8(ada.export_notebook(id, format).await.unwrap().bytes.to_vec()).unwrap()
        } };
        assert!(text(Format::Markdown).await.contains(&format!("data:image/png;base64,{png}")), "it was moved to storage");

        // A cell printed a line inline, and all of it is in storage.
        let cell = CellId::new("last").unwrap();
        let prints = |sequence, run: &str, what| RunEvent { sequence, run: run.into(), cell: cell.clone(), at: 1, what };
        let begins = |run: &str| [
            Happening::Queued { by: "user_1".into(), name: "Ada".into(), source_hash: "00".into() },
            Happening::Started,
            Happening::Stream { name: StreamName::Stdout, text: format!("{run} 1\n") },
        ];
        let whole: String = (1..=50_000).map(|line| format!("run_a {line}\n")).collect();
        let beyond = (whole.len() - "run_a 1\n".len()) as u64;
        let blob = studio.house.keep_blob(&notebook.id, "text/plain; charset=utf-8", whole.clone().into()).await.unwrap();
        let events = begins("run_a").into_iter().chain([Happening::Truncated { bytes: beyond, blob: Some(blob) }]);
        let events = (1..).zip(events).map(|(sequence, what)| prints(sequence, "run_a", what)).collect();
        RunLedger::append(&studio.house, &notebook.id, events, None).await.unwrap();
        let exported = text(Format::Ipynb).await;
        assert!(exported.contains("run_a 2\\n") && exported.contains("run_a 50000\\n") && !exported.contains("not in this file"));
        assert!(text(Format::Markdown).await.contains("*(576 KiB more of output is not in this file)*"));

        // More than a file takes in is not read, and neither is it copied into a duplicate.
        let copy = ada.duplicate_notebook(&notebook.id).await.unwrap();
        let copied = ada.export_notebook(&copy.id, Format::Ipynb).await.unwrap().bytes;
        assert!(String::from_utf8_lossy(&copied).contains("[576 KiB more of output is not in this file]"));
        let huge = "x".repeat(33 * 1024 * 1024);
        let blob = studio.house.keep_blob(&notebook.id, "text/plain; charset=utf-8", huge.into()).await.unwrap();
        let events = begins("run_b").into_iter().chain([Happening::Truncated { bytes: 33 << 20, blob: Some(blob) }]);
        let events = (5..).zip(events).map(|(sequence, what)| prints(sequence, "run_b", what)).collect();
        RunLedger::append(&studio.house, &notebook.id, events, None).await.unwrap();
        assert!(text(Format::Ipynb).await.contains("[33 MiB more of output is not in this file]"));
    }

    async fn a_duplicate_is_a_notebook_of_its_own_with_the_same_cells_and_outputs(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        let (first, _) = ada.import_notebook(&space.id, "Sales.ipynb", file(&analysis(&picture(50_000)))).await.unwrap();
        let copy = ada.duplicate_notebook(&first.id).await.unwrap();
        assert_ne!(copy.id, first.id);
        assert_eq!((copy.title.as_str(), &copy.space), ("Copy of Sales", &space.id));
        let bytes = |notebook| { let ada = &ada; async move { ada.export_notebook(notebook, Format::Ipynb).await.unwrap().bytes } };
        assert_eq!(bytes(&copy.id).await, bytes(&first.id).await);
        let long = ada.notebook(&space, &"x".repeat(200)).await;
        assert_eq!(ada.duplicate_notebook(&long.id).await.unwrap().title.chars().count(), 200);
        let vera = studio.member("vera", Role::Viewer, &ada, &space).await;
        assert_eq!(vera.duplicate_notebook(&first.id).await.unwrap_err().status(), 403);
        let eve = studio.someone("eve").await;
        assert_eq!(code(eve.duplicate_notebook(&first.id).await), "notebook.not_found");
    }

    async fn open_notebooks_are_told_to_those_who_may_see_them_with_each_person_once(studio: Studio) {
        let ada = studio.ada().await;
        let (team, own) = (ada.space("Team").await, ada.space("Own").await);
        let (plan, secret, quiet) = (ada.notebook(&team, "Plan").await, ada.notebook(&own, "Secret").await, ada.notebook(&team, "Quiet").await);
        let vera = studio.member("vera", Role::Viewer, &ada, &team).await;
        assert!(ada.open_notebooks().await.unwrap().is_empty(), "no rooms, nobody in them");
        let rooms = Arc::new(Rooms::default());
        studio.house.set_live(rooms.clone());
        let seat = |number, person: &User| Present { seat: number, client: ClientId::new(format!("tab-{number}")).unwrap(), user: person.id.to_string(), name: person.name.clone(), color: 1, place: None };
        *rooms.seats.lock().unwrap() = vec![
            (plan.id.clone(), seat(1, &vera.user)),
            (plan.id.clone(), seat(2, &ada.user)),
            (plan.id.clone(), seat(3, &vera.user)),
            (secret.id.clone(), seat(1, &ada.user)),
        ];
        let told = vera.open_notebooks().await.unwrap();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].notebook.id, plan.id);
        let people: Vec<_> = told[0].people.iter().map(|reader| reader.user.clone()).collect();
        assert_eq!(people, [vera.user.id.clone(), ada.user.id.clone()]);
        let mine: Vec<_> = ada.open_notebooks().await.unwrap().into_iter().map(|open| open.notebook.id).collect();
        assert!(mine.len() == 2 && mine.contains(&plan.id) && mine.contains(&secret.id) && !mine.contains(&quiet.id));
        let archive = NotebookChange { archived: Some(true), title: None };
        ada.change_notebook(&plan.id, archive).await.unwrap();
        assert!(vera.open_notebooks().await.unwrap().is_empty());
    }

    async fn notebooks_are_found_by_words_of_their_titles(studio: Studio) {
        let ada = studio.ada().await;
        let (team, own) = (ada.space("Team").await, ada.space("Own").await);
        for title in ["Winter peak forecast", "PEAK of the Winter", "100% of a_b", "100 of axb", "\u{dc}ber \u{c9}t\u{e9}", "back\\slash"] {
            ada.notebook(&team, title).await;
            studio.time.pass(1);
        }
        ada.notebook(&own, "Winter at home").await;
        let vera = studio.member("vera", Role::Viewer, &ada, &team).await;
        for (words, titles) in [
            ("winter PEAK", vec!["PEAK of the Winter", "Winter peak forecast"]),
            ("0%", vec!["100% of a_b"]),
            ("a_b", vec!["100% of a_b"]),
            ("k\\s", vec!["back\\slash"]),
            ("\u{fc}BER \u{e9}T\u{c9}", vec!["\u{dc}ber \u{c9}t\u{e9}"]),
            ("uber", vec![]),
            ("the of peak in w", vec!["PEAK of the Winter"]),
            ("'; drop table users", vec![]),
        ] {
            let found = vera.find_notebooks(words, 200).await.unwrap();
            let found: Vec<_> = found.iter().map(|notebook| notebook.title.as_str()).collect();
            assert_eq!(found, titles, "{words:?}");
        }
        assert_eq!(ada.find_notebooks("winter", 200).await.unwrap().len(), 3, "of all spaces");
        assert_eq!(vera.find_notebooks(" ", 2).await.unwrap().len(), 2, "nothing sought is everything, as far as it was asked for");
        let archive = NotebookChange { archived: Some(true), title: None };
        let peak = vera.find_notebooks("forecast", 1).await.unwrap();
        ada.change_notebook(&peak[0].id, archive).await.unwrap();
        assert!(vera.find_notebooks("forecast", 1).await.unwrap().is_empty());
        assert_eq!(code(studio.nobody().find_notebooks("winter", 1).await), "sign_in.needed");
    }

    async fn what_runs_is_told_to_those_who_may_see_it_with_its_cell_and_who_asked(studio: Studio) {
        let ada = studio.ada().await;
        let (team, own) = (ada.space("Team").await, ada.space("Own").await);
        let (plan, secret, idle) = (ada.notebook(&team, "Plan").await, ada.notebook(&own, "Secret").await, ada.notebook(&team, "Idle").await);
        let vera = studio.member("vera", Role::Viewer, &ada, &team).await;
        assert!(vera.running_notebooks().await.unwrap().is_empty(), "no rooms, no kernels");
        let rooms = Arc::new(Rooms::default());
        studio.house.set_live(rooms.clone());
        let kernel = |notebook: &datalayer::Notebook, activity, queued| Kernel { notebook: notebook.id.clone(), activity, queued, memory: 1 << 20 };
        *rooms.kernels.lock().unwrap() = vec![kernel(&idle, KernelActivity::Idle, 0), kernel(&secret, KernelActivity::Busy, 0), kernel(&plan, KernelActivity::Busy, 2)];
        let view = ada.view_notebook(&plan.id).await.unwrap();
        let cell = view.snapshot.document.cells()[0].0.clone();
        let at = studio.time.now().0;
        let queued = Happening::Queued { by: ada.user.id.to_string(), name: "Ada".into(), source_hash: String::new() };
        let event = |sequence, what| RunEvent { sequence, run: "run_1".into(), cell: cell.clone(), at, what };
        let ledger: &dyn RunLedger = &studio.house;
        ledger.append(&plan.id, vec![event(1, queued), event(2, Happening::Started)], None).await.unwrap();
        let told = vera.running_notebooks().await.unwrap();
        let titles: Vec<_> = told.iter().map(|running| running.notebook.title.as_str()).collect();
        assert_eq!(titles, ["Plan", "Idle"], "what runs comes first");
        let running = told[0].cell.as_ref().unwrap();
        assert_eq!((running.place, running.of, running.started_at.0, told[0].queued, told[0].memory), (1, 1, at, 2, 1 << 20));
        assert_eq!(running.by.as_ref().map(|by| (&by.user, by.name.as_str())), Some((&ada.user.id, "Ada")));
        assert!(told[1].cell.is_none());
        assert_eq!(ada.running_notebooks().await.unwrap().len(), 3);
        assert_eq!(code(studio.nobody().running_notebooks().await), "sign_in.needed");
    }

    async fn a_cover_is_the_last_picture_or_the_first_lines(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        let empty = ada.notebook(&space, "Empty").await;
        assert_eq!(ada.notebook_cover(&empty.id).await.unwrap(), Cover::Lines { lines: vec![] });
        let (drawn, _) = ada.import_notebook(&space.id, "a.ipynb", file(&analysis("iVBORw0KGgo="))).await.unwrap();
        let Cover::Picture { data } = ada.notebook_cover(&drawn.id).await.unwrap() else { panic!("no picture") };
        assert_eq!(Value::Object(data), json!({ "image/png": "iVBORw0KGgo=" }));
        let (large, _) = ada.import_notebook(&space.id, "b.ipynb", file(&analysis(&picture(200_000)))).await.unwrap();
        let Cover::Picture { data } = ada.notebook_cover(&large.id).await.unwrap() else { panic!("no picture") };
        let hash = data["image/png"]["blob"].as_str().unwrap();
        assert_eq!(ada.read_blob(&large.id, hash).await.unwrap().0, "image/png");
        let mut plain = analysis("");
        plain["cells"][1]["outputs"] = json!([]);
        let (plain, _) = ada.import_notebook(&space.id, "c.ipynb", file(&plain)).await.unwrap();
        let lines = ["# Sales", "By month, in k\u{20ac}.", "plot(sales)"].map(str::to_owned).to_vec();
        assert_eq!(ada.notebook_cover(&plain.id).await.unwrap(), Cover::Lines { lines });
        let eve = studio.someone("eve").await;
        assert_eq!(code(eve.notebook_cover(&drawn.id).await), "notebook.not_found");
    }
}
