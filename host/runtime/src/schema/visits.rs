//! How often a validator looks at one place of a value. A schema that refers to itself twice doubles
//! the work with each level of the value, so such schemas are refused.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

/// How often a validator may look at the same place.
const VISITS_MAX: u64 = 256;
/// Levels of a value; `json_depth_max` allows no more than this.
const LEVELS: usize = 128;

/// Steps of counting. A schema of 64 KiB takes some thousands, unless it refers to itself a lot.
const STEPS_MAX: usize = 1_000_000;

/// Keywords whose schemas apply to the value itself: one, a list of them, or one for each name.
const HERE_ONE: [&str; 6] = [
    "not",
    "if",
    "then",
    "else",
    "propertyNames",
    "unevaluatedItems",
];
const HERE_LIST: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const HERE_NAMED: [&str; 2] = ["dependentSchemas", "dependencies"];
/// Keywords whose schemas apply to the members or items of the value.
const BELOW_ONE: [&str; 6] = [
    "additionalProperties",
    "unevaluatedProperties",
    "items",
    "additionalItems",
    "contains",
    "contentSchema",
];
const BELOW_LIST: [&str; 2] = ["prefixItems", "items"];

/// Why a schema is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VisitsError {
    #[error("its reference '{0}' leads nowhere: references begin with '#/' and stay in the schema")]
    Reference(String),
    #[error("it has the keyword '{0}', which this host does not follow: use $ref")]
    Keyword(&'static str),
    #[error("a schema in it refers to itself without going into the value: remove the reference")]
    Circle,
    #[error(
        "a validator could look at one place of a value more than {VISITS_MAX} times \
         (schema_visits_max): let fewer of its schemas refer to each other"
    )]
    TooMany,
}

/// Checks that no value makes a validator look at one place too often.
///
/// # Errors
/// It would, or the schema has a reference that cannot be followed.
pub(super) fn check(schema: &Value) -> Result<(), VisitsError> {
    let mut counting = Counting {
        root: schema,
        known: HashMap::new(),
        steps: 0,
    };
    counting.visit_all(schema)?;
    (counting.visits(schema, LEVELS)? <= VISITS_MAX)
        .then_some(())
        .ok_or(VisitsError::TooMany)
}

/// The schema to which a reference leads.
pub(super) fn target<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let pointer = reference.strip_prefix('#')?;
    root.pointer(pointer)
}

struct Counting<'a> {
    root: &'a Value,
    /// The visits of a schema, by its address and the levels below it.
    known: HashMap<(*const Value, usize), u64>,
    steps: usize,
}

/// The schemas that apply to members and items: those of one name, and those of any.
#[derive(Default)]
struct Below<'a> {
    named: HashMap<&'a str, Vec<&'a Value>>,
    any: Vec<&'a Value>,
}

impl<'a> Counting<'a> {
    /// Refuses what cannot be followed, anywhere.
    fn visit_all(&self, schema: &'a Value) -> Result<(), VisitsError> {
        match schema {
            Value::Object(members) => {
                for keyword in ["$dynamicRef", "$recursiveRef", "$anchor", "$dynamicAnchor"] {
                    if members.get(keyword).is_some_and(Value::is_string) {
                        return Err(VisitsError::Keyword(keyword));
                    }
                }
                if let Some(Value::String(reference)) = members.get("$ref") {
                    target(self.root, reference)
                        .ok_or_else(|| VisitsError::Reference(reference.clone()))?;
                }
                members.values().try_for_each(|value| self.visit_all(value))
            }
            Value::Array(items) => items.iter().try_for_each(|item| self.visit_all(item)),
            _ => Ok(()),
        }
    }

    /// The most visits of any place at or below a value, if this schema looks at it once.
    fn visits(&mut self, schema: &'a Value, levels: usize) -> Result<u64, VisitsError> {
        let key = (std::ptr::from_ref(schema), levels);
        if let Some(visits) = self.known.get(&key) {
            return Ok(*visits);
        }
        let mut here = Vec::new();
        self.apply(schema, &mut here, &mut BTreeSet::new())?;
        self.steps += 1 + here.len();
        if self.steps > STEPS_MAX {
            return Err(VisitsError::TooMany);
        }
        let mut most = here.len() as u64;
        if levels > 0 {
            let mut below = Below::default();
            here.iter().for_each(|schema| below.add(schema));
            let any = self.sum(&below.any, levels - 1)?;
            most = most.max(any);
            for schemas in below.named.values() {
                most = most.max(any.saturating_add(self.sum(schemas, levels - 1)?));
            }
        }
        self.known.insert(key, most);
        Ok(most)
    }

