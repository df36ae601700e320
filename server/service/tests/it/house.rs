//! One studio per data directory.

use service::House;

use crate::studio::code;

on_both! {
    async fn a_second_server_on_one_directory_is_told_who_has_it(studio: Studio) {
        let refused = House::open(studio.config()).await.err().unwrap();
        assert_eq!(refused.code(), "data.in_use");
        assert!(refused.to_string().contains(&format!("in use by process {}", std::process::id())), "{refused}");
        House::open_beside(studio.config()).await.unwrap();
        let studio = studio.restarted().await;
        studio.house.ping().await.unwrap();
    }

    async fn what_was_there_before_a_restart_is_there_after_it(studio: Studio) {
        let ada = studio.ada().await;
        let space = ada.space("Team").await;
        let notebook = ada.notebook(&space, "Plan").await;
        let secret = ada.secret.clone();
        let studio = studio.restarted().await;
        let again = studio.visit(&secret).await;
        assert_eq!(again.read_space(&space.id).await.unwrap().name, "Team");
        assert_eq!(again.read_notebook(&notebook.id).await.unwrap(), notebook);
    }

    async fn a_closed_studio_says_so(studio: Studio) {
        let ada = studio.ada().await;
        studio.house.close().await;
        assert_eq!(code(ada.recent_notebooks(1).await), "studio.closing");
    }
}
