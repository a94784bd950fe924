//! `[component]`: how much a component may have of what costs the compiler more than bytes.

use serde::{Deserialize, Serialize};

/// Hands the table of `[component]` on.
macro_rules! component_table {
    ($next:ident $($given:tt)*) => { $next! { $($given)*
        /// How many parts a component may have, counted before it is compiled, with everything
        /// nested in it.
        #[derive(Hash, Serialize, Deserialize)]
        pub struct ComponentBounds in "component" named "component." {
            /// Levels of components and modules inside each other.
            nesting_max: u64 as count = 16, in 1 ..= 1000, limit NestingMax;
            /// Components nested anywhere in it.
            components_max: u64 as count = 256, in 1 ..= 1_000_000, limit ComponentsMax;
            /// Core modules.
            modules_max: u64 as count = 256, in 1 ..= 1_000_000, limit ModulesMax;
            /// Core functions with a body.
            functions_max: u64 as count = 200_000, in 1 ..= 1_000_000, limit FunctionsMax;
            /// Bytes of the body of one function.
            function_bytes_max: u64 as bytes = 2 << 20, in 1 ..= 8 << 20, limit FunctionBytesMax;
            /// Types, and declarations inside the types of components, instances and modules.
            types_max: u64 as count = 100_000, in 1 ..= 1_000_000, limit TypesMax;
            /// Imports, those of its modules included.
            imports_max: u64 as count = 100_000, in 1 ..= 1_000_000, limit ImportsMax;
            /// Exports, those of its modules included.
            exports_max: u64 as count = 100_000, in 1 ..= 1_000_000, limit ExportsMax;
            /// Bytes of one name that a component imports or exports.
            name_bytes_max: u64 as bytes = 1 << 10, in 1 ..= 64 << 10, limit NameBytesMax;
        }
    } };
}

component_table!(settings);
