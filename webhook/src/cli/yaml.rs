//! YAML in and out, by way of JSON values.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Number, Value};

/// Documents of one file. Chosen: what `kubectl get -A` gives of a large cluster.
const DOCUMENTS: usize = 100_000;
/// Values of one file, those that aliases repeat included. Chosen: a file of 10 MiB has 1.2
/// million.
const NODES: usize = 2_000_000;

/// Reads all documents of a file.
///
/// # Errors
///
/// The parser's message, with line and column and without the text there: it may be of a Secret.
pub fn read(text: &str) -> Result<Vec<Value>, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_documents: DOCUMENTS,
            max_nodes: NODES,
            max_events: 4 * NODES,
        },
        with_snippet: false,
    };
    serde_saphyr::from_multiple_with_options(text, options)
}

/// Writes a value as YAML.
///
/// # Errors
///
/// What the writer cannot express; no JSON value is of that kind.
pub fn write(value: &Value) -> Result<String, serde_saphyr::SerializeError> {
    serde_saphyr::to_string(&Plain(value))
}

/// A JSON value whose numbers are numbers to any format: the workspace keeps them as text, which
/// only serde_json's own formats understand.
struct Plain<'v>(&'v Value);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(number) => serialize_number(number, serializer),
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&Plain(item))?;
                }
                list.end()
            }
            Value::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (key, value) in fields {
                    map.serialize_entry(key, &Plain(value))?;
                }
                map.end()
            }
        }
    }
}

fn serialize_number<S: Serializer>(number: &Number, serializer: S) -> Result<S::Ok, S::Error> {
    if let Some(number) = number.as_u64() {
        return serializer.serialize_u64(number);
    }
    if let Some(number) = number.as_i64() {
        return serializer.serialize_i64(number);
    }
    // No field of a pod or a profile is beyond a float.
    serializer.serialize_f64(number.as_f64().unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let value = json!({
            "numbers": [0, -1, 292, 1.5],
            "texts": ["true", "1", "null", "", "a: b", "- x", "line\nline", "#", "${vault:a#b}"],
            "nothing": null,
            "is": true,
            "empty": {"list": [], "map": {}},
        });
        let text = write(&value).unwrap();
        assert!(text.contains("- 292"), "{text}");
        assert_eq!(read(&text).unwrap(), [value]);
    }

    #[test]
    fn documents_are_separate_and_faults_have_a_line() {
        assert_eq!(read("a: 1\n---\nb: 2\n").unwrap().len(), 2);
        let error = read("a: 1\nb: [").unwrap_err().to_string();
        assert!(error.contains("line"), "{error}");
    }
}
