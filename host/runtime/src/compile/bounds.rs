//! Limits the parts of a component that are expensive to compile for their size. They are counted
//! in one cheap pass before the component is compiled.

use hayrick_types::limit_name::LimitName;
use hayrick_types::settings::component::ComponentBounds;
use wasmparser::{BinaryReaderError, ComponentType, CoreType, Parser, Payload};

/// A component is refused before it is compiled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BoundsError {
    #[error(
        "the component exceeds {limit} ({max}): make it smaller, or ask the operator to raise the \
         limit"
    )]
    Exceeded { limit: LimitName, max: u64 },
    #[error(transparent)]
    Malformed(#[from] BinaryReaderError),
}

/// A limit, and how much of it is used.
struct Count {
    limit: LimitName,
    max: u64,
    used: u64,
}

impl Count {
    fn of(limit: LimitName, max: u64) -> Count {
        Count {
            limit,
            max,
            used: 0,
        }
    }

    fn add(&mut self, more: u64) -> Result<(), BoundsError> {
        self.used = self.used.saturating_add(more);
        self.check(self.used)
    }

    fn check(&self, used: u64) -> Result<(), BoundsError> {
        if used > self.max {
            Err(BoundsError::Exceeded {
                limit: self.limit,
                max: self.max,
            })
        } else {
            Ok(())
        }
    }
}

struct Counts {
    nesting: Count,
    components: Count,
    modules: Count,
    functions: Count,
    function_bytes: Count,
    types: Count,
    imports: Count,
    exports: Count,
    name_bytes: Count,
}

/// Counts the parts of a component, and stops at the first limit that is exceeded.
///
/// # Errors
/// A limit is exceeded, or the bytes are not a component.
pub(crate) fn check(content: &[u8], bounds: &ComponentBounds) -> Result<(), BoundsError> {
    let mut counts = Counts {
        nesting: Count::of(LimitName::NestingMax, bounds.nesting_max),
        components: Count::of(LimitName::ComponentsMax, bounds.components_max),
        modules: Count::of(LimitName::ModulesMax, bounds.modules_max),
        functions: Count::of(LimitName::FunctionsMax, bounds.functions_max),
        function_bytes: Count::of(LimitName::FunctionBytesMax, bounds.function_bytes_max),
        types: Count::of(LimitName::TypesMax, bounds.types_max),
        imports: Count::of(LimitName::ImportsMax, bounds.imports_max),
        exports: Count::of(LimitName::ExportsMax, bounds.exports_max),
        name_bytes: Count::of(LimitName::NameBytesMax, bounds.name_bytes_max),
    };
    for payload in Parser::new(0).parse_all(content) {
        counts.payload(payload?)?;
    }
    Ok(())
}

impl Counts {
    fn payload(&mut self, payload: Payload<'_>) -> Result<(), BoundsError> {
        match payload {
            Payload::ComponentSection { .. } => {
                self.nesting.add(1)?;
                self.components.add(1)
            }
            Payload::ModuleSection { .. } => {
                self.nesting.add(1)?;
                self.modules.add(1)
            }
            Payload::End(_) => {
                self.nesting.used = self.nesting.used.saturating_sub(1);
                Ok(())
            }
            Payload::FunctionSection(section) => self.functions.add(section.count().into()),
            Payload::CodeSectionEntry(body) => self.function_bytes.check(length(&body.range())),
            Payload::TypeSection(section) => self.types.add(section.count().into()),
            Payload::CoreTypeSection(section) => self.core_types(section),
            Payload::ComponentTypeSection(section) => self.component_types(section),
            Payload::ImportSection(section) => self.imports.add(section.count().into()),
            Payload::ExportSection(section) => self.exports.add(section.count().into()),
            Payload::ComponentImportSection(section) => {
                self.imports.add(section.count().into())?;
                section
                    .into_iter()
                    .try_for_each(|import| self.name_bytes.check(import?.name.name.len() as u64))
            }
            Payload::ComponentExportSection(section) => {
                self.exports.add(section.count().into())?;
                section
                    .into_iter()
                    .try_for_each(|export| self.name_bytes.check(export?.name.name.len() as u64))
            }
            _ => Ok(()),
        }
    }

