//! Roles: each includes the ones before it, so that running never needs the right to change.

use std::fmt;
use std::str::FromStr;

use notebook::wire::May;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Error;

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Viewer,
    Commenter,
    Suggester,
    Runner,
    Editor,
    Manager,
}

impl Role {
    pub const ALL: [Role; 6] = [
        Self::Viewer,
        Self::Commenter,
        Self::Suggester,
        Self::Runner,
        Self::Editor,
        Self::Manager,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Commenter => "commenter",
            Self::Suggester => "suggester",
            Self::Runner => "runner",
            Self::Editor => "editor",
            Self::Manager => "manager",
        }
    }

    /// What a view may offer to someone with this role.
    pub fn may(self) -> May {
        May {
            view: true,
            comment: self >= Self::Commenter,
            suggest: self >= Self::Suggester,
            run: self >= Self::Runner,
            edit: self >= Self::Editor,
            manage: self >= Self::Manager,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| {
                Error::invalid(
                    "role",
                    "role.unknown",
                    "a role is viewer, commenter, suggester, runner, editor or manager",
                )
            })
    }
}

/// How [`May`] looks in JSON, for the description of the API.
pub(crate) fn may_schema() -> utoipa::openapi::schema::Object {
    use utoipa::openapi::schema::{ObjectBuilder, Type};
    let names = ["view", "comment", "suggest", "run", "edit", "manage"];
    let object = ObjectBuilder::new().description(Some(
        "What you may do; each but run includes the ones before it.",
    ));
    names
        .into_iter()
        .fold(object, |object, name| {
            object
                .property(name, ObjectBuilder::new().schema_type(Type::Boolean))
                .required(name)
        })
        .build()
}
