//! What the type of a number decides by itself, written into its schema: no range is enforced that is not said.

use schemars::{Schema, transform::transform_subschemas};
use serde_json::{Value, json};

/// The largest whole number that JavaScript keeps exact; no field goes beyond it.
const EXACT: u64 = (1 << 53) - 1;

/// Bounds of the numbers of a format: the least, the greatest.
fn of_format(format: &str) -> Option<(Value, Value)> {
    Some(match format {
        "uint8" => (json!(0), json!(u8::MAX)),
        "uint16" => (json!(0), json!(u16::MAX)),
        "uint32" => (json!(0), json!(u32::MAX)),
        "uint64" | "uint" => (json!(0), json!(EXACT)),
        "int8" => (json!(i8::MIN), json!(i8::MAX)),
        "int16" => (json!(i16::MIN), json!(i16::MAX)),
        "int32" => (json!(i32::MIN), json!(i32::MAX)),
        "int64" | "int" => (json!(-EXACT.cast_signed()), json!(EXACT)),
        // A larger one would be infinite, which JSON cannot say back.
        "float" => (json!(f32::MIN), json!(f32::MAX)),
        _ => return None,
    })
}

/// Adds the bounds of the format where there are none.
pub(super) fn bound(schema: &mut Schema) {
    transform_subschemas(&mut bound, schema);
    let Some((least, greatest)) = schema.get("format").and_then(Value::as_str).and_then(of_format) else { return };
    for (name, exclusive, value) in [("minimum", "exclusiveMinimum", least), ("maximum", "exclusiveMaximum", greatest)] {
        if schema.get(name).is_none() && schema.get(exclusive).is_none() {
            schema.insert(name.to_owned(), value);
        }
    }
}

/// Whether a bound is no more than what the format says.
pub(super) fn is_of_format(schema: &Value, bound: &str) -> bool {
    let Some((least, greatest)) = schema["format"].as_str().and_then(of_format) else { return false };
    schema[bound] == if bound == "minimum" { least } else { greatest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_the_bounds_of_its_type_unless_it_has_others() {
        let mut schema: Schema = json!({
            "type": "object",
            "properties": {
                "n": { "type": "integer", "format": "uint64", "minimum": 0 },
                "x": { "type": "number", "format": "float", "exclusiveMinimum": 0 },
                "d": { "type": "number", "format": "double" },
            },
        })
        .try_into()
        .expect("an object");
        bound(&mut schema);
        let schema = schema.to_value();
        assert_eq!(schema["properties"]["n"]["maximum"], EXACT);
        assert!(schema["properties"]["x"].get("minimum").is_none());
        assert!(schema["properties"]["x"]["maximum"].as_f64().is_some_and(|most| most > 3e38));
        assert!(schema["properties"]["d"].get("maximum").is_none());
        assert!(is_of_format(&schema["properties"]["n"], "maximum"));
    }
}