    fn core_types(
        &mut self,
        section: wasmparser::CoreTypeSectionReader<'_>,
    ) -> Result<(), BoundsError> {
        self.types.add(section.count().into())?;
        section.into_iter().try_for_each(|core| match core? {
            CoreType::Module(declared) => self.types.add(declared.len() as u64),
            CoreType::Rec(_) => Ok(()),
        })
    }

    fn component_types(
        &mut self,
        section: wasmparser::ComponentTypeSectionReader<'_>,
    ) -> Result<(), BoundsError> {
        self.types.add(section.count().into())?;
        section.into_iter().try_for_each(|found| match found? {
            ComponentType::Component(declared) => self.types.add(declared.len() as u64),
            ComponentType::Instance(declared) => self.types.add(declared.len() as u64),
            _ => Ok(()),
        })
    }
}

fn length(range: &std::ops::Range<usize>) -> u64 {
    range.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every component begins like this.
    const PREAMBLE: &[u8] = b"\0asm\x0d\0\x01\0";

    fn section(id: u8, content: &[u8]) -> Vec<u8> {
        let mut length = content.len();
        let mut bytes = vec![id];
        while length >= 0x80 {
            bytes.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend(content);
        bytes
    }

    fn nested(depth: usize) -> Vec<u8> {
        (0..depth).fold(PREAMBLE.to_vec(), |inner, _| {
            [PREAMBLE, &section(4, &inner)].concat()
        })
    }

    fn refused(content: &[u8]) -> String {
        check(content, &ComponentBounds::default())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn nesting_components_and_modules_are_limited() {
        check(&nested(16), &ComponentBounds::default()).unwrap();
        assert!(refused(&nested(17)).contains("nesting_max (16)"));
        let beside: Vec<u8> = (0..257).flat_map(|_| section(4, PREAMBLE)).collect();
        assert!(refused(&[PREAMBLE, &beside].concat()).contains("components_max"));
        let modules: Vec<u8> = (0..257)
            .flat_map(|_| section(1, b"\0asm\x01\0\0\0"))
            .collect();
        assert!(refused(&[PREAMBLE, &modules].concat()).contains("modules_max"));
    }

    #[test]
    fn parts_of_modules_are_limited() {
        let module = |content: &[u8]| {
            [
                PREAMBLE,
                &section(1, &[b"\0asm\x01\0\0\0", content].concat()),
            ]
            .concat()
        };
        // Three bytes that claim a million functions: only the claimed number counts.
        assert!(refused(&module(&section(3, &[0xc0, 0x84, 0x3d]))).contains("functions_max"));
        assert!(refused(&module(&section(1, &[0xc0, 0x84, 0x3d]))).contains("types_max"));
        assert!(refused(&module(&section(2, &[0xc0, 0x84, 0x3d]))).contains("imports_max"));
        assert!(refused(&module(&section(7, &[0xc0, 0x84, 0x3d]))).contains("exports_max"));
        let giant_body = [&[1][..], &section(0, &vec![0; (2 << 20) + 1])[1..]].concat();
        let reason = refused(&module(
            &[section(3, &[1, 0]), section(10, &giant_body)].concat(),
        ));
        assert!(reason.contains("function_bytes_max"), "{reason}");
    }

    #[test]
    fn a_long_name_is_refused_and_half_a_component_is_malformed() {
        let name = vec![b'a'; 1025];
        // An exported function of that name: kind of name, name, sort, index, no type.
        let export = [&[1, 0][..], &section(0, &name)[1..], &[1, 0, 0]].concat();
        assert!(refused(&[PREAMBLE, &section(11, &export)].concat()).contains("name_bytes_max"));
        let half = &nested(3)[..20];
        assert!(matches!(
            check(half, &ComponentBounds::default()),
            Err(BoundsError::Malformed(_))
        ));
    }
}