    fn sum(&mut self, schemas: &[&'a Value], levels: usize) -> Result<u64, VisitsError> {
        schemas.iter().try_fold(0, |sum: u64, schema| {
            Ok(sum.saturating_add(self.visits(schema, levels)?))
        })
    }

    /// Collects the schemas that apply to the same value as this one, and this one.
    fn apply(
        &self,
        schema: &'a Value,
        here: &mut Vec<&'a Value>,
        open: &mut BTreeSet<*const Value>,
    ) -> Result<(), VisitsError> {
        let Value::Object(members) = schema else {
            return Ok(());
        };
        if !open.insert(std::ptr::from_ref(schema)) {
            return Err(VisitsError::Circle);
        }
        here.push(schema);
        if here.len() as u64 > VISITS_MAX {
            return Err(VisitsError::TooMany);
        }
        for applied in applied_here(members) {
            self.apply(applied, here, open)?;
        }
        if let Some(Value::String(reference)) = members.get("$ref")
            && let Some(target) = target(self.root, reference)
        {
            self.apply(target, here, open)?;
        }
        open.remove(&std::ptr::from_ref(schema));
        Ok(())
    }
}

fn applied_here(members: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let one = HERE_ONE.iter().filter_map(|name| members.get(*name));
    let lists = HERE_LIST
        .iter()
        .filter_map(|name| members.get(*name)?.as_array())
        .flatten();
    let named = HERE_NAMED
        .iter()
        .filter_map(|name| members.get(*name)?.as_object())
        .flat_map(Map::values);
    one.chain(lists).chain(named)
}

impl<'a> Below<'a> {
    fn add(&mut self, schema: &'a Value) {
        let Some(members) = schema.as_object() else {
            return;
        };
        let properties = members.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            self.named.entry(name).or_default().push(schema);
        }
        let patterns = members.get("patternProperties").and_then(Value::as_object);
        self.any.extend(patterns.into_iter().flat_map(Map::values));
        let one = BELOW_ONE.iter().filter_map(|name| members.get(*name));
        self.any.extend(one);
        let lists = BELOW_LIST
            .iter()
            .filter_map(|name| members.get(*name)?.as_array());
        self.any.extend(lists.flatten());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn usual_schemas_are_allowed() {
        let node = json!({"type": "object", "properties": {
            "value": {"type": "integer"},
            "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            "left": {"$ref": "#/$defs/node"}, "right": {"$ref": "#/$defs/node"},
        }});
        for schema in [
            json!(true),
            json!({"type": "object", "properties": {"text": {"type": "string"}}}),
            json!({"$defs": {"node": node}, "$ref": "#/$defs/node"}),
            json!({"properties": {"again": {"$ref": "#"}}}),
            json!({"oneOf": vec![json!({"properties": {"a": {"type": "string"}}}); 100]}),
        ] {
            assert_eq!(check(&schema), Ok(()), "{schema}");
        }
    }

    /// Many schemas, each of which leads to the next by any name.
    fn recursive(count: usize) -> Value {
        let next = |place| format!("#/$defs/d{}", (place + 1) % count);
        let schemas = (0..count).map(|place| {
            let next = json!({"$ref": next(place)});
            (
                format!("d{place}"),
                json!({"allOf": vec![json!({"x": 1}); 30], "items": next}),
            )
        });
        let schemas: Map<String, Value> = schemas.collect();
        let names = schemas.keys();
        let uses: Map<String, Value> = names
            .map(|name| (name.clone(), json!({"$ref": format!("#/$defs/{name}")})))
            .collect();
        json!({"$defs": schemas, "properties": uses})
    }

    #[test]
    fn a_schema_that_doubles_the_work_is_refused() {
        let twice = json!({"properties": {"x": {"$ref": "#"}}});
        let halves: Map<String, Value> = (0..12)
            .map(|place| {
                let next = json!({"$ref": format!("#/$defs/d{}", place + 1)});
                (format!("d{place}"), json!({"allOf": [next, next]}))
            })
            .chain([("d12".to_owned(), json!({"type": "string"}))])
            .collect();
        for schema in [
            json!({"allOf": [twice, twice]}),
            json!({"items": {"$ref": "#"}, "contains": {"$ref": "#"}}),
            json!({"$defs": halves, "$ref": "#/$defs/d0"}),
            recursive(2000),
            json!({"allOf": vec![true; 3], "anyOf": vec![json!({}); 300]}),
        ] {
            assert_eq!(check(&schema), Err(VisitsError::TooMany), "{schema}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        let circle = json!({"allOf": [{"$ref": "#"}]});
        assert_eq!(check(&circle), Err(VisitsError::Circle));
        for reference in [
            "https://evil.example/s.json",
            "#/$defs/none",
            "other.json",
            "#name",
        ] {
            let schema = json!({"properties": {"a": {"$ref": reference}}});
            let expected = VisitsError::Reference(reference.to_owned());
            assert_eq!(check(&schema), Err(expected));
        }
        let dynamic = json!({"properties": {"a": {"$dynamicRef": "#x"}}});
        assert_eq!(check(&dynamic), Err(VisitsError::Keyword("$dynamicRef")));
    }
}
