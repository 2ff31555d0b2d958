//! As much of JSON Schema (2020-12) as docs/schema.json has: whatever else is in there is a panic, not a pass.

use std::path::Path;

use serde_json::Value;

/// The whole of docs/schema.json.
pub(crate) struct Schema(Value);

impl Schema {
    pub(crate) fn read() -> Schema {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema.json");
        Schema(serde_json::from_slice(&std::fs::read(path).expect("it is there")).expect("it is JSON"))
    }

    /// Whether a value is what this definition asks for.
    pub(crate) fn allows(&self, definition: &str, value: &Value) -> bool {
        self.holds(&self.0["$defs"][definition], value)
    }

    /// Whether a value is what all of it asks for.
    pub(crate) fn allows_anywhere(&self, value: &Value) -> bool {
        self.any(&self.0["anyOf"], value)
    }

    /// How many kinds of lines a definition has.
    pub(crate) fn kinds(&self, definition: &str) -> usize {
        list(&self.0["$defs"][definition]["oneOf"]).len()
    }

    /// The one of these kinds that a value is of.
    pub(crate) fn kind(&self, definition: &str, value: &Value) -> Option<usize> {
        list(&self.0["$defs"][definition]["oneOf"]).iter().position(|kind| self.holds(kind, value))
    }

    fn holds(&self, schema: &Value, value: &Value) -> bool {
        let keywords = schema.as_object().expect("a schema is an object");
        keywords.iter().all(|(keyword, asked)| match keyword.as_str() {
            "description" => true,
            "$ref" => {
                let name = asked.as_str().and_then(|to| to.strip_prefix("#/$defs/")).expect("a definition");
                self.allows(name, value)
            }
            "type" => is_of(asked, value),
            "const" => asked == value,
            "enum" => list(asked).contains(value),
            "minimum" => value.as_i64().is_none_or(|number| number >= asked.as_i64().expect("a number")),
            "required" => list(asked).iter().all(|name| value.get(name.as_str().expect("a name")).is_some()),
            "minProperties" => members(value).len() as u64 >= asked.as_u64().expect("a number"),
            "properties" => members(value).iter().all(|(name, value)| {
                let asked = asked.get(*name);
                asked.is_none_or(|asked| self.holds(asked, value))
            }),
            "additionalProperties" => {
                assert_eq!(asked, &Value::Bool(false));
                members(value).iter().all(|(name, _)| schema["properties"].get(*name).is_some())
            }
            "oneOf" => list(asked).iter().filter(|one| self.holds(one, value)).count() == 1,
            "allOf" => list(asked).iter().all(|one| self.holds(one, value)),
            "anyOf" => self.any(asked, value),
            other => panic!("the tests know nothing of {other}"),
        })
    }

    fn any(&self, schemas: &Value, value: &Value) -> bool {
        list(schemas).iter().any(|one| self.holds(one, value))
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn members(value: &Value) -> Vec<(&String, &Value)> {
    value.as_object().into_iter().flatten().collect()
}

fn is_of(kind: &Value, value: &Value) -> bool {
    match kind {
        Value::Array(kinds) => kinds.iter().any(|kind| is_of(kind, value)),
        kind => match kind.as_str().expect("the name of a type") {
            "object" => value.is_object(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            "number" => value.is_number(),
            "integer" => value.is_i64() || value.is_u64(),
            other => panic!("the tests know nothing of {other}"),
        },
    }
}

#[test]
fn the_checker_can_say_no() {
    let schema = Schema::read();
    let value = |text: &str| serde_json::from_str(text).expect("it is JSON");
    for (definition, text, is_allowed) in [
        ("audit", r#"{"verdict":"ok","path":"a"}"#, true),
        ("audit", r#"{"verdict":"fine","path":"a"}"#, false),
        ("audit", r#"{"verdict":"ok"}"#, false),
        ("audit", r#"{"verdict":"ok","path":"a","path_base64":"YQ=="}"#, false),
        ("audit", r#"{"verdict":"ok","path":"a","more":1}"#, false),
        ("audit", r#"{"verdict":"ok","path":1}"#, false),
        ("etag", r#"{"etag":"x","path":"a","part_size":null}"#, true),
        ("etag", r#"{"etag":"x","path":"a","part_size":0}"#, false),
        ("hash", r#"{"path":"a","checksums":{}}"#, false),
        ("hash", r#"{"path":"a","checksums":{"md4":"x"}}"#, false),
        ("hash", r#"{"summary":{"hashed":-1}}"#, false),
        ("progress", r#"{"progress":{"seconds":1.5}}"#, false),
    ] {
        assert_eq!(schema.allows(definition, &value(text)), is_allowed, "{text}");
    }
}
