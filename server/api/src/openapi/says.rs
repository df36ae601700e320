//! What a row of the table says of its route, beside who may knock and what it reads.

use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::routes::Entry;

type Schemas = Vec<(String, Value)>;

/// The words and types of one route.
pub struct Says {
    pub tag: &'static str,
    pub summary: &'static str,
    pub details: Option<&'static str>,
    pub browser_only: bool,
    pub gives: Vec<Gift>,
    pub refuses: Vec<(u16, &'static str, &'static str)>,
    takes: Option<Value>,
    asks: Vec<(&'static str, &'static str, &'static str)>,
    schemas: Schemas,
}

/// One answer that is no refusal.
pub struct Gift {
    pub status: u16,
    words: &'static str,
    content: Option<(&'static str, Value)>,
    headers: Vec<(&'static str, &'static str)>,
}

/// Under which heading a route stands, and what it is for.
pub fn says(tag: &'static str, summary: &'static str) -> Says {
    Says {
        tag,
        summary,
        details: None,
        browser_only: false,
        gives: Vec::new(),
        refuses: Vec::new(),
        takes: None,
        asks: Vec::new(),
        schemas: Vec::new(),
    }
}

impl Says {
    pub fn more(mut self, details: &'static str) -> Self {
        self.details = Some(details);
        self
    }

    /// A token may not do it.
    pub fn browser_only(mut self) -> Self {
        self.browser_only = true;
        self
    }

    /// A parameter of the query: name, type, words.
    pub fn asks(mut self, name: &'static str, kind: &'static str, words: &'static str) -> Self {
        self.asks.push((name, kind, words));
        self
    }

    /// A list that comes in pages.
    pub fn in_pages(self) -> Self {
        self.asks("before", "string", "`next` of the page before, as it came")
            .asks("limit", "integer", "1 to 200 items")
    }

    pub fn takes_a<T: ToSchema>(mut self) -> Self {
        self.takes = Some(self.reference::<T>());
        self
    }

    pub fn gives<T: ToSchema>(mut self, status: u16) -> Self {
        let schema = self.reference::<T>();
        self.give(status, "Done.", Some(("application/json", schema)))
    }

    pub fn gives_list<T: ToSchema>(mut self, status: u16) -> Self {
        let schema = json!({ "type": "array", "items": self.reference::<T>() });
        self.give(status, "Done.", Some(("application/json", schema)))
    }

    /// One page of a list.
    pub fn gives_page<T: ToSchema>(mut self) -> Self {
        let schema = json!({
            "type": "object",
            "properties": {
                "items": { "type": "array", "items": self.reference::<T>() },
                "next": { "type": ["string", "null"], "description": "Pass it as `before` for the next page; `null` at the end." },
            },
            "required": ["items", "next"],
        });
        self.give(200, "Done.", Some(("application/json", schema)))
    }

    pub fn gives_nothing(self, status: u16, words: &'static str) -> Self {
        self.give(status, words, None)
    }

    pub fn gives_bytes(self, media: &'static str, words: &'static str) -> Self {
        self.give(200, words, Some((media, json!({}))))
    }

    /// A header of the last answer.
    pub fn with(mut self, header: &'static str, words: &'static str) -> Self {
        if let Some(gift) = self.gives.last_mut() {
            gift.headers.push((header, words));
        }
        self
    }

    pub fn refuses(mut self, status: u16, code: &'static str, when: &'static str) -> Self {
        self.refuses.push((status, code, when));
        self
    }

    /// It takes a name.
    pub fn named(self) -> Self {
        self.refuses(422, "name.empty", "a name needs at least one character")
            .refuses(422, "name.too_long", "`detail` says how much is enough")
    }

    pub fn described(self) -> Self {
        self.named()
            .refuses(422, "description.too_long", "at most 500 characters")
    }

    pub fn titled(self) -> Self {
        self.refuses(422, "title.empty", "a title needs at least one character")
            .refuses(422, "title.too_long", "at most 200 characters")
    }

    /// It takes a new username.
    pub fn called(self) -> Self {
        self.refuses(422, "username.empty", "a username has 1 to 64 characters")
            .refuses(
                422,
                "username.too_long",
                "a username has 1 to 64 characters",
            )
            .refuses(422, "username.upper_case", "small letters only")
            .refuses(
                422,
                "username.character",
                "a-z, 0-9, and - _ . between them",
            )
            .refuses(422, "username.start", "a letter or digit first")
            .refuses(
                422,
                "username.dots",
                "no two dots in a row, and none at the end",
            )
            .refuses(
                422,
                "username.reserved",
                "a name the studio keeps to itself",
            )
            .refuses(422, "name.too_long", "at most 128 characters")
    }

    /// It takes a username and a password, or a password.
    pub fn passwords(self) -> Self {
        self.refuses(422, "password.too_short", "at least 8 characters")
            .refuses(422, "password.too_long", "at most 1,024 bytes")
            .refuses(422, "password.too_common", "among the first ones tried")
    }

    pub fn administrators(self) -> Self {
        self.refuses(403, "administrator.needed", "you are no administrator")
            .refuses(403, "token.scope", "the token lacks the scope `admin`")
    }

    pub fn importing(self) -> Self {
        self.refuses(413, "notebook.too_large", "more than can be imported")
            .refuses(
                422,
                "notebook.not_json",
                "no notebook; `detail` says what it looks like",
            )
            .refuses(422, "notebook.version", "a format that cannot be read")
            .refuses(422, "notebook.shape", "JSON, but no notebook")
            .refuses(503, "storage.full", "the disk is full")
    }

    /// It is there for a Hub.
    pub fn of_a_hub(self) -> Self {
        self.refuses(404, "provider.off", "the studio signs nobody in elsewhere")
    }

    /// A Hub has sent a browser here.
    pub fn asked_by_a_hub(self) -> Self {
        self.refuses(
            422,
            "provider.client",
            "not the client of the configuration",
        )
        .refuses(
            422,
            "provider.question",
            "a question that cannot be; `detail` says why",
        )
    }

    /// A refusal in the words of OAuth.
    pub fn gives_told(self, status: u16) -> Self {
        let schema = json!({
            "type": "object",
            "properties": { "error": { "type": "string" }, "error_description": { "type": "string" } },
        });
        self.give(
            status,
            "Refused, in the words of OAuth.",
            Some(("application/json", schema)),
        )
    }

    pub fn takes(&self) -> Value {
        self.takes.clone().unwrap_or_else(|| json!({}))
    }

    pub fn parameters(&self) -> Vec<Value> {
        self.asks
            .iter()
            .map(|(name, kind, words)| {
                let schema = match *kind {
                    "format" => json!({ "enum": ["ipynb", "percent", "markdown", "original"] }),
                    kind => json!({ "type": kind }),
                };
                json!({ "name": name, "in": "query", "required": false, "description": words, "schema": schema })
            })
            .collect()
    }

    pub fn schemas(&self) -> Schemas {
        self.schemas.clone()
    }

    /// Stable and readable: `get_spaces_members`.
    pub fn id(&self, entry: &Entry) -> String {
        let path = entry
            .path
            .trim_start_matches("/api/v1")
            .trim_start_matches('/');
        let words: Vec<_> = path
            .split('/')
            .map(|part| match part.strip_prefix('{') {
                Some(name) => format!("by_{}", name.trim_end_matches('}')),
                None => part.replace(['-', '.'], "_"),
            })
            .collect();
        format!(
            "{}_{}",
            entry.method.as_str().to_ascii_lowercase(),
            words.join("_")
        )
    }

    fn give(
        mut self,
        status: u16,
        words: &'static str,
        content: Option<(&'static str, Value)>,
    ) -> Self {
        self.gives.push(Gift {
            status,
            words,
            content,
            headers: Vec::new(),
        });
        self
    }

    /// A reference to a type, which is described with everything it is made of.
    fn reference<T: ToSchema>(&mut self) -> Value {
        let mut all = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut all);
        let written = all
            .into_iter()
            .filter_map(|(name, schema)| Some((name, serde_json::to_value(schema).ok()?)));
        self.schemas.extend(written);
        json!({ "$ref": format!("#/components/schemas/{}", T::name()) })
    }
}

impl Gift {
    pub fn response(&self) -> Value {
        let mut response = json!({ "description": self.words });
        if let Some((media, schema)) = &self.content {
            response["content"] = json!({ *media: { "schema": schema } });
        }
        for (name, words) in &self.headers {
            response["headers"][*name] =
                json!({ "description": words, "schema": { "type": "string" } });
        }
        response
    }
}
